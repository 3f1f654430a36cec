/** A longer line, CR and LF not counted, is refused without being held (docs/envelope.md, E-2). */
export const MAX_LINE_BYTES = 1_048_576;

/** The bytes between two LF, and where they stood. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** Of the line's first byte, from 0. */
  readonly offset: number;
  /** In bytes, without CR and LF. */
  readonly length: number;
  /** Null when the line is over the limit. */
  readonly bytes: Uint8Array | null;
  /** False only for a last line that lacks its LF. */
  readonly terminated: boolean;
}

/** The beginning of a line. */
export type Place = Pick<Line, 'number' | 'offset'>;

const LF = 0x0a;
const CR = 0x0d;
const EMPTY = Buffer.alloc(0);

/**
 * Cuts a stream of bytes into lines, wherever the stream itself was cut (docs/envelope.md, E-1).
 * Holds at most one line of the limit and the chunk it is given.
 */
export class LineFramer {
  readonly #maxLineBytes: number;
  #number: number;
  #offset: number;
  /** What of the current line came in earlier chunks; a copy, so that no chunk is kept alive. */
  #carried = EMPTY;
  #carriedBytes = 0;
  #lastByte = -1;

  constructor(maxLineBytes = MAX_LINE_BYTES, begin: Place = { number: 1, offset: 0 }) {
    this.#maxLineBytes = maxLineBytes;
    this.#number = begin.number;
    this.#offset = begin.offset;
  }

  /** Where the next line begins: a framer that is given the bytes from there yields the same lines. */
  get place(): Place {
    return { number: this.#number, offset: this.#offset };
  }

  /** The lines that end in this chunk. Their bytes may be views of it: use them before it is reused. */
  push(chunk: Uint8Array): Line[] {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const lines: Line[] = [];
    let start = 0;
    for (let end = buffer.indexOf(LF); end !== -1; end = buffer.indexOf(LF, start)) {
      lines.push(this.#line(buffer.subarray(start, end), true));
      start = end + 1;
    }
    if (start < buffer.length) this.#carry(buffer.subarray(start));
    return lines;
  }

  /** The last line, where it lacks its LF. */
  end(): Line[] {
    return this.#carriedBytes === 0 ? [] : [this.#line(EMPTY, false)];
  }

  #carry(part: Buffer): void {
    const total = this.#carriedBytes + part.length;
    // One byte over the limit may still turn out to be the CR of the framing.
    if (total > this.#maxLineBytes + 1) this.#carried = EMPTY;
    else {
      if (total > this.#carried.length) {
        // Doubled, so that a line in tiny chunks costs no more than one in large ones.
        const grown = Buffer.allocUnsafe(Math.max(total, this.#carried.length * 2));
        this.#carried.copy(grown, 0, 0, this.#carriedBytes);
        this.#carried = grown;
      }
      part.copy(this.#carried, this.#carriedBytes);
    }
    this.#carriedBytes = total;
    this.#lastByte = part.at(-1) ?? this.#lastByte;
  }

  #line(rest: Buffer, terminated: boolean): Line {
    const total = this.#carriedBytes + rest.length;
    const last = rest.at(-1) ?? this.#lastByte;
    const length = terminated && total > 0 && last === CR ? total - 1 : total;
    const line: Line = {
      number: this.#number,
      offset: this.#offset,
      length,
      bytes: length > this.#maxLineBytes ? null : this.#joined(rest).subarray(0, length),
      terminated,
    };
    this.#number += 1;
    this.#offset += total + (terminated ? 1 : 0);
    this.#carried = EMPTY;
    this.#carriedBytes = 0;
    this.#lastByte = -1;
    return line;
  }

  #joined(rest: Buffer): Buffer {
    if (this.#carriedBytes === 0) return rest;
    return Buffer.concat([this.#carried.subarray(0, this.#carriedBytes), rest]);
  }
}
