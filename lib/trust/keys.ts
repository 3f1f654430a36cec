import { constants, createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';

/** A public key that signatures are checked against. */
export interface VerifyingKey {
  /** Lower-case hex SHA-256 of its SubjectPublicKeyInfo (DER). */
  readonly kid: string;
  /** Of the modulus. */
  readonly bits: number;
  /** RSASSA-PSS, SHA-256, MGF1-SHA-256, salt of exactly 32 bytes or the key's maximum (docs/envelope.md, E-8). */
  verify(data: Uint8Array, signature: Uint8Array): boolean;
}

/** Why a key can't be used; one sentence for the operator, never the key itself. */
export interface KeyProblem {
  readonly problem: string;
}

/** A shorter modulus is refused (docs/envelope.md, E-7). */
export const MIN_KEY_BITS = 2_048;

/** SHA-256, in bytes: also the salt that AWS KMS uses. */
const HASH_BYTES = 32;

/** Reads a public key from PEM text, SPKI or PKCS#1. */
export function readVerifyingKey(pem: string): VerifyingKey | KeyProblem {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem))
    return { problem: 'this is a private key; verifying takes the public one' };
  // Node also takes the key out of a certificate, without a look at its dates or its issuer.
  if (/-----BEGIN (?!(?:RSA )?PUBLIC KEY-----)/.test(pem))
    return { problem: 'this is not a public key in PEM form (SPKI or PKCS#1)' };
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem, format: 'pem' });
  } catch {
    return { problem: 'this is not a public key in PEM form' };
  }
  if (key.asymmetricKeyType !== 'rsa')
    return { problem: `an RSA key is needed, this is ${key.asymmetricKeyType ?? 'another kind'}` };
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_KEY_BITS)
    return { problem: `the key has ${bits} bits; ${MIN_KEY_BITS} or more are needed` };
  return verifyingKey(key, bits);
}

/** The greatest salt that RFC 8017, section 9.1.1, leaves room for: 222 for 2048 bits. */
function maxSaltLength(bits: number): number {
  return Math.ceil((bits - 1) / 8) - HASH_BYTES - 2;
}

function verifyingKey(key: KeyObject, bits: number): VerifyingKey {
  const signatureBytes = Math.ceil(bits / 8);
  const withSalt = (saltLength: number) => ({
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength,
  });
  // Never AUTO, which takes any salt. A log has one signer: the salt that held last is tried first.
  let [likely, other] = [withSalt(maxSaltLength(bits)), withSalt(HASH_BYTES)];
  return {
    kid: createHash('sha256')
      .update(key.export({ type: 'spki', format: 'der' }))
      .digest('hex'),
    bits,
    verify(data, signature) {
      if (signature.length !== signatureBytes) return false;
      if (verify('sha256', data, likely, signature)) return true;
      if (!verify('sha256', data, other, signature)) return false;
      [likely, other] = [other, likely];
      return true;
    },
  };
}
