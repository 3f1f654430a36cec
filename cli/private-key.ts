import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConfigError } from '../lib/errors.ts';
import { MIN_KEY_BITS } from '../lib/trust/weak-key.ts';

/** The RSA private key of a PEM file. */
export async function readPrivateKey(path: string): Promise<KeyObject> {
  const pem = await readFile(path, 'utf8');
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new ConfigError('KEYS_UNUSABLE', [`${path} is not a private key in PEM form`]);
  }
  if (key.asymmetricKeyType !== 'rsa')
    throw new ConfigError('KEYS_UNUSABLE', [`${path} is not an RSA key`]);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_KEY_BITS)
    throw new ConfigError('KEYS_UNUSABLE', [
      `${path} has ${bits} bits; ${MIN_KEY_BITS} or more are needed`,
    ]);
  return key;
}
