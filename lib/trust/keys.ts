import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { allows, UNLIMITED, type Allows, type KeyPolicy } from './key-policy.ts';
import { weakness } from './weak-key.ts';

/** A public key that signatures are checked against; only {@link readVerifyingKey} makes one. */
class VerifyingKey {
  /** Lower-case hex SHA-256 of its SubjectPublicKeyInfo (DER). */
  readonly kid: string;
  /** SPKI, so that whoever is shown a signature can check it elsewhere. */
  readonly pem: string;
  /** Of the modulus. */
  readonly bits: number;
  readonly policy: KeyPolicy;
  /** Why it may not sign a record whose signature holds; null where it may. */
  readonly refusal: Allows;
  /** A log has one signer: the salt that held last is tried first. */
  #likely: KeyObject;
  #other: KeyObject;

  constructor(key: KeyObject, bits: number, policy: KeyPolicy) {
    const spki = key.export({ type: 'spki', format: 'der' });
    this.kid = kidOf(spki);
    this.pem = key.export({ type: 'spki', format: 'pem' }).toString();
    this.bits = bits;
    this.policy = policy;
    this.refusal = allows(this);
    this.#likely = withSalt(spki, maxSaltLength(bits));
    this.#other = withSalt(spki, HASH_BYTES);
  }

  /** RSASSA-PSS, SHA-256, MGF1-SHA-256, salt of exactly 32 bytes or the key's maximum (docs/envelope.md, E-8). */
  verify(data: Uint8Array, signature: Uint8Array): boolean {
    if (signature.length !== Math.ceil(this.bits / 8)) return false;
    if (verify('sha256', data, this.#likely, signature)) return true;
    if (!verify('sha256', data, this.#other, signature)) return false;
    [this.#likely, this.#other] = [this.#other, this.#likely];
    return true;
  }
}

export type { VerifyingKey };

/** Why a key can't be used; one sentence for the operator, never the key itself. */
export interface KeyProblem {
  readonly problem: string;
}

/** SHA-256, in bytes: also the salt that AWS KMS uses. */
const HASH_BYTES = 32;

/** What people hand in for a public key in PEM form, in the order in which it is looked for. */
const OTHER_FORMS: readonly { readonly form: RegExp; readonly problem: string }[] = [
  {
    form: /^0.?\uFFFD/s,
    problem:
      'this is a key in DER form; openssl pkey -pubin -inform DER -in KEY > KEY.pem makes it PEM',
  },
  { form: /\0/, problem: 'this is UTF-16 or binary, not a public key in PEM form, which is ASCII' },
  { form: /^\s*\{[^]*"kty"/, problem: 'this is a JWK, not a public key in PEM form' },
  {
    form: /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
    problem: 'this is a private key; verifying takes the public one',
  },
  // Node would take the key out of a certificate, without a look at its dates or its issuer.
  {
    form: /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/,
    problem:
      'this is a certificate, not a public key; openssl x509 -in CERTIFICATE -noout -pubkey > KEY.pem takes its key out',
  },
  {
    form: /^\s*ssh-\S+ /,
    problem:
      'this is a key of OpenSSH; ssh-keygen -e -m PKCS8 -f KEY.pub > KEY.pem makes it one in PEM form',
  },
  {
    form: /-----BEGIN (?!(?:RSA )?PUBLIC KEY-----)/,
    problem: 'this is not a public key in PEM form (SPKI or PKCS#1)',
  },
  {
    form: /-----BEGIN [A-Z ]*-----\\n/,
    problem: 'the lines of this key end in a backslash and an n, not in line breaks',
  },
];

/** Reads a public key from PEM text, SPKI or PKCS#1, with what it may sign; a weak one is a problem. */
export function readVerifyingKey(
  pem: string,
  policy: KeyPolicy = UNLIMITED,
): VerifyingKey | KeyProblem {
  const other = OTHER_FORMS.find(({ form }) => form.test(pem));
  if (other !== undefined) return { problem: other.problem };
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem, format: 'pem' });
  } catch {
    return { problem: 'this is not a public key in PEM form' };
  }
  if (key.asymmetricKeyType !== 'rsa')
    return { problem: `an RSA key is needed, this is ${key.asymmetricKeyType ?? 'another kind'}` };
  const { modulusLength: bits = 0, publicExponent: exponent = 0n } = key.asymmetricKeyDetails ?? {};
  const { n = '' } = key.export({ format: 'jwk' });
  const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex') || '0'}`);
  const problem = weakness({ modulus, exponent });
  return problem === null ? new VerifyingKey(key, bits, policy) : { problem };
}

/** The greatest salt that RFC 8017, section 9.1.1, leaves room for: 222 for 2048 bits. */
function maxSaltLength(bits: number): number {
  return Math.ceil((bits - 1) / 8) - HASH_BYTES - 2;
}

/** A key's name, by its SubjectPublicKeyInfo (DER). */
export function kidOf(spki: Uint8Array): string {
  return createHash('sha256').update(spki).digest('hex');
}

/**
 * The same key as id-RSASSA-PSS, whose parameters (RFC 4055, section 3.1) pin the hash, MGF1 and the
 * salt: OpenSSL then verifies with exactly that salt. As a bare key it is also 12 µs faster than the
 * options object that names padding and salt, of some 29 µs.
 */
function withSalt(spki: Buffer, saltLength: number): KeyObject {
  const bitString = spki.subarray(spki.indexOf(RSA_ENCRYPTION) + RSA_ENCRYPTION.length);
  const algorithm = der(
    0x30,
    RSASSA_PSS,
    der(
      0x30,
      der(0xa0, SHA_256),
      der(0xa1, der(0x30, MGF1, SHA_256)),
      der(
        0xa2,
        der(
          0x02,
          Buffer.from(saltLength < 0x80 ? [saltLength] : [saltLength >> 8, saltLength & 0xff]),
        ),
      ),
    ),
  );
  return createPublicKey({ key: der(0x30, algorithm, bitString), format: 'der', type: 'spki' });
}

/** One DER element (X.690, 8.1.3); only a whole key is longer than 127 bytes, and then than 255. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

// rsaEncryption with its NULL, id-RSASSA-PSS, id-mgf1, and the AlgorithmIdentifier of SHA-256.
const RSA_ENCRYPTION = Buffer.from('06092a864886f70d0101010500', 'hex');
const RSASSA_PSS = Buffer.from('06092a864886f70d01010a', 'hex');
const MGF1 = Buffer.from('06092a864886f70d010108', 'hex');
const SHA_256 = Buffer.from('300d06096086480165030402010500', 'hex');
