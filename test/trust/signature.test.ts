import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readVerifyingKey, type VerifyingKey } from '../../lib/trust/keys.ts';
import { isRefusal } from '../../lib/trust/rejection.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { atDepth } from '../support/depth.ts';
import { testKey, usable } from '../support/test-key.ts';
import { verdictOn } from '../support/verdict.ts';

const TEXT =
  '{"type":"dataset","hash":"h","path":"p","description":"é😀","timestamp":"2026-01-01T00:00:00Z"}';

const problem = (pem: string): string | null => {
  const key = readVerifyingKey(pem);
  return 'problem' in key ? key.problem : null;
};
const spki = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();

function outcome(line: Uint8Array, key: VerifyingKey): string {
  const verdict = verdictOn(line, [key]);
  return isRefusal(verdict) ? verdict.code : 'accepted';
}

function enveloped(signature: Uint8Array): Buffer {
  return Buffer.from(
    JSON.stringify({
      schema_version: '1.1',
      signed_data: TEXT,
      signature: Buffer.from(signature).toString('base64'),
    }),
  );
}

describe.each([2_048, 3_072, 4_096])('a key of %i bits', (bits) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  const key = usable(spki(publicKey));
  const max = bits / 8 - 34;
  const signed = (saltLength: number, padding: number = constants.RSA_PKCS1_PSS_PADDING): Buffer =>
    sign('sha256', Buffer.from(TEXT), { key: privateKey, padding, saltLength });

  test('verifies salts of 32 bytes and of the maximum, in any order', () => {
    for (const salt of ['max', 'digest', 'digest', 'max'] as const)
      expect(outcome(Buffer.from(signRecord(TEXT, privateKey, salt)), key)).toBe('accepted');
    for (const salt of [32, max]) expect(outcome(enveloped(signed(salt)), key)).toBe('accepted');
  });

  test('refuses every other salt', () => {
    for (const salt of [0, 1, 20, 31, 33, 64, max - 1])
      expect(outcome(enveloped(signed(salt)), key)).toBe('SIGNATURE_INVALID');
  });

  test('refuses PKCS#1 v1.5, and a signature that is not as long as the modulus', () => {
    const pkcs1 = sign('sha256', Buffer.from(TEXT), privateKey);
    const good = signed(32);
    for (const signature of [
      pkcs1,
      Buffer.concat([Buffer.alloc(1), good]),
      good.subarray(1),
      good.subarray(0, -1),
      Buffer.alloc(0),
    ])
      expect(outcome(enveloped(signature), key)).toBe('SIGNATURE_INVALID');
  });

  test('accepts no single-bit flip of a signed line', () => {
    // One line for each key size; a hundred lines of one size are flipped below.
    const bytes = Buffer.from(signRecord(TEXT, privateKey, bits === 3_072 ? 'max' : 'digest'));
    expect(outcome(bytes, key)).toBe('accepted');
    let accepted = 0;
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (outcome(flipped, key) === 'accepted') accepted += 1;
    }
    expect(accepted).toBe(0);
  });

  test('is read as SPKI and as PKCS#1 PEM with the same kid', () => {
    const der = publicKey.export({ type: 'spki', format: 'der' });
    expect(key).toMatchObject({ bits, kid: createHash('sha256').update(der).digest('hex') });
    expect(usable(publicKey.export({ type: 'pkcs1', format: 'pem' }).toString()).kid).toBe(key.kid);
  });
});

const LINES = atDepth(100);

test(`every single-bit flip of ${LINES} signed lines is refused`, { timeout: 900_000 }, () => {
  const { privateKey, key } = testKey();
  const accepts = (bytes: Uint8Array): boolean => outcome(bytes, key) === 'accepted';
  for (let index = 0; index < LINES; index += 1) {
    const text = `{"type":"dataset","hash":"${index}","path":"p","timestamp":"2026-01-01T00:00:00Z"}`;
    const bytes = Buffer.from(signRecord(text, privateKey, index % 2 === 0 ? 'digest' : 'max'));
    expect(accepts(bytes)).toBe(true);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const at = bit >> 3;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      if (accepts(bytes)) throw new Error(`line ${index} is accepted with bit ${bit} flipped`);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
    }
  }
});

test('a key that cannot be trusted with verifying is refused with a reason', () => {
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2_048 });
  const short = generateKeyPairSync('rsa', { modulusLength: 1_024 });
  expect(problem(spki(pss.publicKey))).toMatch(/RSA key is needed/);
  expect(problem(spki(generateKeyPairSync('ed25519').publicKey))).toMatch(/RSA key is needed/);
  expect(problem(spki(short.publicKey))).toMatch(/1024 bits/);
  for (const type of ['pkcs8', 'pkcs1'] as const)
    expect(problem(short.privateKey.export({ type, format: 'pem' }).toString())).toMatch(/private/);
  for (const pem of [
    '',
    'nonsense',
    '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n',
  ])
    expect(problem(pem)).toMatch(/not a public key/);
});

test('a key in another form is told what it is', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const der = publicKey.export({ type: 'spki', format: 'der' }).toString('utf8');
  const jwk = JSON.stringify(publicKey.export({ format: 'jwk' }));
  const utf16 = Buffer.from(`\uFEFF${spki(publicKey)}`, 'utf16le').toString('utf8');
  expect(problem(der)).toMatch(/DER form; openssl pkey -pubin -inform DER/);
  expect(problem(jwk)).toMatch(/a JWK/);
  expect(problem(utf16)).toMatch(/UTF-16/);
  expect(problem(spki(publicKey).replaceAll('\n', '\\n'))).toMatch(/a backslash and an n/);
});

test('a certificate is no key', () => {
  // Self-signed for this test, RSA-2048; its private key was thrown away.
  const certificate = `-----BEGIN CERTIFICATE-----
MIIC+TCCAeGgAwIBAgIUcV0yuwbAoWMbHd84RGcma59UIegwDQYJKoZIhvcNAQEL
BQAwDDEKMAgGA1UEAwwBdDAeFw0yNjExMjUwODIwMTBaFw0zNjExMjIwODIwMTBa
MAwxCjAIBgNVBAMMAXQwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQCl
NCsfrU5iv/cIj/7lofeAruQQZSUrSEXGuPGB6VH47y9eB1fFN10iimqHjluOFD96
ARcpXBM9e2LZmwOCz3z6piGhI6sKbboPU5f44TQsTFeUPsmyukszascgXsIdPlVG
9NNJceMegu7xRBMmcRrZBoL67jqD44hABc7P+RyUKtDaCsiABKZWtq+O43eULZwk
7SIFzHXiuJKquF4js1S3ULHafgLqjRASx/hTV9SKzVeiaHEOf5K4MeeftKMQN+5z
xZhEw5y9dfhydmyL0Pm0Hs+XI7mRj5dc+c5wQ7QDThDcXHlaNJ4H7mINyYQMa12E
KV1/BD7wGvPAoZMfuQh3AgMBAAGjUzBRMB0GA1UdDgQWBBRrbe4/cRSH9koCe3Rc
K9R1oEjYSzAfBgNVHSMEGDAWgBRrbe4/cRSH9koCe3RcK9R1oEjYSzAPBgNVHRMB
Af8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4IBAQAuTsvbhiKE+hmWOBz5JbvaZPy3
yS4m6dMy83Lyx903yR5TN3uhiQMYth7UtMlCsY2GD7XR3KR/UOnRvsz3HeBYEWrg
xX46Y+Zle1k9rSOAnPdgsf4lOI68tUnQjGFu/IA0GAFsDyCqgGCPH0JIUD9uZVmx
DGW33/Ph+34i4qjYGSGGzkW+fQryOvCWgTtyfpNVIHSADowWncT+fONasxZLWLrN
6OiWXZEnEGRLUxYgL5fcLTE+oGHDx4phosr5T8bfNUfZ22m4E/G5SsJFv5Q6eFYX
eqnqjxEwo4hlVEqAusC//JKpBkfigMc7ol2sLcW9beYJSC7bWGGnwH+GUUpk
-----END CERTIFICATE-----
`;
  expect(createPublicKey(certificate).asymmetricKeyType).toBe('rsa');
  expect(problem(certificate)).toMatch(/a certificate, not a public key; openssl x509/);
});
