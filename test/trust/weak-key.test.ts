import { createPublicKey, generateKeyPairSync, generatePrimeSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { readVerifyingKey } from '../../lib/trust/keys.ts';
import { weakness } from '../../lib/trust/weak-key.ts';

const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const { n = '' } = publicKey.export({ format: 'jwk' });
const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
const exponent = 65_537n;
const prime = BigInt(generatePrimeSync(2_048, { bigint: true }));

const CASES: [string, bigint, bigint, RegExp | null][] = [
  ['a usual key', modulus, exponent, null],
  ['the greatest exponent', modulus, 2n ** 256n - 1n, null],
  ['an even exponent', modulus, 65_538n, /exponent is even/],
  ['the exponent 1', modulus, 1n, /above 2\^16/],
  ['the exponent 3', modulus, 3n, /above 2\^16/],
  ['the exponent 65535', modulus, 65_535n, /above 2\^16/],
  ['an exponent of 257 bits', modulus, 2n ** 256n + 1n, /below 2\^256/],
  ['an even modulus', modulus + 1n, exponent, /modulus is even/],
  ['a factor of 3', 3n * 2n ** 2_047n + 3n, exponent, /factor 3/],
  [
    'a factor of 751',
    751n * BigInt(generatePrimeSync(2_040, { bigint: true })),
    exponent,
    /factor 751/,
  ],
  ['a prime', prime, exponent, /is a prime/],
  ['too few bits', modulus >> 1n, exponent, /2047 bits/],
  ['too many bits', modulus << 6_145n, exponent, /8193 bits; 8192 are the most/],
  ['what OpenSSL would not check', (modulus << 1_025n) + 1n, 2n ** 64n + 1n, /OpenSSL/],
];

/** A public key of these numbers, whatever they are. */
function pemOf(of: bigint, by: bigint): string {
  const base64url = (value: bigint): string => {
    const hex = value.toString(16);
    return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString(
      'base64url',
    );
  };
  const key = createPublicKey({
    key: { kty: 'RSA', n: base64url(of), e: base64url(by) },
    format: 'jwk',
  });
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

test.each(CASES)('%s', (_, of, by, problem) => {
  const weak = weakness({ modulus: of, exponent: by });
  if (problem === null) expect(weak).toBeNull();
  else expect(weak).toMatch(problem);
  const key = readVerifyingKey(pemOf(of, by));
  expect('problem' in key ? key.problem : null).toBe(weak);
});
