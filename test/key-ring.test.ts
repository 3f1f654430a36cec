import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError, TransientError } from '../lib/errors.ts';
import { keyEntries } from '../lib/key-entries.ts';
import { keyRingSchema, parseRing } from '../lib/key-ring.ts';
import {
  demandReportKey,
  loadKeys,
  loadRing,
  loadTrusted,
  ringFiles,
  type KeySources,
} from '../lib/keys.ts';
import { testKey } from './support/test-key.ts';

const [one, two] = [testKey(), testKey()];
const kms = new Map<string, string | { readonly problem: string }>([
  ['alias/two', two.publicPem],
  ['alias/disabled', { problem: 'it is disabled' }],
]);
const inS3 = new Map<string, string>();
const asked: string[] = [];
const sources: KeySources = {
  kms(key) {
    asked.push(key);
    return Promise.resolve(kms.get(key) ?? { problem: 'there is no such key' });
  },
  s3: (uri) => Promise.resolve(inS3.get(uri) ?? { problem: 'it is not there' }),
  parse: (text) => Promise.resolve(parseRing(text)),
};
const folder = await mkdtemp(join(tmpdir(), 'custody-ring-'));

async function ringOf(keys: unknown, name = 'ring.json'): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, typeof keys === 'string' ? keys : JSON.stringify({ keys }));
  return `ring:${file}`;
}

async function problemsOf(entries: readonly string[]): Promise<readonly string[]> {
  const failed = await loadKeys(entries, sources).catch((error: unknown) => error);
  if (!(failed instanceof ConfigError)) throw new Error('nothing is wrong with them');
  expect(failed.code).toBe('KEYS_UNUSABLE');
  return failed.problems;
}

const revoked = { at: '2026-03-01T00:00:00Z', reason: 'r' };

test('a ring’s keys have what it says of them; a plain list has no limits, as ever', async () => {
  await writeFile(join(folder, 'one.pem'), one.publicPem);
  const scopes = { models: ['team-a/*'], prefixes: ['s3://logs/team-a/'] };
  const dates = { notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-12-31T23:59:59.9+01:00' };
  const ring = await ringOf([
    { name: 'one', source: 'file:one.pem', scopes, ...dates },
    { name: 'two', source: 'kms:alias/two', kid: two.key.kid, uses: 'reports', revoked },
  ]);
  const keys = await loadKeys(keyEntries({ CUSTODY_KEYS: ring }), sources);
  expect(keys.map(({ kid, policy }) => ({ kid, policy }))).toEqual([
    { kid: one.key.kid, policy: { name: 'one', uses: 'records', scopes, ...dates } },
    { kid: two.key.kid, policy: { name: 'two', uses: 'reports', revoked } },
  ]);
  expect(ringFiles([ring, 'ring:s3://b/ring.json', 'one.pem'])).toEqual([
    join(folder, 'ring.json'),
  ]);
  const plain = await loadKeys([one.publicPem, join(folder, 'one.pem')], sources);
  expect(plain).toMatchObject([{ kid: one.key.kid, policy: {} }]);
});

test('a ring in S3 is asked for by its name, and has no files', async () => {
  inS3.set('s3://b/ring.json', JSON.stringify({ keys: [{ name: 'one', source: one.publicPem }] }));
  expect(await loadKeys(['ring:s3://b/ring.json'], sources)).toHaveLength(1);
  inS3.set('s3://b/file.json', JSON.stringify({ keys: [{ name: 'f', source: 'file:one.pem' }] }));
  expect(await problemsOf(['ring:s3://b/file.json', 'ring:s3://b/none.json'])).toEqual([
    'ring:s3://b/none.json: it is not there',
    'ring:s3://b/file.json: f: a key ring in S3 has no files beside it',
  ]);
});

test('everything that is wrong with a ring is named at once, with its place', async () => {
  const pem = one.publicPem;
  const bad = await ringOf([
    { name: '', source: pem },
    { name: 'a', source: 'nonsense' },
    { name: 'b', source: pem, uses: 'both' },
    { name: 'c', source: pem, notBefore: '2026-01-01' },
    { name: 'd', source: pem, notAfter: '2026-02-30T00:00:00Z' },
    { name: 'e', source: pem, notBefore: '2026-02-01T00:00:00Z', notAfter: '2026-01-01T00:00:00Z' },
    { name: 'f', source: pem, scopes: { models: ['a\\'] } },
    { name: 'g', source: pem, scopes: { buckets: ['a'] } },
    { name: 'h', source: pem, revoked: { at: revoked.at } },
    { name: 'i', source: pem, revoked: { ...revoked, compromisedFrom: '2026-03-01T00:00:01Z' } },
    { name: 'j', source: 'kms:alias/two', revoked },
    { name: 'k', source: pem, kid: 'AB' },
    { name: 'l', source: pem, scopes: { types: ['datasets'] } },
    { name: 'm\u202e', source: pem },
  ]);
  const problems = await problemsOf([bad, 'kms:alias/none', 'file:/nowhere.pem']);
  const places = problems.map((problem) => problem.replace(`${bad}: `, '').split(': ')[0]);
  expect(places.join(' ')).toBe(
    'keys.0.name keys.1.source keys.2.uses keys.3.notBefore keys.4.notAfter keys.5 ' +
      'keys.6.scopes.models.0 keys.7.scopes keys.8.revoked.reason keys.9.revoked keys.10 keys.11.kid ' +
      'keys.12.scopes.types.0 keys.13.name kms:alias/none file:/nowhere.pem',
  );
  for (const text of ['', '[]', '{"keys":[]}', '{"keys":[],"more":1}', '{"key":[]}'])
    expect(await problemsOf([await ringOf(text)])).not.toEqual([]);
});

test('a weak key, another key than its kid names, and one that is named twice are refused by their names', async () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 2_048, publicExponent: 3 });
  const pem = weak.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const ring = await ringOf([
    { name: 'weak', source: pem },
    { name: 'one', source: one.publicPem, kid: two.key.kid },
    { name: 'again', source: one.publicPem, uses: 'reports' },
  ]);
  expect(await problemsOf([ring, one.publicPem])).toEqual([
    `${ring}: weak: the key’s exponent is not above 2^16; 65537 is usual`,
    `${ring}: one: the key is ${one.key.kid}, and not the one that its kid names`,
    `${ring}: again: the key ${one.key.kid} is named twice`,
    `key 2: the key ${one.key.kid} is named twice`,
  ]);
  expect(
    await problemsOf([one.publicPem, await ringOf([{ name: 'o', source: one.publicPem }])]),
  ).toHaveLength(1);
  expect(await problemsOf([pem])).toEqual([
    'key 1: the key’s exponent is not above 2^16; 65537 is usual',
  ]);
});

test('a revoked key that KMS does not give any more stops no other, and is still known', async () => {
  const lost = { name: 'l', source: 'kms:alias/disabled', kid: 'a'.repeat(64), revoked };
  const entries = [await ringOf([lost, { name: 'one', source: one.publicPem }])];
  const { keys, ring } = await loadTrusted(entries, sources);
  expect(keys).toMatchObject([{ kid: one.key.kid }]);
  expect(ring.map(({ kid }) => kid)).toEqual([one.key.kid, lost.kid]);
  const { revoked: _, ...inForce } = lost;
  expect(await problemsOf([await ringOf([inForce])])).toEqual([expect.stringMatching(/disabled/)]);
  const failing = { ...sources, kms: () => Promise.reject(new TransientError('KMS_FAILED', 'x')) };
  const again = await ringOf([lost]);
  await expect(loadTrusted([again], failing)).rejects.toThrow(TransientError);
});

test('what is told of keys is told without KMS, and never lacks a compromised one', async () => {
  const ring = await ringOf([
    { name: 'one', source: one.publicPem },
    { name: 'two', source: 'kms:alias/two' },
    {
      name: 'l',
      source: 'kms:alias/disabled',
      kid: 'a'.repeat(64),
      revoked: { ...revoked, compromisedFrom: '2026-01-01T00:00:00Z' },
    },
  ]);
  asked.length = 0;
  const told = await loadRing([ring], sources);
  expect(told.map(({ kid }) => kid)).toEqual([one.key.kid, 'a'.repeat(64)]);
  expect(asked).toEqual([]);
});

test('the key of reports is none that a ring has for records, nor a revoked one', () => {
  const keys = [
    { kid: 'records', policy: { uses: 'records' as const } },
    { kid: 'reports', policy: { uses: 'reports' as const } },
    { kid: 'revoked', policy: { uses: 'reports' as const, revoked } },
    { kid: 'plain', policy: {} },
  ];
  for (const kid of ['reports', 'plain', 'unknown'])
    expect(() => demandReportKey(kid, keys)).not.toThrow();
  for (const kid of ['records', 'revoked'])
    expect(() => demandReportKey(kid, keys)).toThrow(ConfigError);
});

test('docs/key-ring.schema.json is made of what checks a ring; npm run schema makes it', () => {
  const file = new URL('../docs/key-ring.schema.json', import.meta.url);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(
    JSON.parse(JSON.stringify(keyRingSchema())),
  );
});

test('a ring may name its schema, and has at most 64 keys', () => {
  const ring = (keys: number): string =>
    JSON.stringify({
      $schema: './key-ring.schema.json',
      keys: Array.from({ length: keys }, () => ({ name: 'k', source: 'kms:alias/k' })),
    });
  expect(parseRing(ring(64))).toHaveLength(64);
  expect(parseRing(ring(65))).toHaveProperty('problems');
});
