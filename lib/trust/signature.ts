import { createHash } from 'node:crypto';
import type { Envelope } from './envelope.ts';
import type { VerifyingKey } from './keys.ts';
import type { Refusal } from './rejection.ts';

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

/** Checks the signature against each key in turn. */
export function verifyEnvelope(
  { signedData, signature }: Envelope,
  keys: readonly VerifyingKey[],
): VerifiedEnvelope | Refusal {
  const data = Buffer.from(signedData, 'utf8');
  const key = keys.find((candidate) => candidate.verify(data, signature));
  if (key === undefined)
    return { code: 'SIGNATURE_INVALID', detail: 'no configured key made this signature' };
  return held(signedData, data, key.kid);
}

/**
 * What {@link verifyEnvelope} made of an envelope, without the signature's cost. The caller has proven
 * that the envelope's bytes are those that were verified, and with which key they were.
 */
export function recallEnvelope({ signedData }: Envelope, kid: string): VerifiedEnvelope {
  return held(signedData, Buffer.from(signedData, 'utf8'), kid);
}

function held(signedData: string, data: Buffer, kid: string): VerifiedEnvelope {
  const digest = createHash('sha256').update(data).digest('hex');
  return { text: signedData as VerifiedText, digest, kid };
}
