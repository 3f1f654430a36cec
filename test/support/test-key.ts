import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readVerifyingKey, type VerifyingKey } from '../../lib/trust/keys.ts';

/** A key pair of a test's own, and its public half as an operator would hand it over. */
export interface TestKey {
  readonly privateKey: KeyObject;
  readonly publicPem: string;
  readonly key: VerifyingKey;
}

export function testKey(bits = 2_048): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return { privateKey, publicPem, key: usable(publicPem) };
}

/** The key that a PEM text holds; throws where there is a problem with it. */
export function usable(pem: string): VerifyingKey {
  const key = readVerifyingKey(pem);
  if ('problem' in key) throw new Error(key.problem);
  return key;
}
