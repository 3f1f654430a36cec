import { createHash } from 'node:crypto';
import { LineFramer, type Line, type Place } from './lines.ts';

/** Lines of one log that were read at once; only a {@link PassageFramer} makes one. */
class Passage {
  readonly lines: readonly Line[];
  readonly #digest: string;

  constructor(lines: readonly Line[], digest: string) {
    this.lines = lines;
    this.#digest = digest;
  }

  /** Equal to another passage's only if both hold the same bytes, cut the same way, and everything read before them was the same. */
  get digest(): string {
    return this.#digest;
  }
}

export type { Passage };

/** Cuts a stream of bytes into lines, as {@link LineFramer} does, and proves which bytes they are. */
export class PassageFramer {
  readonly #framer: LineFramer;
  /** Of where and how reading began, and then of every chunk. */
  #digest: string;

  constructor(maxLineBytes?: number, begin?: Place) {
    this.#framer = new LineFramer(maxLineBytes, begin);
    this.#digest = JSON.stringify([maxLineBytes ?? null, this.#framer.place]);
  }

  /** Where the next line begins. */
  get place(): Place {
    return this.#framer.place;
  }

  /** The lines that end in this chunk; see {@link LineFramer.push}. */
  push(chunk: Uint8Array): Passage {
    // A copy, so that whoever gave the chunk can't change what has been proven before it is read.
    const own = Buffer.from(chunk);
    return this.#passage('more', own, this.#framer.push(own));
  }

  /** The last line, where it lacks its LF. */
  end(): Passage {
    return this.#passage('end', new Uint8Array(), this.#framer.end());
  }

  // Each digest is made over the one before it, so that it stands for all of the log up to its place.
  #passage(kind: 'more' | 'end', chunk: Uint8Array, lines: readonly Line[]): Passage {
    this.#digest = createHash('sha256')
      .update(`${kind} ${this.#digest}\n`)
      .update(chunk)
      .digest('base64');
    return new Passage(lines, this.#digest);
  }
}
