import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { check } from '../../lib/compliance/check.ts';
import { DEFAULT_SETTINGS } from '../../lib/compliance/rules.ts';
import { envelopeReader } from '../../lib/evidence.ts';
import { openGraph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import { ingestObject } from '../../lib/ingest/ingest.ts';
import type { IngestOptions } from '../../lib/ingest/judge.ts';
import type { Receipt } from '../../lib/ingest/receipt.ts';
import { verifyObject } from '../../lib/ingest/verify-object.ts';
import { storedObject, type StoredObject } from '../../lib/object/stored.ts';
import { compromises, type KeyPolicy } from '../../lib/trust/key-policy.ts';
import { readVerifyingKey, type VerifyingKey } from '../../lib/trust/keys.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { Api } from '../support/api.ts';
import { localStores } from '../support/local-stores.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { wipe } from '../support/snapshot.ts';
import { testKey, type TestKey } from '../support/test-key.ts';

const graph = openGraph(neo4jLogin);
const folder = mkdtempSync(join(tmpdir(), 'custody-policy-'));
const stores = localStores(graph, folder);
const [mine, other] = [testKey(), testKey()];
beforeEach(async () => {
  await wipe(graph);
  await rm(join(folder, 'archive'), { recursive: true, force: true });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await graph.close();
});

/** Ends before the first record is written. */
class Killed extends GraphWriter {
  override apply(): Promise<never> {
    return Promise.reject(new Error('killed'));
  }
}

const AT = '2026-02-03T04:05:06Z';
const NOW = '2026-03-01T00:00:00Z';
const dataset = (hash: string, timestamp = AT): object => ({
  type: 'dataset',
  hash,
  path: 's3://data/a',
  timestamp,
});
const model = (commit: string, timestamp = AT): object => {
  return { type: 'model', model_name: 'm', git_commit: commit, timestamp };
};

function under(policy: KeyPolicy, { publicPem }: TestKey = mine): VerifyingKey {
  const key = readVerifyingKey(publicPem, policy);
  if ('problem' in key) throw new Error(key.problem);
  return key;
}

let drops = 0;

/** An object of S3, as far as ingestion sees one; its bytes are those of every other with the same lines. */
function object(lines: readonly string[], name = 's3://logs/team-a/log.jsonl'): StoredObject {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const uri = `${name}?versionId=${(drops += 1)}`;
  const path = join(folder, `${drops}.jsonl`);
  writeFileSync(path, bytes);
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes;
  };
  const store = { name, origin: { path }, isGzip: false, uri, bytes: bytes.length, chunks };
  return storedObject({ ...store, uriOf: () => uri });
}

const signed = (records: readonly object[], { privateKey }: TestKey = mine): string[] =>
  records.map((of) => signRecord(JSON.stringify(of), privateKey, 'digest'));

const options = (keys: readonly VerifyingKey[], now = NOW): IngestOptions => {
  return { keys, onBadLine: 'reject', clock: () => Date.parse(now) };
};

const ingest = (of: StoredObject, under: IngestOptions): Promise<Receipt> =>
  ingestObject(of, stores, under);

const revoked = { at: NOW, reason: 'r' };

test.each<[string, KeyPolicy]>([
  ['its use', { uses: 'reports' }],
  ['a revocation', { revoked }],
  ['its first day', { notBefore: '2026-02-04T00:00:00Z' }],
  ['its last day', { notAfter: '2026-02-03T00:00:00Z' }],
  ['a type', { scopes: { types: ['model'] } }],
  ['a path', { scopes: { datasetPaths: ['s3://data/b'] } }],
  ['a hash', { scopes: { datasetHashes: ['other'] } }],
  ['names of models alone', { scopes: { models: ['**'] } }],
  ['a prefix', { scopes: { prefixes: ['s3://logs/team-b/'] } }],
])('what a key may not sign is refused, by ingest as by verify: %s', async (_, policy) => {
  const lines = [...signed([dataset('a')]), ...signed([dataset('b')], other)];
  const rules = options([under(policy), other.key]);
  const receipt = await ingest(object(lines), rules);
  expect(receipt).toMatchObject({
    status: 'rejected',
    rejected: [{ line: 1, code: 'KEY_NOT_ALLOWED' }],
    withheld: 1,
  });
  const { object: _name, ...told } = receipt;
  expect(await verifyObject(object(lines), rules)).toMatchObject(told);
  // Quarantine sets it aside, and writes what another key may sign.
  const parked = await ingest(object(lines), { ...rules, onBadLine: 'quarantine' });
  expect(parked).toMatchObject({ status: 'partial', accepted: 1, rejectedTotal: 1 });
  // Where the key may sign it, the same bytes are taken in whole.
  const whole = await ingest(object(lines), options([under({}), other.key]));
  expect(whole).toMatchObject({ status: 'accepted', accepted: 1, duplicate: 1 });
});

test('what was judged before a key was revoked, in another delivery, is judged again', async () => {
  const keys = [under({ revoked })];
  const one = object(signed([dataset('a')]));
  let asked = 0;
  // The first delivery has no time for the archive.
  const first = await ingestObject(one, stores, {
    ...options(keys, '2026-02-28T23:59:59Z'),
    isTimeUp: () => (asked += 1) > 0,
  });
  expect(first).toMatchObject({ status: 'verifying' });
  expect(await ingest(one, options(keys))).toMatchObject({ status: 'rejected' });
});

test('a log that was archived before its key was revoked is finished, and comes back into an empty database', async () => {
  const lines = signed([dataset('a'), dataset('b')]);
  const before = options([under({})]);
  const failing = localStores(graph, folder, new Killed(graph));
  // Archived, and killed before its first record is written.
  const one = object(lines);
  await expect(ingestObject(one, failing, before)).rejects.toThrow('killed');
  const after = options([under({ revoked })]);
  expect(await ingest(object(lines), after)).toMatchObject({ status: 'accepted', accepted: 2 });
  // Another name of it brings nothing.
  expect(await ingest(object(lines), after)).toMatchObject({ status: 'accepted', duplicate: 2 });
  await wipe(graph);
  expect(await ingest(object(lines), after)).toMatchObject({ status: 'accepted', accepted: 2 });
  // One line more, and it is another log.
  const grown = object([...lines, ...signed([dataset('c')])]);
  expect(await ingest(grown, after)).toMatchObject({ status: 'rejected', rejectedTotal: 3 });
  // A key that is not configured any more brings nothing back.
  await wipe(graph);
  expect(await ingest(object(lines), options([other.key]))).toMatchObject({ status: 'rejected' });
});

test('evidence, recalls and rules tell what a stolen key has signed, and when it came', async () => {
  const early = '2026-01-01T00:00:00Z';
  const all = [mine.key, other.key];
  const honest = await ingest(
    object(signed([dataset('a', early), model('one', early)])),
    options(all),
  );
  await new Promise((done) => setTimeout(done, 20));
  const from = new Date().toISOString();
  // Backdated, every one of them; the last is another's word as well.
  const forged = [dataset('b', early), model('two', early), dataset('c', early)];
  const stolen = await ingest(object(signed(forged)), options(all));
  await ingest(object(signed([dataset('c', early), model('three', early)], other)), options(all));
  const policy = { revoked: { at: from, compromisedFrom: from, reason: 'r' } };
  const ring = [under(policy), other.key];
  const archive = stores.archive;
  const api = new Api(
    graph,
    envelopeReader({ open: (sha256) => archive.open(sha256) }, () => Promise.resolve(ring)),
    { ring: () => Promise.resolve(ring) },
  );
  const statusOf = async (log: string | null, line: number): Promise<unknown> => {
    const { signings } = await api.get('/v1/evidence', { log: log ?? '', line });
    return (signings as { keyStatus: string }[]).map(({ keyStatus }) => keyStatus);
  };
  expect(await statusOf(honest.sha256, 1)).toEqual(['revoked-later']);
  expect(await statusOf(stolen.sha256, 1)).toEqual(['compromised']);
  expect(await statusOf(stolen.sha256, 3)).toEqual(['compromised', 'valid']);
  const { summary } = await api.get('/v1/impact', { kid: mine.key.kid });
  expect(summary).toMatchObject({
    signed: { datasets: 3, models: 2, alone: 4, onCompromisedKeys: 2 },
    onCompromisedKeys: 0,
  });
  const keys = await api.get('/v1/keys');
  expect(keys.items).toMatchObject([
    { kid: mine.key.kid, status: 'compromised', signed: { signings: 5, logs: 2 } },
    { kid: other.key.kid, status: 'valid', signed: { signings: 2, logs: 1 } },
  ]);
  expect(keys.complete).toBe(true);
  const checked = await check(graph, DEFAULT_SETTINGS, {
    compromised: compromises(ring),
    rules: ['fact-on-compromised-key', 'version-by-another-key'],
  });
  expect(checked.check.rules).toMatchObject([
    { rule: 'fact-on-compromised-key', open: 2, examined: 7, findings: 1 },
    { rule: 'version-by-another-key', open: 1, examined: 3, findings: 1 },
  ]);
  // Not configured at all, it is unknown, and compromised only where that is said.
  const none = new Api(graph);
  const { items } = await none.get('/v1/keys');
  expect(items.map(({ status }) => status)).toEqual(['unknown', 'unknown']);
  // The graph is the same as under any other ring.
  const [row] = await graph[database].ask('MATCH (s:Stretch) RETURN sum(s.count) AS signings');
  expect(row).toMatchObject({ signings: 7 });
});

test('a recall of a version counts its inferences that rest on compromised keys alone', async () => {
  const inference = (id: string): object => {
    return { type: 'inference', id, model_name: 'm', git_commit: 'one', timestamp: AT };
  };
  const all = options([mine.key, other.key]);
  await ingest(object(signed([model('one')], other)), all);
  await ingest(object(signed([inference('i1'), inference('i2'), inference('i3')])), all);
  await ingest(object(signed([inference('i2'), { ...inference('i3'), output: 1 }], other)), all);
  const from = '2026-01-01T00:00:00Z';
  const stolen = under({ revoked: { at: from, compromisedFrom: from, reason: 'r' } });
  const asked = async (keys: readonly VerifyingKey[]): Promise<unknown> => {
    const api = new Api(graph, undefined, { ring: () => Promise.resolve(keys) });
    const { summary } = await api.get('/v1/impact', { model: 'm', commit: 'one' });
    return (summary as { onCompromisedKeys: number }).onCompromisedKeys;
  };
  expect(await asked([mine.key, other.key])).toBe(0);
  // Of the third, the record that speaks for it is one of the two.
  expect([1, 2]).toContain(await asked([stolen, other.key]));
});
