import type { VerifiedRecord } from '../trust/verify.ts';

/** Of lines. What is kept of one takes about its bytes of memory, and twice that where its text is not Latin. */
export const MAX_KEPT_BYTES = 32 * 1024 ** 2;

/** What the first reading of a log has verified, to be written without a second one where it is little enough. */
export class Kept {
  readonly #maxBytes: number;
  #bytes = 0;
  #records: VerifiedRecord[] = [];

  /** Of a log that is announced to be too large nothing is kept in the first place; null where only reading tells. */
  constructor(maxBytes = MAX_KEPT_BYTES, announcedBytes: number | null = null) {
    this.#maxBytes = (announcedBytes ?? 0) > maxBytes ? 0 : maxBytes;
  }

  add(verified: VerifiedRecord): void {
    this.#bytes += verified.location.length;
    if (this.#bytes <= this.#maxBytes) this.#records.push(verified);
    else this.#records = [];
  }

  /** Gives away what it has; null where that is not a record of every line: one was refused, or judged in another delivery. */
  take(lines: number): readonly VerifiedRecord[] | null {
    const records = this.#records;
    this.#records = [];
    return records.length === lines ? records : null;
  }
}
