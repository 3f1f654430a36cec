import { getCompileCacheDir } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { Envelope } from './envelope.ts';
import type { VerifyingKey } from './keys.ts';

const YOUNG_MEGABYTES = 4;
/** So many keys have a byte's number. */
const MAX_KEYS = 255;

/**
 * Checks signatures on another core, by the same code and with the same keys; only
 * {@link startSignatureThread} makes one. To be ended, or the process goes on.
 */
class SignatureThread {
  readonly #keys: readonly VerifyingKey[];
  readonly #worker: Worker;
  /** Of what was sent and is not answered, in the order in which it was sent. */
  readonly #waiting: ((held: Uint8Array | null) => void)[] = [];
  #isGone = false;

  constructor(keys: readonly VerifyingKey[]) {
    this.#keys = keys.slice(0, MAX_KEYS);
    this.#worker = new Worker(new URL('signature-thread.mjs', import.meta.url), {
      // Of memory for what is short-lived; it holds nothing else.
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
      argv: [getCompileCacheDir() ?? '', ...this.#keys.map(({ pem }) => pem)],
    });
    this.#worker.on('message', (held: Uint8Array) => this.#waiting.shift()?.(held));
    // What it can't do is done by whoever asked.
    this.#worker.on('error', () => this.#gone());
    this.#worker.on('exit', () => this.#gone());
  }

  /**
   * Of each envelope the first key whose signature it has, or null for none; null for them all where the
   * thread has ended.
   */
  async check(envelopes: readonly Envelope[]): Promise<readonly (VerifyingKey | null)[] | null> {
    if (this.#isGone) return null;
    const { bytes, lengths } = packed(envelopes);
    const answered = new Promise<Uint8Array | null>((resolve) => this.#waiting.push(resolve));
    this.#worker.postMessage({ bytes, lengths }, [bytes.buffer, lengths.buffer]);
    const held = await answered;
    return held && Array.from(held, (number) => this.#keys[number - 1] ?? null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  #gone(): void {
    this.#isGone = true;
    for (const answer of this.#waiting.splice(0)) answer(null);
  }
}

export type { SignatureThread };

/** Costs some 50 ms of CPU: two thousand signatures. */
export function startSignatureThread(keys: readonly VerifyingKey[]): SignatureThread {
  return new SignatureThread(keys);
}

/** Each text and its signature, one behind the other, and their lengths. */
function packed(envelopes: readonly Envelope[]): {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lengths: Uint32Array<ArrayBuffer>;
} {
  const lengths = new Uint32Array(envelopes.length * 2);
  let total = 0;
  for (const [nth, { signedData, signature }] of envelopes.entries()) {
    lengths[2 * nth] = Buffer.byteLength(signedData);
    lengths[2 * nth + 1] = signature.length;
    total += (lengths[2 * nth] ?? 0) + signature.length;
  }
  const bytes = Buffer.from(new ArrayBuffer(total));
  let at = 0;
  for (const { signedData, signature } of envelopes) {
    at += bytes.write(signedData, at, 'utf8');
    bytes.set(signature, at);
    at += signature.length;
  }
  return { bytes, lengths };
}
