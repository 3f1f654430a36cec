import { execFileSync } from 'node:child_process';
import { constants, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { explained, explainSignature } from '../../lib/trust/explain-signature.ts';
import { LineFramer } from '../../lib/trust/lines.ts';
import { sealed } from '../../lib/trust/sign.ts';
import { testKey } from '../support/test-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'custody-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TEXT = '{"type":"dataset"}';
const own = testKey();
const other = testKey();
const keys = [other.key, own.key];

const PSS = constants.RSA_PKCS1_PSS_PADDING;
const MAX = constants.RSA_PSS_SALTLEN_MAX_SIGN;

function signed(hash: string, saltLength: number, padding = PSS, text = TEXT): Buffer {
  return sign(hash, Buffer.from(text), { key: own.privateKey, padding, saltLength });
}

/** What Node can't sign with, OpenSSL can. */
function signedByOpenssl(...options: readonly string[]): Buffer {
  writeFileSync(join(folder, 'key'), own.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const named = ['rsa_padding_mode:pss', ...options].flatMap((option) => ['-sigopt', option]);
  return execFileSync('openssl', ['dgst', '-sha256', '-sign', 'key', ...named], {
    cwd: folder,
    input: TEXT,
  });
}

const NEEDED = 'needed is RSASSA-PSS with SHA-256, MGF1 with SHA-256, and a salt of 32 bytes';

test.each([
  [
    'PKCS#1 v1.5',
    () => signed('sha256', 0, constants.RSA_PKCS1_PADDING),
    'PKCS#1 v1.5 padding and SHA-256',
  ],
  [
    'PKCS#1 v1.5 with SHA-1',
    () => signed('sha1', 0, constants.RSA_PKCS1_PADDING),
    'PKCS#1 v1.5 padding and SHA-1',
  ],
  ['no salt', () => signed('sha256', 0), 'PSS, SHA-256, MGF1 with SHA-256 and a salt of 0 bytes'],
  [
    'a salt of 20 bytes',
    () => signed('sha256', 20),
    'PSS, SHA-256, MGF1 with SHA-256 and a salt of 20 bytes',
  ],
  ['SHA-512', () => signed('sha512', 64), 'PSS, SHA-512, MGF1 with SHA-512 and a salt of 64 bytes'],
  [
    'SHA-512 and the greatest salt',
    () => signed('sha512', MAX),
    'PSS, SHA-512, MGF1 with SHA-512 and a salt of 190 bytes',
  ],
  [
    'MGF1 with SHA-1',
    () => signedByOpenssl('rsa_mgf1_md:sha1', 'rsa_pss_saltlen:32'),
    'PSS, SHA-256, MGF1 with SHA-1 and a salt of 32 bytes',
  ],
])('a signature by a configured key with %s is said to be one', (_, make, how) => {
  expect(explainSignature(TEXT, make(), keys)).toBe(
    `key ${own.key.kid} made this signature, but with ${how}; ${NEEDED}`,
  );
});

test('a key whose bits are no multiple of 8 is told apart as well', () => {
  for (const bits of [2_049, 2_052]) {
    const { privateKey, key } = testKey(bits);
    const saltLength = 20;
    const made = sign('sha256', Buffer.from(TEXT), { key: privateKey, padding: PSS, saltLength });
    expect(explainSignature(TEXT, made, [key])).toContain('a salt of 20 bytes');
  }
});

test.each([
  ['PSS', signed('sha256', 32, PSS, 'another text')],
  ['PKCS#1 v1.5', signed('sha256', 0, constants.RSA_PKCS1_PADDING, 'another text')],
])('a text that was changed after signing is said to be, by %s', (_, made) => {
  expect(explainSignature(TEXT, made, keys)).toBe(
    `key ${own.key.kid} made this signature, but of another text: the line was changed after signing`,
  );
});

test('nothing is said of a key where the greatest salt leaves no proof that it signed', () => {
  expect(explainSignature(TEXT, signed('sha256', MAX, PSS, 'another text'), keys)).toBeNull();
});

test('a signature by a foreign key, and bytes that are none, stay without an explanation', () => {
  const foreign = testKey();
  const options = { key: foreign.privateKey, padding: PSS, saltLength: 32 };
  expect(explainSignature(TEXT, sign('sha256', Buffer.from(TEXT), options), keys)).toBeNull();
  for (const byte of [0, 1, 0xff])
    expect(explainSignature(TEXT, Buffer.alloc(256, byte), keys)).toBeNull();
});

test('a signature of another length than any key’s is said to be', () => {
  expect(explainSignature(TEXT, Buffer.alloc(255), keys)).toBe(
    'the signature is not as long as one by any of the configured keys',
  );
});

test('the verdict stays, line and code, and any other refusal keeps its detail', () => {
  const log = `${sealed(TEXT, signed('sha256', 20))}\n{\n`;
  const [wrong, torn] = new LineFramer().push(Buffer.from(log));
  if (wrong === undefined || torn === undefined) throw new Error('two lines were written');
  const rejection = { line: 1, code: 'SIGNATURE_INVALID', detail: 'as it was' } as const;
  expect(explained(wrong, rejection, keys)).toEqual({
    ...rejection,
    detail: expect.stringContaining('a salt of 20 bytes') as string,
  });
  const other = { line: 2, code: 'LINE_NOT_JSON', detail: 'as it was' } as const;
  expect(explained(torn, other, keys)).toBe(other);
});
