import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import type { Receipt } from '../../lib/ingest/receipt.ts';
import { spellProof, type Asked, type Proof } from '../../lib/proof/proof.ts';
import { prove, type ProofSource, type Proven } from '../../lib/proof/prove.ts';
import { verifyProof, type CheckedProof } from '../../lib/proof/verify-proof.ts';
import { append } from '../../lib/tlog/append.ts';
import { parsePolicy } from '../../lib/tlog/policy.ts';
import { Api } from '../support/api.ts';
import { MemoryTlog, testSigner, type RememberingSigner } from '../support/memory-tlog.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { SignedLogs } from '../support/signed-logs.ts';
import { wipe } from '../support/snapshot.ts';

const timestamp = '2026-01-01T00:00:00Z';
const dataset = (hash: string) => ({ type: 'dataset', hash, path: '/d', timestamp });
const model = (name: string, hashes: readonly string[], more = {}) => ({
  type: 'model',
  model_name: name,
  git_commit: 'c',
  dataset_hashes: hashes,
  timestamp,
  ...more,
});
const inference = (id: string, name: string, more = {}) => ({
  type: 'inference',
  id,
  model_name: name,
  input: 'secret of the payload',
  timestamp,
  ...more,
});

let graph: Graph;
let logs: SignedLogs;
let tlog: MemoryTlog;
let source: ProofSource;
let api: Api;
/** It signs one tree of each size. */
let signer: RememberingSigner;

beforeAll(() => {
  graph = openGraph(neo4jLogin);
});
beforeEach(async () => {
  await wipe(graph);
  logs = new SignedLogs(graph);
  tlog = new MemoryTlog();
  signer = testSigner();
  const receipts = (uri: string): Promise<string[]> =>
    Promise.resolve([logs.receipts.get(uri)].filter((text) => text !== undefined));
  source = { archive: logs.archive, tlog: tlog.store(), receipts };
  api = new Api(graph, logs.readEnvelope, { proofs: source });
});
afterAll(() => graph.close());

async function bring(records: readonly object[]): Promise<Receipt> {
  const receipt = await logs.bring(records);
  tlog.submit(logs.receipts.get(receipt.object) ?? '');
  await append(tlog.store(), signer, { now: () => new Date() });
  return receipt;
}

const proven = (asked: Asked): Promise<Proven | null> =>
  prove(graph, source, logs.readEnvelope, asked);

function checked(of: Proven | null): CheckedProof {
  if (of === null || 'unproven' in of) throw new Error(JSON.stringify(of));
  const policy = parsePolicy(Buffer.from(`log ${signer.key.vkey}\nquorum none\n`));
  if ('problem' in policy) throw new Error(policy.problem);
  const proof = verifyProof(Buffer.from(spellProof(of.proof)), policy);
  if ('problem' in proof) throw new Error(proof.problem);
  return proof;
}

test('one file proves an inference, its model, and that one’s datasets, though each came in another log', async () => {
  await bring([dataset('d1'), dataset('d2')]);
  await bring([model('m', ['d2', 'd1', 'unrecorded'])]);
  const receipt = await bring([inference('other', 'm'), inference('i', 'm')]);
  const { records } = checked(await proven({ inference: 'i' }));
  expect(records.map(({ record, line }) => [record.type, line])).toEqual([
    ['inference', 2],
    ['model', 1],
    ['dataset', 1],
    ['dataset', 2],
  ]);
  expect(records[0]?.log).toMatchObject({
    sha256: receipt.sha256,
    object: receipt.object,
    index: 2,
  });
  expect(checked(await proven({ model: 'm', commit: 'c' })).records).toHaveLength(3);
  expect(checked(await proven({ dataset: 'd2' })).records).toHaveLength(1);
  const digest = records[1]?.record.digest ?? '';
  expect(checked(await proven({ digest })).records).toHaveLength(3);
  expect(await proven({ inference: 'unknown' })).toBeNull();
});

test('a link that the head does not sign is proven by the record that signs it', async () => {
  await bring([dataset('d1'), model('m', ['d1'])]);
  await bring([model('m', [], { timestamp: '2026-01-02T00:00:00Z' })]);
  const { records } = checked(await proven({ model: 'm', commit: 'c' }));
  expect(records.map(({ record }) => record.type)).toEqual(['model', 'model', 'dataset']);
});

test('a line of a large log is proven by its index and one stretch of it, and without the index as well', async () => {
  const others = Array.from({ length: 1_500 }, (_, at) =>
    inference(`i${at}`, 'm', { output: 'x'.repeat(400) }),
  );
  const { sha256 } = await bring(others);
  const index = logs.archived(`${sha256}.tree.json`);
  const first = await proven({ inference: 'i1234' });
  expect(checked(first).records[0]).toMatchObject({ line: 1_235 });
  const text = readFileSync(index, 'utf8');
  renameSync(index, `${index}.gone`);
  expect(await proven({ inference: 'i1234' })).toEqual(first);
  writeFileSync(index, text.replaceAll(/"offset":\d+/g, '"offset":7'));
  expect(await proven({ inference: 'i1234' })).toEqual(first);
});

test('what is not in the tlog is not proven, nor what was changed in the archive', async () => {
  const { sha256 } = await logs.bring([dataset('d')]);
  expect(await proven({ dataset: 'd' })).toMatchObject({ unproven: 'not-yet' });
  logs.receipts.clear();
  expect(await proven({ dataset: 'd' })).toMatchObject({ unproven: 'no-receipt' });
  await bring([dataset('e')]);
  const log = [...logs.receipts.values()].map((text) => JSON.parse(text) as Receipt)[0];
  expect(log?.sha256).not.toBe(sha256);
  writeFileSync(logs.archived(log?.sha256 ?? ''), 'another');
  expect(await proven({ dataset: 'e' })).toMatchObject({
    unproven: 'damaged',
    of: { kind: 'dataset', hash: 'e' },
  });
});

test('evidence is told with its proof, and a payload is in none without the permission for it', async () => {
  await bring([dataset('d'), model('m', ['d']), inference('i', 'm')]);
  const told = await api.get('/v1/evidence', { inference: 'i', proof: 'true' });
  const {
    state,
    tlog: at,
    proof,
  } = told['proven'] as { state: string; tlog: object; proof: Proof };
  expect(state).toBe('proven');
  expect(at).toEqual({ origin: signer.key.name, index: 0, size: 1, cosignatures: [] });
  expect(
    checked({ proof, inTlog: { origin: '', index: 0, size: 1, cosignatures: [] }, left: 0 })
      .records,
  ).toHaveLength(3);
  const without = { without: 'payload:read' } as const;
  const refused = await api.ask('/v1/evidence', { inference: 'i', proof: 'true' }, without);
  expect(refused.status).toBe(403);
  const of = await api.get('/v1/model', { name: 'm', commit: 'c' });
  const { digest } = (of['model'] as { evidence: { digest: string } }).evidence;
  const allowed = await api.ask('/v1/evidence', { digest, proof: 'true' }, without);
  expect(allowed.status).toBe(200);
  expect(String(allowed.body)).not.toContain('secret of the payload');
  expect(await api.get('/v1/evidence', { inference: 'i' })).not.toHaveProperty('proven');
});
