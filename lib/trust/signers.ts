import { createHash } from 'node:crypto';
import { openEnvelope, type Envelope } from './envelope.ts';
import type { VerifyingKey } from './keys.ts';
import type { Line } from './lines.ts';
import type { Passage } from './passage.ts';
import { isRefusal, type Refusal } from './rejection.ts';
import type { SignatureThread } from './signature-thread.ts';

declare const verified: unique symbol;

/** Text whose signature has been checked. Only this file makes one. */
export type VerifiedText = string & { readonly [verified]: true };

/** What was signed, and by which key. */
export interface VerifiedEnvelope {
  readonly text: VerifiedText;
  /** Lower-case hex SHA-256 of the text's UTF-8 bytes: the record's identity. */
  readonly digest: string;
  readonly kid: string;
}

/** The detail where no key's signature holds. */
export const NO_KEY = 'no configured key made this signature';

/** Checks the signature against each key in turn. */
export function verifyEnvelope(
  { signedData, signature }: Envelope,
  keys: readonly VerifyingKey[],
): VerifiedEnvelope | Refusal {
  const data = Buffer.from(signedData, 'utf8');
  const key = keys.find((candidate) => candidate.verify(data, signature));
  if (key === undefined) return { code: 'SIGNATURE_INVALID', detail: NO_KEY };
  return mint(signedData, data, key.kid);
}

// Not exported: here alone is it known that the signature held.
function mint(signedData: string, data: Buffer, kid: string): VerifiedEnvelope {
  const digest = createHash('sha256').update(data).digest('hex');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one line that says a signature held
  return { text: signedData as VerifiedText, digest, kid };
}

/** Of a passage, what another thread was asked. */
interface Ahead {
  readonly envelopes: readonly (Envelope | Refusal)[];
  /** Of each envelope the key that made its signature; null for none. */
  readonly keys: ReadonlyMap<object, VerifyingKey | null>;
}

/** Undefined for a key that is not among these: only the signature tells then. */
function kidOf(
  key: VerifyingKey | null | undefined,
  keys: readonly VerifyingKey[],
): string | undefined {
  return key && keys.includes(key) ? key.kid : undefined;
}

/** A byte a line: so many keys can be told apart, more than can be configured. */
const MAX_KIDS = 255;

/**
 * Which key made the signature of each line of a log: found out in a first reading, so that a second
 * one of the very same bytes need not. It grows by a byte a line and some hundred a passage.
 */
export class Signers {
  readonly #kids: string[] = [];
  /** For each line its key's place in {@link #kids}, from 1; 0 where it was refused or its key had no room. */
  #byLine = new Uint8Array(1_024);
  #lines = 0;
  /** The key that held last is tried first: a log has one signer, and a ring may have many keys. */
  #likely: VerifyingKey | undefined;
  /** Where the lines of a passage begin among those, by its digest. */
  readonly #passages = new Map<string, number>();
  /** What {@link ahead} has found of passages that are still to be verified, by their digests. */
  readonly #ahead = new Map<string, Ahead>();

  /** The keys that made a signature of these lines, in the order of their kids, whatever became of the record. */
  get kids(): readonly string[] {
    return this.#kids.toSorted();
  }

  /** True for a passage whose lines were all here before: the same bytes, behind the same bytes. */
  knows(passage: Passage): boolean {
    return this.#passages.has(passage.digest);
  }

  /**
   * Has the signatures of a passage checked by another thread, for {@link verify} to find. Never rejects:
   * what that thread does not answer, verify checks itself, and so it does where no key was found.
   */
  async ahead(passage: Passage, thread: SignatureThread): Promise<void> {
    if (this.knows(passage)) return;
    const envelopes = passage.lines.map(({ bytes }) => openEnvelope(bytes));
    const good = envelopes.flatMap((envelope) => (isRefusal(envelope) ? [] : [envelope]));
    const held = await thread.check(good).catch(() => null);
    if (held === null) return;
    const keys = new Map(good.map((envelope, nth) => [envelope, held[nth] ?? null]));
    this.#ahead.set(passage.digest, { envelopes, keys });
  }

  /**
   * Each line's envelope, or the first reason against it. A signature is checked unless it was here
   * before: on the same line, of the same bytes, behind the same bytes, and with one of these keys.
   */
  *verify(
    passage: Passage,
    keys: readonly VerifyingKey[],
  ): Generator<readonly [Line, VerifiedEnvelope | Refusal]> {
    const first = this.#passages.get(passage.digest);
    const kids: (string | null)[] = [];
    const ahead = this.#ahead.get(passage.digest);
    this.#ahead.delete(passage.digest);
    for (const line of passage.lines) {
      const envelope = ahead?.envelopes[kids.length] ?? openEnvelope(line.bytes);
      const kid =
        first === undefined
          ? kidOf(ahead?.keys.get(envelope), keys)
          : this.#kidAt(first + kids.length, keys);
      const result = isRefusal(envelope)
        ? envelope
        : kid === undefined
          ? this.#checked(envelope, keys)
          : mint(envelope.signedData, Buffer.from(envelope.signedData, 'utf8'), kid);
      kids.push(isRefusal(result) ? null : result.kid);
      yield [line, result];
    }
    if (first === undefined) this.#remember(passage, kids);
  }

  #checked(envelope: Envelope, keys: readonly VerifyingKey[]): VerifiedEnvelope | Refusal {
    const likely = this.#likely;
    const isFirst = likely === undefined || likely === keys[0] || !keys.includes(likely);
    const result = verifyEnvelope(envelope, isFirst ? keys : [likely, ...keys]);
    if (!isRefusal(result)) this.#likely = keys.find(({ kid }) => kid === result.kid);
    return result;
  }

  /** Undefined where only the signature tells. */
  #kidAt(place: number, keys: readonly VerifyingKey[]): string | undefined {
    const known = this.#kids[(this.#byLine[place] ?? 0) - 1];
    return keys.find(({ kid }) => kid === known)?.kid;
  }

  #remember(passage: Passage, kids: readonly (string | null)[]): void {
    this.#passages.set(passage.digest, this.#lines);
    const lines = this.#lines + kids.length;
    if (lines > this.#byLine.length) {
      const grown = new Uint8Array(Math.max(lines, this.#byLine.length * 2));
      grown.set(this.#byLine);
      this.#byLine = grown;
    }
    for (const kid of kids) {
      if (kid !== null && !this.#kids.includes(kid) && this.#kids.length < MAX_KIDS)
        this.#kids.push(kid);
      this.#byLine[this.#lines] = kid === null ? 0 : this.#kids.indexOf(kid) + 1;
      this.#lines += 1;
    }
  }
}
