import { constants, createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  ConfigError,
  OutOfTimeError,
  PoisonObjectError,
  TransientError,
} from '../../lib/errors.ts';
import { envelopeReader } from '../../lib/evidence.ts';
import { FAILURES } from '../../lib/failures.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import { openApi } from '../../lib/http/openapi.ts';
import { problem, PROBLEM_CODES, RequestError, type RequestCode } from '../../lib/http/problem.ts';
import { ROUTES } from '../../lib/http/routes.ts';
import { receiptOfAbandoned } from '../../lib/ingest/receipt.ts';
import { demoLog } from '../../lib/local/demo.ts';
import { Api, isOptional, queryText, type Told } from '../support/api.ts';
import { neo4jLogin, PATIENT } from '../support/neo4j-login.ts';
import { SignedLogs } from '../support/signed-logs.ts';
import { wipe } from '../support/snapshot.ts';
import { writeObject } from '../support/write-object.ts';

const at = (minute: number): string => `2026-01-01T00:${String(minute).padStart(2, '0')}:00Z`;
const model = (name: string, minute: number, more: object = {}): object => ({
  type: 'model',
  model_name: name,
  timestamp: at(minute),
  ...more,
});
const inference = (id: string, name: string, minute: number, more: object = {}): object => ({
  type: 'inference',
  id,
  model_name: name,
  timestamp: at(minute),
  ...more,
});

// Everything that an answer can have to say; by minutes, so that a time between two of them can be asked for.
const RECORDS: readonly (object | string)[] = [
  { type: 'dataset', hash: 'd1', path: 's3://b/first', description: 'x', timestamp: at(1) },
  { type: 'dataset', hash: 'd2', path: 's3://b/2', timestamp: at(2) },
  { type: 'dataset', hash: 'unused', path: 's3://b/3', timestamp: at(3) },
  `{"type":"model","model_name":"m","git_commit":"a","dataset_hashes":["d1","d2","ghost"],"hyperparameters":{"lr": 1e-05, "n":12345678901234567890,  "x": 10.0},"environment":{"loss": NaN},"timestamp":"${at(5)}"}`,
  model('solo', 6),
  inference('i-as-of', 'm', 8),
  `{"type":"inference","id":"i-exact","model_name":"m","git_commit":"a","input":[NaN, 1],"output":{"p":1e-05},"timestamp":"${at(10)}"}`,
  inference('i-only', 'solo', 11, { input: 'x'.repeat(5_000) }),
  inference('i-nobody', 'nobody', 13),
  inference('i-no-commit', 'm', 14, { git_commit: 'never' }),
  inference('i-twice', 'solo', 15, { output: 1 }),
  inference('i-twice', 'solo', 16, { output: 2 }),
  { type: 'dataset', hash: 'd1', path: 's3://b/second', timestamp: at(20) },
  model('m', 30, { git_commit: 'b', dataset_hashes: ['d1'] }),
  inference('i-later', 'm', 35),
  model('m', 40, { git_commit: 'a', dataset_hashes: ['d1', 'late'] }),
  { type: 'dataset', hash: 'late', path: 's3://b/late', timestamp: at(41) },
  inference('i-before', 'after', 45),
  model('after', 50),
];

let graph: Graph;
let logs: SignedLogs;
let api: Api;
beforeAll(async () => {
  graph = openGraph(neo4jLogin, PATIENT);
  await wipe(graph);
  logs = new SignedLogs(graph);
  api = new Api(graph, logs.readEnvelope);
});
afterAll(async () => {
  logs.remove();
  await graph.close();
});

const LISTS = [
  '/v1/datasets',
  '/v1/models',
  '/v1/inferences',
  '/v1/objects',
  '/v1/impact',
] as const;
const KID = '0'.repeat(64);
const ofList = (path: string): Record<string, string> =>
  path === '/v1/impact' ? { kid: KID } : {};

/** Each question that has an answer in the full graph. */
const QUESTIONS: readonly (readonly [string, Record<string, string>])[] = [
  ...LISTS.map((path) => [path, ofList(path)] as const),
  ['/v1/graph', {}],
  ['/v1/keys', {}],
  ['/v1/compliance', {}],
  ['/v1/findings', {}],
  ['/v1/health', {}],
  ['/v1/dataset', { hash: 'd1' }],
  ['/v1/dataset', { hash: 'unused' }],
  ['/v1/dataset', { hash: 'ghost' }],
  ['/v1/model', { name: 'm', commit: 'a' }],
  ['/v1/model', { name: 'm', commit: 'never' }],
  ['/v1/model', { name: 'solo', commit: 'N/A' }],
  ['/v1/models', { orphan: 'true' }],
  ['/v1/models', { orphan: 'false' }],
  ['/v1/models', { minDatasets: '2' }],
  ['/v1/models', { name: 'm', since: at(6), until: at(40) }],
  ['/v1/inferences', { include: 'payload' }],
  ['/v1/inferences', { model: 'm' }],
  ['/v1/inferences', { model: 'm', commit: 'a', include: 'payload' }],
  ['/v1/inferences', { dataset: 'd1' }],
  ['/v1/inferences', { dataset: 'nowhere' }],
  ...[
    'i-as-of',
    'i-exact',
    'i-only',
    'i-nobody',
    'i-no-commit',
    'i-twice',
    'i-later',
    'i-before',
  ].flatMap((id) => [
    ['/v1/inference', { id }] as const,
    ['/v1/inference', { id, include: 'payload' }] as const,
    ['/v1/lineage', { inference: id }] as const,
  ]),
  ...['up', 'down', 'both'].flatMap((direction) => [
    ['/v1/lineage', { dataset: 'd1', direction }] as const,
    ['/v1/lineage', { model: 'm', commit: 'a', direction }] as const,
    ['/v1/lineage', { model: 'm', commit: 'a', direction, depth: '0' }] as const,
  ]),
  ['/v1/impact', { dataset: 'd1' }],
  ['/v1/impact', { dataset: 'unused' }],
  ['/v1/impact', { model: 'm', commit: 'a' }],
];

test('an empty graph is answered as empty and complete', async () => {
  for (const path of LISTS) {
    const told = await api.get(path, ofList(path));
    expect(told).toMatchObject({ items: [], next: null, complete: true });
    expect(told).not.toHaveProperty('incomplete');
  }
  // The versions are told first, even where there are none.
  const pages = await api.pages('/v1/graph', {});
  expect(pages.flatMap(({ nodes }) => nodes)).toEqual([]);
  for (const [path, query] of [
    ['/v1/dataset', { hash: 'd1' }],
    ['/v1/model', { name: 'm', commit: 'a' }],
    ['/v1/inference', { id: 'i' }],
    ['/v1/lineage', { dataset: 'd1' }],
    ['/v1/lineage', { inference: 'i' }],
    ['/v1/impact', { model: 'm', commit: 'a' }],
    ['/v1/object', { uri: 'file:///x' }],
    ['/v1/evidence', { digest: KID }],
  ] as const)
    expect(await api.refusal(path, query)).toEqual([404, 'NOT_FOUND']);
});

/** Of these the answers are held against their schemas elsewhere. */
const APART = ['/v1/evidence', '/v1/log/checkpoint'];

test('the demo’s graph and the full one are answered by every route as its schema says', async () => {
  await logs.bring([demoLog(logs.signer.privateKey)].flatMap(signedTexts));
  const { objects } = await everyAnswer([['/v1/objects', {}]]);
  await everyAnswer([['/v1/object', { uri: String(objects[0]?.['object']) }]]);
  await everyAnswer(LISTS.map((path) => [path, ofList(path)]));
  await logs.bring(RECORDS);
  await everyAnswer(QUESTIONS);
  for (const { path } of ROUTES)
    if (!APART.includes(path)) expect([path, api.checked.has(path)]).toEqual([path, true]);
});

/** Of an envelope what it signs. */
function signedTexts(log: string): string[] {
  return log
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { signed_data: string }).signed_data);
}

async function everyAnswer(
  questions: readonly (readonly [string, Record<string, string>])[],
): Promise<{ objects: readonly Record<string, unknown>[] }> {
  let objects: readonly Record<string, unknown>[] = [];
  for (const [path, query] of questions) {
    const told = await api.get(path, query);
    if (path === '/v1/objects') objects = told.items;
  }
  return { objects };
}

/** Every evidence in an answer, however deep. */
function evidenceIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) return [];
  const of = (value as { evidence?: unknown }).evidence;
  const own =
    typeof of === 'object' && of !== null && !Array.isArray(of)
      ? [of as Record<string, unknown>]
      : [];
  return [...own, ...Object.values(value).flatMap(evidenceIn)];
}

test('the evidence of every item is an envelope that anybody can verify', async () => {
  const found = new Map<string, Record<string, unknown>>();
  for (const [path, query] of [...QUESTIONS, ['/v1/datasets', { asOf: at(10) }] as const]) {
    const told = await api.get(path, query);
    for (const item of [...(told.items ?? []), ...(told.nodes ?? [])])
      if (path !== '/v1/objects' && path !== '/v1/keys')
        expect(item).toHaveProperty('evidence.digest');
    for (const of of evidenceIn(told)) found.set(JSON.stringify(of), of);
  }
  // Each record of the two logs that is a head, and the earlier record of d1.
  expect(found.size).toBeGreaterThan(30);
  for (const evidence of found.values()) {
    const { digest, kid, log, line, offset, length } = evidence as Record<string, string | number>;
    const { signings, ...answer } = (await api.get('/v1/evidence', { log, line })) as unknown as {
      digest: string;
      signings: [{ envelope: string; key: { kid: string; pem: string } }];
    };
    expect(answer.digest).toBe(digest);
    const place = { kid, log, line, offset, length };
    const takenAt: unknown = expect.stringMatching(/^20\d\d-/);
    expect(signings).toMatchObject([
      { ...place, status: 'verified', takenAt, names: { count: 1 } },
    ]);
    const [{ envelope, key }] = signings;
    const bytes = readFileSync(logs.archived(String(log)));
    const start = Number(offset);
    expect(bytes.toString('utf8', start, start + Number(length))).toBe(envelope);
    const { signed_data: text, signature } = JSON.parse(envelope) as Record<string, string>;
    expect(
      createHash('sha256')
        .update(text ?? '')
        .digest('hex'),
    ).toBe(digest);
    const publicKey = createPublicKey(key.pem);
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    expect([key.kid, createHash('sha256').update(spki).digest('hex')]).toEqual([kid, kid]);
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    const saltLength = constants.RSA_PSS_SALTLEN_AUTO;
    const with_ = { key: publicKey, padding, saltLength };
    const holds = verify(
      'sha256',
      Buffer.from(text ?? ''),
      with_,
      Buffer.from(signature ?? '', 'base64'),
    );
    expect(holds).toBe(true);
  }
});

test('the envelope of every record that was ever accepted can be asked for, superseded ones too', async () => {
  const { body } = await api.ask('/v1/objects');
  const { items } = JSON.parse(body) as { items: { object: string; sha256: string }[] };
  const texts = items.flatMap(({ object, sha256: log }) =>
    signedTexts(readFileSync(logs.archived(log), 'utf8')).map((text, index) => ({
      text,
      asked: { log, line: index + 1 },
      object,
    })),
  );
  expect(texts).toHaveLength(RECORDS.length + 19);
  for (const { text, asked, object } of texts) {
    const digest = createHash('sha256').update(text).digest('hex');
    const names = { count: 1, uris: [object] };
    const found = { digest, signings: [{ ...asked, status: 'verified', names }] };
    expect(await api.get('/v1/evidence', asked)).toMatchObject(found);
    // Its digest finds what describes something, and an inference that the digest itself names or others dispute.
    const { type, id } = JSON.parse(text.replaceAll('NaN', '0')) as Record<string, string>;
    if (type === 'inference' && id !== 'i-twice')
      expect(await api.refusal('/v1/evidence', { digest })).toEqual([404, 'NOT_FOUND']);
    else expect(await api.get('/v1/evidence', { digest })).toMatchObject(found);
    if (type === 'inference' && id !== 'i-twice')
      expect(await api.get('/v1/evidence', { inference: id })).toMatchObject(found);
  }
});

test('an inference whose id was made of its digest is found by that digest', async () => {
  const text = `{"type":"inference","model_name":"solo","timestamp":"${at(12)}"}`;
  await logs.bring([text]);
  const digest = createHash('sha256').update(text).digest('hex');
  expect(await api.get('/v1/evidence', { digest })).toMatchObject({
    asserts: { kind: 'inference', id: `sha256:${digest}` },
    signings: [{ status: 'verified' }],
  });
});

test('a record that two keys signed shows both envelopes, each verified on the spot', async () => {
  const other = new SignedLogs(graph);
  const text = `{"type":"dataset","hash":"by-two","path":"p","timestamp":"${at(4)}"}`;
  await logs.bring([text]);
  await other.bring([text]);
  const kids = [logs.signer.key.kid, other.signer.key.kid].sort();
  const { items } = await api.get('/v1/datasets', { since: at(4), until: at(4) });
  const [{ evidence }] = items as [Told['items'][number]];
  expect([evidence.kid, evidence.kids]).toEqual([kids[0], kids]);
  const asked = { digest: evidence.digest };
  const both = new Api(graph, async (digest, signing) => {
    const isOwn = signing.kid === logs.signer.key.kid;
    return (isOwn ? logs : other).readEnvelope(digest, signing);
  });
  const { signings } = await both.get('/v1/evidence', asked);
  expect(signings).toMatchObject(kids.map((kid) => ({ kid, key: { kid }, status: 'verified' })));
  other.remove();
});

test('what stands in the object no more, or under a key that is not configured, is said so', async () => {
  const [item] = (await api.get('/v1/datasets', { until: at(3) })).items;
  const digest = item?.evidence.digest;
  const strangers = new Api(
    graph,
    envelopeReader(logs.archive, () => Promise.resolve([])),
  );
  expect(await strangers.get('/v1/evidence', { digest })).toMatchObject({
    signings: [{ status: 'key-unknown', key: null }],
  });
  const gone = { status: 'gone', envelope: null, key: null } as const;
  const empty = new Api(graph, () => Promise.resolve(gone));
  expect(await empty.get('/v1/evidence', { digest })).toMatchObject({ signings: [gone] });
  const differs = { status: 'differs', envelope: null, key: null } as const;
  const changed = new Api(graph, () => Promise.resolve(differs));
  expect(await changed.get('/v1/evidence', { digest })).toMatchObject({ signings: [differs] });
});

test('opaque JSON is answered in the very text that was signed, and what is no JSON as text', async () => {
  const { body } = await api.ask('/v1/model', { name: 'm', commit: 'a' });
  // The head is the record of minute 40; the one with the numbers is asked for as it held before.
  expect(body).toContain('"hyperparameters":{}');
  const log = await logs.bring([
    `{"type":"model","model_name":"numbers","hyperparameters":{"lr": 1e-05, "n":12345678901234567890,  "x": 10.0},"environment":{"loss": NaN},"timestamp":"${at(1)}"}`,
  ]);
  expect(log.accepted).toBe(1);
  const raw = (await api.ask('/v1/model', { name: 'numbers', commit: 'N/A' })).body;
  expect(raw).toContain('"hyperparameters":{"lr": 1e-05, "n":12345678901234567890,  "x": 10.0}');
  expect(raw).toContain('"environment":{"text":"{\\"loss\\": NaN}"}');
  const payload = (await api.ask('/v1/inference', { id: 'i-exact', include: 'payload' })).body;
  expect(payload).toContain('"input":{"text":"[NaN, 1]"},"output":{"p":1e-05}');
  const kept = await api.get('/v1/inference', { id: 'i-only', include: 'payload' });
  const text = JSON.stringify('x'.repeat(5_000));
  expect(kept['inference']).toMatchObject({
    input: null,
    inputKept: { sha256: createHash('sha256').update(text).digest('hex'), bytes: 5_002 },
    output: {},
    outputKept: null,
  });
});

test('payloads, and envelopes that hold them, take the permission payload:read', async () => {
  const as = { without: 'payload:read' } as const;
  const one = await api.get('/v1/inference', { id: 'i-exact' }, as);
  expect(one['inference']).not.toHaveProperty('input');
  const { kid, log, line } = (one['inference'] as Told['items'][number]).evidence;
  expect(one['inference']).toHaveProperty('evidence', { kid, log, line });
  for (const [path, query] of [
    ['/v1/inference', { id: 'i-exact', include: 'payload' }],
    ['/v1/inferences', { include: 'payload' }],
    ['/v1/evidence', { inference: 'i-exact' }],
    ['/v1/evidence', { log, line }],
  ] as const) {
    expect(await api.refusal(path, query, as)).toEqual([403, 'FORBIDDEN']);
    expect((await api.ask(path, query)).status).toBe(200);
  }
  const [dataset] = (await api.get('/v1/datasets')).items;
  const asked = { digest: dataset?.evidence.digest };
  expect(await api.get('/v1/evidence', asked, as)).toMatchObject({
    signings: [{ status: 'verified' }],
  });
});

test('what a payload could be guessed from takes the permission payload:read, in every answer', async () => {
  for (const [path, query] of QUESTIONS.filter(([, of]) => of['include'] === undefined)) {
    const { body } = await api.ask(path, query, { without: 'payload:read' });
    const told = JSON.parse(body) as Told & { inference?: Told['items'][number] };
    const all = [
      ...(told.items ?? []),
      ...(told.nodes ?? []),
      ...(told.inference ? [told.inference] : []),
    ];
    for (const { evidence, id, ...rest } of all.filter((of) => of['id'] !== undefined)) {
      expect([id, Object.keys(evidence).sort()]).toEqual([id, ['kid', 'line', 'log']]);
      expect(rest).not.toHaveProperty('inputKept');
    }
  }
});

test('whoever may not read payloads does not learn whether a digest is that of an inference', async () => {
  const as = { without: 'payload:read' } as const;
  const { items } = await api.get('/v1/inferences', { model: 'solo' });
  const digests = [KID, ...items.map(({ evidence }) => evidence.digest)];
  const refusals = new Set<string>();
  for (const digest of digests) refusals.add((await api.ask('/v1/evidence', { digest }, as)).body);
  for (const inference of ['i-exact', 'no such'])
    refusals.add((await api.ask('/v1/evidence', { inference }, as)).body);
  expect(Array.from(refusals, (body) => JSON.parse(body) as object)).toMatchObject([
    { code: 'FORBIDDEN' },
  ]);
});

test('every route takes its permission', async () => {
  for (const { path, scope } of ROUTES)
    expect(await api.refusal(path, '', { without: scope })).toEqual([403, 'FORBIDDEN']);
});

test('what was recorded later does not show in an answer about a time', async () => {
  for (const path of LISTS.filter((of) => of !== '/v1/objects'))
    expect(await api.get(path, { ...ofList(path), asOf: '2020-01-01T00:00:00Z' })).toMatchObject({
      items: [],
      asOf: '2020-01-01T00:00:00Z',
    });
  expect(await api.refusal('/v1/lineage', { dataset: 'd1', asOf: at(0) })).toEqual([
    404,
    'NOT_FOUND',
  ]);
  expect(await api.refusal('/v1/impact', { dataset: 'd1', asOf: at(0) })).toEqual([
    404,
    'NOT_FOUND',
  ]);

  // Between two records of one dataset: what held is at its evidence, and nothing of the later one.
  const between = (await api.get('/v1/datasets', { asOf: at(10) })).items;
  const d1 = between.find(({ hash }) => hash === 'd1');
  expect(d1).toMatchObject({ path: null, timestamp: null, recordedAt: at(1), since: at(1) });
  const told = await api.get('/v1/evidence', { digest: d1?.evidence.digest });
  expect(told['signings']).toMatchObject([
    { envelope: expect.stringContaining('s3://b/first') as unknown },
  ]);
  const now = (await api.get('/v1/datasets', { asOf: at(20) })).items;
  expect(now.find(({ hash }) => hash === 'd1')).toMatchObject({ path: 's3://b/second' });
});

const usedBy = async (asOf: string | undefined): Promise<string[]> => {
  const up = { model: 'm', commit: 'a', direction: 'up', asOf };
  return (await api.get('/v1/lineage', up)).nodes.flatMap(({ kind, hash }) =>
    kind === 'dataset' ? [String(hash)] : [],
  );
};

test('a dataset that was declared later is not behind a model before that', async () => {
  expect(await usedBy(at(10))).toEqual(['d1', 'd2']);
  expect(await usedBy(at(40))).toEqual(['d1', 'd2']);
  expect(await usedBy(at(41))).toEqual(['d1', 'd2', 'late']);
  expect(await usedBy(undefined)).toEqual(['d1', 'd2', 'late']);
  for (const [asOf, count] of [
    [at(10), 2],
    [at(41), 3],
  ] as const) {
    const models = (await api.get('/v1/models', { name: 'm', asOf })).items;
    expect(models.find(({ commit }) => commit === 'a')).toMatchObject({ datasetCount: count });
    const more = await api.get('/v1/models', { name: 'm', asOf, minDatasets: 3 });
    expect(more.items).toHaveLength(count === 3 ? 1 : 0);
  }
});

test('the datasets of an inference’s list held at the time that is asked about', async () => {
  const ids = async (asOf: string): Promise<unknown[]> =>
    (await api.get('/v1/inferences', { dataset: 'late', asOf })).items.map(({ id }) => id);
  expect(await ids(at(39))).toEqual([]);
  expect(await ids(at(41))).toEqual(['i-exact', 'i-as-of']);
});

test('a link is told as it was at the time: the only version then, or none yet', async () => {
  const resolutions = async (asOf: string | undefined): Promise<Record<string, unknown>> => {
    const { items } = await api.get('/v1/inferences', { asOf, limit: 200 });
    return Object.fromEntries(
      items.map(({ id, resolution, model: of }): [string, unknown] => [
        String(id),
        [resolution, of],
      ]),
    );
  };
  const a = { name: 'm', commit: 'a' };
  const before = await resolutions(at(29));
  const after = await resolutions(at(30));
  expect([before['i-as-of'], after['i-as-of']]).toEqual([
    ['only-version', a],
    ['as-of', a],
  ]);
  const last = { name: 'after', commit: 'N/A' };
  expect((await resolutions(at(49)))['i-before']).toEqual(['pending', null]);
  expect((await resolutions(at(50)))['i-before']).toEqual(['before-model', last]);
  const lineage = async (asOf: string): Promise<Told> =>
    api.get('/v1/lineage', { inference: 'i-before', asOf });
  expect(await lineage(at(49))).toMatchObject({
    nodes: [{ resolution: 'pending', model: null }],
    complete: false,
    incomplete: [{ reason: 'PENDING_LINKS' }],
  });
  expect((await lineage(at(50))).nodes).toHaveLength(2);
  expect(await api.get('/v1/lineage', { inference: 'i-as-of', asOf: at(29) })).toMatchObject({
    basis: { exact: 0, onlyVersion: 1, inferred: 0 },
  });
  const impact = { model: 'm', commit: 'a' };
  expect(await api.get('/v1/impact', { ...impact, asOf: at(29) })).toMatchObject({
    basis: { exact: 1, onlyVersion: 1, inferred: 0 },
    summary: { exact: { count: 1 }, onlyVersion: { count: 1 }, inferred: { count: 0 } },
  });
  expect(await api.get('/v1/impact', { ...impact, asOf: at(30) })).toMatchObject({
    basis: { exact: 1, onlyVersion: 0, inferred: 1 },
    summary: { exact: { count: 1 }, onlyVersion: { count: 0 }, inferred: { count: 1 } },
  });
});

test('an answer is incomplete for exactly the links that are missing to it', async () => {
  const of = async (path: string, query: Record<string, string>): Promise<unknown> => {
    const { complete, incomplete } = await api.get(path, query);
    return complete ? 'complete' : incomplete?.map(({ reason, hashes }) => [reason, hashes]);
  };
  const ghost = [['PENDING_LINKS', ['ghost']]];
  const unlinked = [['PENDING_LINKS', undefined]];
  expect(await of('/v1/model', { name: 'm', commit: 'a' })).toEqual(ghost);
  expect(await of('/v1/model', { name: 'm', commit: 'b' })).toBe('complete');
  expect(await of('/v1/models', { name: 'm' })).toEqual(ghost);
  expect(await of('/v1/models', { name: 'solo' })).toBe('complete');
  expect(await of('/v1/lineage', { model: 'm', commit: 'a' })).toEqual(ghost);
  expect(await of('/v1/lineage', { model: 'm', commit: 'b' })).toBe('complete');
  expect(await of('/v1/lineage', { inference: 'i-exact' })).toEqual(ghost);
  expect(await of('/v1/inference', { id: 'i-exact' })).toEqual(ghost);
  expect(await of('/v1/inference', { id: 'i-later' })).toBe('complete');
  expect(await of('/v1/inference', { id: 'i-nobody' })).toEqual(unlinked);
  expect(await of('/v1/inference', { id: 'i-no-commit' })).toEqual(unlinked);
  expect(await of('/v1/inferences', { model: 'nobody' })).toEqual(unlinked);
  expect(await of('/v1/inferences', { model: 'solo' })).toBe('complete');
  expect(await of('/v1/datasets', {})).toBe('complete');
  expect(await of('/v1/dataset', { hash: 'd1' })).toBe('complete');
  expect(await of('/v1/dataset', { hash: 'ghost' })).toEqual(ghost);
  expect(await of('/v1/model', { name: 'm', commit: 'never' })).toEqual(unlinked);
  const told = async (path: string, query: Record<string, string>): Promise<unknown> =>
    (await api.get(path, query)).incomplete?.map(({ detail }) => detail);
  expect(await told('/v1/model', { name: 'm', commit: 'a' })).toEqual([
    '1 dataset is declared by these models and not recorded',
  ]);
  expect(await told('/v1/inference', { id: 'i-nobody' })).toEqual([
    '1 of these inferences names a model version that is not recorded',
  ]);
});

/** A log of two datasets, for whoever writes it in part. */
function logOfTwo(log: string, hashes: readonly string[]) {
  const recordedAt = { epochSeconds: 0, nanoseconds: 0 };
  const records = hashes.map((hash, index) => ({
    record: {
      type: 'dataset' as const,
      hash,
      path: 'p',
      description: '',
      timestamp: at(0),
      recordedAt,
      digest: createHash('sha256').update(hash).digest('hex'),
    },
    kid: KID,
    location: { log, line: index + 1, offset: index, length: 1 },
  }));
  return { uri: `file:///half.jsonl?sha256=${log}`, log, records };
}

test('while an object is written every answer about the graph says so and names it', async () => {
  const { uri, log, records } = logOfTwo('f'.repeat(64), ['h1', 'h2']);
  const writer = new GraphWriter(graph);
  await writeObject(writer, { uri, log, records }, 1, 1);
  const silent = ['/v1/health', '/v1/evidence', '/v1/object'];
  for (const [path, query] of QUESTIONS.filter(([of]) => !silent.includes(of))) {
    const { complete, incomplete } = await api.get(path, query);
    expect([path, complete]).toEqual([path, false]);
    const progress = incomplete?.filter(({ reason }) => reason === 'OBJECT_IN_PROGRESS');
    expect(progress).toEqual([
      {
        reason: 'OBJECT_IN_PROGRESS',
        detail: '1 object is being written; its records are here in part',
        objects: [uri],
      },
    ]);
  }
  expect(await api.get('/v1/object', { uri })).toMatchObject({
    status: 'writing',
    complete: false,
  });
  const csv = await api.ask('/v1/impact', { dataset: 'd1' }, { accepts: 'text/csv' });
  expect(csv.body.trimEnd().split('\r\n').at(-1)).toMatch(
    /^,{14}"incomplete: .*1 object is being written; its records are here in part/,
  );
  await writeObject(writer, { uri, log, records }, 1);
  expect(await api.get('/v1/datasets')).toMatchObject({ complete: true });
  expect(await api.get('/v1/object', { uri })).toMatchObject({
    status: 'accepted',
    complete: true,
  });
});

test('the row of an object that could not be finished says what its receipt says, and accounts for each line', async () => {
  const object = logOfTwo('e'.repeat(64), ['h3', 'h4']);
  const writer = new GraphWriter(graph);
  await writeObject(writer, object, 1, 1);
  await writer.abandon(object.uri, new PoisonObjectError('CLOSED_BY_HAND', 'closed by hand: x'));
  const receipt = receiptOfAbandoned(object.uri, await writer.known(object.uri));
  expect(receipt).toMatchObject({ lines: 2, accepted: 1, withheld: 1, rejectedTotal: 0 });
  // What its tree and its keys are, the receipt alone tells.
  const { root: _, kids: __, custody: ___, ...said } = receipt;
  expect(await api.get('/v1/object', { uri: object.uri })).toMatchObject(said);
});

test('unknown, repeated and invalid parameters are refused by name', async () => {
  for (const { path, parameters } of ROUTES) {
    const names = Object.keys(parameters.shape);
    const unknown = await api.ask(path, 'nonsense=1');
    expect(JSON.parse(unknown.body)).toMatchObject({
      code: 'PARAMETER_UNKNOWN',
      detail:
        names.length === 0
          ? 'This route takes no parameters.'
          : (expect.stringContaining(names.join(', ')) as unknown),
    });
    for (const name of names) {
      const twice = await api.ask(path, `${name}=1&${name}=1`);
      expect(JSON.parse(twice.body)).toMatchObject({
        code: 'PARAMETER_REPEATED',
        detail: `${name} may be given once.`,
      });
    }
  }
  const refused: readonly (readonly [string, string])[] = [
    ...['0', '201', '-1', '1.5', '1e1', '', ' 1', '٣'].map(
      (of) => ['/v1/datasets', `limit=${of}`] as const,
    ),
    ...['yesterday', '2026-02-30T00:00:00Z', '', '2026-01-01'].map(
      (of) => ['/v1/datasets', `since=${of}`] as const,
    ),
    ['/v1/models', 'orphan=1'],
    ['/v1/models', 'minDatasets=-1'],
    ['/v1/models', 'name='],
    ['/v1/dataset', ''],
    ['/v1/dataset', `hash=${'x'.repeat(2_049)}`],
    ['/v1/dataset', 'hash=%00'],
    ['/v1/model', 'name=m'],
    ['/v1/inferences', 'commit=a'],
    ['/v1/inferences', 'include=everything'],
    ['/v1/lineage', ''],
    ['/v1/lineage', 'dataset=d1&inference=i-exact'],
    ['/v1/lineage', 'model=m'],
    ['/v1/lineage', 'commit=a'],
    ['/v1/lineage', 'dataset=d1&depth=10'],
    ['/v1/lineage', 'dataset=d1&direction=sideways'],
    ['/v1/impact', ''],
    ['/v1/impact', `dataset=d1&kid=${KID}`],
    ['/v1/impact', 'kid=x'],
    ['/v1/evidence', 'digest=x'],
    ['/v1/evidence', ''],
    ['/v1/evidence', `log=${KID}`],
    ['/v1/evidence', 'line=1'],
    ['/v1/evidence', `log=${KID}&line=0`],
    ['/v1/evidence', `digest=${KID}&inference=i`],
  ];
  for (const [path, query] of refused)
    expect([query, ...(await api.refusal(path, query))]).toEqual([query, 400, 'PARAMETER_INVALID']);
  expect(await api.refusal('/v1/nothing', '')).toEqual([404, 'ROUTE_UNKNOWN']);
  const method = await api.ask('/v1/datasets', '', { method: 'POST' });
  expect([method.status, method.headers['allow']]).toEqual([405, 'GET']);
});

test('a limit is the most that a page holds, up to 200', async () => {
  for (const limit of [1, 2, 200])
    for (const path of LISTS) {
      const { items } = await api.get(path, { ...ofList(path), limit });
      expect(items.length).toBeLessThanOrEqual(limit);
    }
  expect((await api.get('/v1/inferences', { limit: 3 })).items).toHaveLength(3);
});

test('a time may be given in any offset and is compared to the nanosecond', async () => {
  const first = { since: '2026-01-01T02:01:00+02:00', until: '2026-01-01T00:01:00.000000000Z' };
  expect((await api.get('/v1/datasets', first)).items.map(({ hash }) => hash)).toEqual(['d1']);
  const behind = { since: '2026-01-01T00:01:00.000000001Z', until: at(2) };
  expect((await api.get('/v1/datasets', behind)).items.map(({ hash }) => hash)).toEqual(['d2']);
  // An interval that ends before it begins holds nothing, not even what stands at its end.
  for (const path of ['/v1/datasets', '/v1/models', '/v1/inferences'])
    for (const until of [at(1), at(5), at(10)])
      expect(await api.get(path, { since: at(55), until })).toMatchObject({
        items: [],
        next: null,
      });
});

const CODES = {
  PARAMETER_UNKNOWN: 400,
  PARAMETER_REPEATED: 400,
  PARAMETER_INVALID: 400,
  CURSOR_INVALID: 400,
  FORBIDDEN: 403,
  HOST_REFUSED: 403,
  ROUTE_UNKNOWN: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_FOUND: 404,
} as const satisfies Record<RequestCode, number>;

/** What a failure knows, and a caller does not hear. */
const INSIDE = 'bolt://10.0.0.1';

function codesOf<Code extends string>(failures: Readonly<Record<Code, string>>): Code[] {
  return Object.keys(failures) as Code[];
}

/** What no question can end in is our own mistake when it does. */
function toldAs(code: string): readonly [string, number] {
  return PROBLEM_CODES.includes(code) ? [code, 503] : ['INTERNAL', 500];
}

test.each([
  ...Object.entries(CODES).map(
    ([code, status]) => [code, status, new RequestError(code as RequestCode, 'why')] as const,
  ),
  ...codesOf(FAILURES.OutOfTimeError).map(
    (code) => [code, 503, new OutOfTimeError(code, INSIDE)] as const,
  ),
  ...codesOf(FAILURES.TransientError).map(
    (code) => [...toldAs(code), new TransientError(code, INSIDE)] as const,
  ),
  ...codesOf(FAILURES.ConfigError).map(
    (code) => [...toldAs(code), new ConfigError(code, [INSIDE])] as const,
  ),
  ['INTERNAL', 500, new PoisonObjectError('OBJECT_GONE', INSIDE)] as const,
  ['INTERNAL', 500, new Error(INSIDE)] as const,
])('%s is a problem document of status %i', (code, status, error) => {
  const { headers, body, ...rest } = problem(error, 'id-1');
  expect(rest).toEqual({ status });
  expect(headers['content-type']).toBe('application/problem+json');
  expect(headers['retry-after']).toBe(status === 503 ? '5' : undefined);
  expect(body).not.toContain(INSIDE);
  expect(PROBLEM_CODES).toContain(code);
  expect(JSON.parse(body)).toEqual({
    type: 'about:blank',
    title: expect.any(String) as unknown,
    status,
    detail: error instanceof RequestError ? 'why' : (expect.any(String) as unknown),
    code,
    requestId: 'id-1',
  });
});

test('the OpenAPI document names every route, parameter and member of an answer', () => {
  const document = openApi(ROUTES) as {
    openapi: string;
    paths: Record<string, { get: OperationObject }>;
  };
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths)).toEqual(ROUTES.map(({ path }) => path));
  const ids = Object.values(document.paths).map(({ get }) => get.operationId);
  expect(new Set(ids).size).toBe(ROUTES.length);
  for (const { path, parameters, other } of ROUTES) {
    const operation = document.paths[path]?.get;
    expect(operation?.parameters.map(({ name }) => name)).toEqual(Object.keys(parameters.shape));
    for (const { name, in: where, required } of operation?.parameters ?? []) {
      expect(where).toBe('query');
      expect([name, required]).toEqual([name, !isOptional(parameters, name)]);
    }
    const { content } = operation?.responses['200'] ?? { content: {} };
    const types = ['application/json', ...(other === undefined ? [] : [other.mediaType])];
    expect(Object.keys(content)).toEqual(types);
  }
});

interface OperationObject {
  readonly operationId: string;
  readonly parameters: readonly { name: string; in: string; required: boolean }[];
  readonly responses: Record<string, { content: Record<string, unknown> }>;
}

test('nothing that was asked here was our doing', () => {
  expect(api.failures).toEqual([]);
  expect(queryText({ a: undefined, b: 1 })).toBe('b=1');
});
