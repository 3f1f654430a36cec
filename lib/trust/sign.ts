import { constants, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { SCHEMA_VERSION } from './envelope.ts';
import { kidOf } from './keys.ts';

/** Salt of 32 bytes, as AWS KMS signs, or the key's maximum, as Python's `PSS.MAX_LENGTH`. */
export type SaltLength = 'digest' | 'max';

/** Makes signatures with one key: RSASSA-PSS, SHA-256, a salt of 32 bytes. */
export interface Signer {
  readonly kid: string;
  sign(data: Uint8Array): Promise<Uint8Array>;
}

/** A signer whose RSA key is at hand. */
export function keySigner(privateKey: KeyObject): Signer {
  return {
    kid: kidOf(createPublicKey(privateKey).export({ type: 'spki', format: 'der' })),
    sign: (data) => Promise.resolve(signature(data, privateKey, 'digest')),
  };
}

/** The envelope of a record's text, one line without its LF. The text is signed as it stands. */
export function signRecord(text: string, privateKey: KeyObject, salt: SaltLength): string {
  return sealed(text, signature(Buffer.from(text, 'utf8'), privateKey, salt));
}

function signature(data: Uint8Array, privateKey: KeyObject, salt: SaltLength): Buffer {
  return sign('sha256', data, {
    key: privateKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength:
      salt === 'digest' ? constants.RSA_PSS_SALTLEN_DIGEST : constants.RSA_PSS_SALTLEN_MAX_SIGN,
  });
}

/** The envelope of a text that was signed elsewhere. */
export function sealed(text: string, signature: Uint8Array): string {
  return JSON.stringify({
    schema_version: SCHEMA_VERSION,
    signed_data: text,
    signature: Buffer.from(signature).toString('base64'),
  });
}
