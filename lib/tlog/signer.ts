import { createPublicKey, sign, type KeyObject } from 'node:crypto';
import { rawEd25519, verifierKey, type Problem, type VerifierKey } from './note.ts';

/** Signs a log's checkpoints: Ed25519 over the text (c2sp.org/signed-note, type 1). */
export interface TlogSigner {
  readonly key: VerifierKey;
  sign(text: string): Promise<Uint8Array>;
}

/** A signer whose Ed25519 key is at hand, for the log of that origin. */
export function keyTlogSigner(privateKey: KeyObject, origin: string): TlogSigner | Problem {
  const key = tlogKeyOf(createPublicKey(privateKey), origin);
  if ('problem' in key) return key;
  return { key, sign: (text) => Promise.resolve(sign(null, Buffer.from(text), privateKey)) };
}

/** What a log of that origin is verified by. */
export function tlogKeyOf(publicKey: KeyObject, origin: string): VerifierKey | Problem {
  const raw = rawEd25519(publicKey);
  if (raw === null)
    return {
      problem: `a log’s key is an Ed25519 key, this is ${publicKey.asymmetricKeyType ?? 'another'}`,
    };
  return verifierKey(origin, 'ed25519', raw);
}
