import { checkPrimeSync } from 'node:crypto';

/** An RSA public key in numbers. */
export interface RsaNumbers {
  readonly modulus: bigint;
  readonly exponent: bigint;
}

/** A shorter modulus is refused (docs/envelope.md, E-7). */
export const MIN_KEY_BITS = 2_048;

/** Of a longer one each signature takes milliseconds. */
const MAX_KEY_BITS = 8_192;

/** SP 800-89, section 5.3.3: a modulus has no factor smaller than this. */
const LEAST_FACTOR = 752;

/** OpenSSL checks no signature by a longer exponent under a modulus of more than 3,072 bits. */
const OPENSSL = { longModulusBits: 3_072, exponentBits: 64 } as const;

const SMALL_PRIMES = primesBelow(LEAST_FACTOR);

/**
 * Why an RSA key is too weak to verify with, in one sentence; null where nothing is known against it. What
 * FIPS 186-5, section A.1.1, asks of a public key, and what SP 800-89, section 5.3.3, says can be checked of it.
 */
export function weakness({ modulus, exponent }: RsaNumbers): string | null {
  const bits = modulus.toString(2).length;
  if (bits < MIN_KEY_BITS) return `the key has ${bits} bits; ${MIN_KEY_BITS} or more are needed`;
  if (bits > MAX_KEY_BITS) return `the key has ${bits} bits; ${MAX_KEY_BITS} are the most`;
  if (exponent % 2n === 0n) return 'the key’s exponent is even';
  if (exponent <= 2n ** 16n) return 'the key’s exponent is not above 2^16; 65537 is usual';
  if (exponent >= 2n ** 256n) return 'the key’s exponent is not below 2^256; 65537 is usual';
  if (bits > OPENSSL.longModulusBits && exponent >= 2n ** BigInt(OPENSSL.exponentBits))
    return 'OpenSSL checks no signature by an exponent of more than 64 bits under so long a key';
  if (modulus % 2n === 0n) return 'the key’s modulus is even';
  const factor = SMALL_PRIMES.find((prime) => modulus % prime === 0n);
  if (factor !== undefined) return `the key’s modulus has the factor ${factor}`;
  if (checkPrimeSync(modulus)) return 'the key’s modulus is a prime, so that anybody can sign';
  return null;
}

function primesBelow(end: number): readonly bigint[] {
  const primes: number[] = [];
  for (let candidate = 3; candidate < end; candidate += 2)
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  return primes.map(BigInt);
}
