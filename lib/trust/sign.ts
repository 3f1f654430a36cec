import { constants, sign, type KeyObject } from 'node:crypto';
import { SCHEMA_VERSION } from './envelope.ts';

/** Salt of 32 bytes, as AWS KMS signs, or the key's maximum, as Python's `PSS.MAX_LENGTH`. */
export type SaltLength = 'digest' | 'max';

/** The envelope of a record's text, one line without its LF. The text is signed as it stands. */
export function signRecord(text: string, privateKey: KeyObject, salt: SaltLength): string {
  const signature = sign('sha256', Buffer.from(text, 'utf8'), {
    key: privateKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength:
      salt === 'digest' ? constants.RSA_PSS_SALTLEN_DIGEST : constants.RSA_PSS_SALTLEN_MAX_SIGN,
  });
  return sealed(text, signature);
}

/** The envelope of a text that was signed elsewhere. */
export function sealed(text: string, signature: Uint8Array): string {
  return JSON.stringify({
    schema_version: SCHEMA_VERSION,
    signed_data: text,
    signature: Buffer.from(signature).toString('base64'),
  });
}
