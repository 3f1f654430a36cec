import { createHash, hash, type Hash } from 'node:crypto';

/** A longer line, CR and LF not counted, is refused without being held (docs/envelope.md, E-2). */
export const MAX_LINE_BYTES = 1_048_576;

interface FramedLine {
  /** From 1. */
  readonly number: number;
  /** Of the line's first byte, from 0. */
  readonly offset: number;
  /** In bytes, without CR and LF. */
  readonly length: number;
  /** False only for a last line that lacks its LF. */
  readonly terminated: boolean;
}

/** The bytes between two LF, and where they stood; of a line over the limit the {@link LeafHash} of its bytes alone. */
export type Line = FramedLine &
  ({ readonly bytes: Uint8Array } | { readonly bytes: null; readonly leaf: string });

/** The beginning of a line. */
export type Place = Pick<Line, 'number' | 'offset'>;

/** The hash of a line as a leaf of its log's tree, lower-case hex: SHA-256 of a byte 0x00 and the line (RFC 6962, 2.1). */
export class LeafHash {
  #leaf = Buffer.alloc(4_096);

  of(line: Uint8Array): string {
    if (line.length >= this.#leaf.length) this.#leaf = Buffer.alloc(2 * line.length);
    // A copy costs a twentieth of a second update of a hash.
    this.#leaf.set(line, 1);
    return hash('sha256', this.#leaf.subarray(0, line.length + 1));
  }
}

/** The same of a line that is not held; whether its last CR belongs to it is known only at its end. */
class LongLeaf {
  readonly #hash: Hash = createHash('sha256').update(Buffer.alloc(1));
  #heldCr = false;

  update(part: Uint8Array): this {
    if (part.length === 0) return this;
    if (this.#heldCr) this.#hash.update(CRS);
    this.#heldCr = part.at(-1) === CR;
    this.#hash.update(this.#heldCr ? part.subarray(0, -1) : part);
    return this;
  }

  end(terminated: boolean): string {
    if (this.#heldCr && !terminated) this.#hash.update(CRS);
    return this.#hash.digest('hex');
  }
}

const LF = 0x0a;
const CR = 0x0d;
const CRS = Buffer.of(CR);
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
  /** There once the current line is too long to be held. */
  #long: LongLeaf | null = null;

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
    if (total > this.#maxLineBytes + 1) this.#hashLong(part);
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
    const framed = { number: this.#number, offset: this.#offset, length, terminated };
    const line: Line =
      length > this.#maxLineBytes
        ? { ...framed, bytes: null, leaf: this.#hashLong(rest).end(terminated) }
        : { ...framed, bytes: this.#joined(rest).subarray(0, length) };
    this.#number += 1;
    this.#offset += total + (terminated ? 1 : 0);
    this.#carried = EMPTY;
    this.#carriedBytes = 0;
    this.#lastByte = -1;
    this.#long = null;
    return line;
  }

  /** Takes in what is carried, which is held no longer, and `part`. */
  #hashLong(part: Buffer): LongLeaf {
    this.#long ??= new LongLeaf().update(this.#carried.subarray(0, this.#carriedBytes));
    this.#carried = EMPTY;
    return this.#long.update(part);
  }

  #joined(rest: Buffer): Buffer {
    if (this.#carriedBytes === 0) return rest;
    return Buffer.concat([this.#carried.subarray(0, this.#carriedBytes), rest]);
  }
}
