import { createHash } from 'node:crypto';
import { createSHA256 } from 'hash-wasm';
import { memberOf } from '../trust/json.ts';

/** What goes on in the next delivery; only the hash of a library can be saved, as base64. */
export interface HashState {
  readonly bytes: number;
  readonly whole: string;
  readonly part: string | null;
  /** Lower-case hex SHA-256 of each part that is full. */
  readonly parts: readonly string[];
}

/** Lower-case hex. */
export interface Hashes {
  readonly sha256: string;
  /** Of each part in order, all as long as `bytes` but the last, where the object is copied in parts. */
  readonly parts: { readonly bytes: number; readonly sha256: readonly string[] } | null;
}

interface Hasher {
  update(bytes: Uint8Array): unknown;
  digest(encoding: 'hex'): string;
  /** `node:crypto` can't; it is eight times as fast, and most logs are read in one delivery. */
  save?(): Uint8Array;
}

/** SHA-256 of an object's stored bytes, in order and without a gap, over one delivery or many. */
export class LogHash {
  readonly #partBytes: number | null;
  readonly #whole: Hasher;
  readonly #nextPart: () => Hasher;
  readonly #parts: string[];
  #part: Hasher;
  #bytes: number;
  /** Digesting uses a hash up. */
  #atEnd: HashState | null = null;

  private constructor(
    partBytes: number | null,
    whole: Hasher,
    nextPart: () => Hasher,
    { bytes, parts }: Pick<HashState, 'bytes' | 'parts'> = { bytes: 0, parts: [] },
  ) {
    this.#partBytes = partBytes;
    this.#whole = whole;
    this.#nextPart = nextPart;
    this.#part = nextPart();
    this.#parts = [...parts];
    this.#bytes = bytes;
  }

  /** For whoever reads all in one go: it has no {@link state}. */
  static ofOneReading(partBytes: number | null): LogHash {
    return new LogHash(partBytes, createHash('sha256'), () => createHash('sha256'));
  }

  /** Goes on where `state` was saved, or begins anew; it can be saved. */
  static async resumed(partBytes: number | null, state: HashState | null): Promise<LogHash> {
    const [whole, part] = [(await createSHA256()).init(), await createSHA256()];
    if (state === null) return new LogHash(partBytes, whole, () => part.init());
    whole.load(Buffer.from(state.whole, 'base64'));
    const hash = new LogHash(partBytes, whole, () => part.init(), state);
    if (state.part !== null) part.load(Buffer.from(state.part, 'base64'));
    return hash;
  }

  /** How many it has seen. */
  get bytes(): number {
    return this.#bytes;
  }

  update(chunk: Uint8Array): void {
    this.#whole.update(chunk);
    if (this.#partBytes !== null) this.#updateParts(chunk, this.#partBytes);
    this.#bytes += chunk.length;
  }

  state(): HashState | null {
    if (this.#atEnd !== null) return this.#atEnd;
    const whole = this.#whole.save?.();
    if (whole === undefined) return null;
    const part = this.#partBytes === null ? undefined : this.#part.save?.();
    return {
      bytes: this.#bytes,
      whole: base64(whole),
      part: part === undefined ? null : base64(part),
      parts: [...this.#parts],
    };
  }

  /** Nothing can be added afterwards. */
  end(): Hashes {
    this.#atEnd = this.state();
    const sha256 = this.#whole.digest('hex');
    if (this.#partBytes === null) return { sha256, parts: null };
    const isFull = this.#bytes % this.#partBytes === 0;
    const last = isFull ? [] : [this.#part.digest('hex')];
    return { sha256, parts: { bytes: this.#partBytes, sha256: [...this.#parts, ...last] } };
  }

  #updateParts(chunk: Uint8Array, partBytes: number): void {
    for (let at = 0; at < chunk.length;) {
      const room = partBytes - ((this.#bytes + at) % partBytes);
      const piece = chunk.subarray(at, at + room);
      this.#part.update(piece);
      at += piece.length;
      if (piece.length < room) return;
      this.#parts.push(this.#part.digest('hex'));
      this.#part = this.#nextPart();
    }
  }
}

/** True for what {@link LogHash.state} made. */
export function isHashState(value: unknown): value is HashState {
  const [part, parts] = [memberOf(value, 'part'), memberOf(value, 'parts')];
  return (
    typeof memberOf(value, 'bytes') === 'number' &&
    typeof memberOf(value, 'whole') === 'string' &&
    (part === null || typeof part === 'string') &&
    Array.isArray(parts) &&
    parts.every((hash) => typeof hash === 'string')
  );
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
