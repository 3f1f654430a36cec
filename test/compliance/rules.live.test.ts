import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { check, type Checked } from '../../lib/compliance/check.ts';
import { digestOf } from '../../lib/compliance/digest.ts';
import { DEFAULT_SETTINGS, RULES, type RuleSettings } from '../../lib/compliance/rules.ts';
import { findings, lastChecks } from '../../lib/graph/ask/findings.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { keepAudit } from '../../lib/graph/write/audit.ts';
import { waive } from '../../lib/graph/write/findings.ts';
import { ingestObject } from '../../lib/ingest/ingest.ts';
import { storedObject } from '../../lib/object/stored.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { localStores } from '../support/local-stores.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { SignedLogs } from '../support/signed-logs.ts';
import { wipe } from '../support/snapshot.ts';
import { testKey } from '../support/test-key.ts';

const { privateKey, key } = testKey();
const NOW = new Date('2026-06-01T12:00:00Z');
const EARLIER = '2026-01-01T00:00:00Z';
const LATER = '2026-02-01T00:00:00Z';

const folder = mkdtempSync(join(tmpdir(), 'custody-'));
let graph: Graph;
beforeAll(() => {
  graph = openGraph(neo4jLogin);
});
beforeEach(() => wipe(graph));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await graph.close();
});

type Members = Readonly<Record<string, unknown>>;

const dataset = (members: Members = {}): Members => ({
  type: 'dataset',
  hash: 'd',
  path: 'p',
  timestamp: EARLIER,
  ...members,
});
const model = (members: Members = {}): Members => ({
  type: 'model',
  model_name: 'm',
  git_commit: 'c',
  dataset_hashes: ['d'],
  timestamp: EARLIER,
  ...members,
});
const inference = (members: Members = {}): Members => ({
  type: 'inference',
  id: 'i',
  model_name: 'm',
  git_commit: 'c',
  timestamp: LATER,
  ...members,
});
const CLEAN: readonly Members[] = [dataset(), model(), inference()];

let drops = 0;

/** Drops a log under a name; an array of texts is taken for lines as they are. */
async function drop(
  records: readonly (Members | string)[],
  name = 'log',
  keys = [key],
): Promise<void> {
  const lines = records.map((of) =>
    typeof of === 'string' ? of : signRecord(JSON.stringify(of), privateKey, 'digest'),
  );
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const uri = `s3://logs/${name}.jsonl?versionId=${(drops += 1)}`;
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes;
  };
  const path = join(folder, `${drops}.jsonl`);
  writeFileSync(path, bytes);
  const store = {
    name: `${name}.jsonl`,
    origin: { path },
    isGzip: false,
    uri,
    bytes: bytes.length,
  };
  const object = storedObject({ ...store, uriOf: () => uri, chunks });
  await ingestObject(object, localStores(graph, folder), {
    keys,
    onBadLine: 'reject',
  });
}

/** A text of that form, wherever one is expected. */
const like = (form: RegExp): unknown => expect.stringMatching(form);

const checked = (settings: Partial<RuleSettings> = {}, now = NOW): Promise<Checked> =>
  check(graph, { ...DEFAULT_SETTINGS, ...settings }, { now });

/** What each rule has found that is open, by the rule's id. */
async function open(settings: Partial<RuleSettings> = {}): Promise<Record<string, unknown[]>> {
  await checked(settings);
  const ids = RULES.map(({ id }) => id);
  const rows = await findings(graph, { statuses: ['open'], rules: ids }, '', 1_000);
  const found: Record<string, unknown[]> = {};
  for (const { rule, entity, detail, counts } of rows)
    (found[rule] ??= []).push(counts === 1 ? [entity, detail] : [entity, detail, counts]);
  return found;
}

const M = { kind: 'model', name: 'm', commit: 'c' };
const USE = { kind: 'use', hash: 'd', name: 'm', commit: 'c' };

/** What is planted, and all that the rule may find of it. */
const PLANTED: Readonly<
  Record<
    string,
    {
      readonly records: readonly Members[];
      readonly found: readonly unknown[];
      readonly also?: readonly string[];
      readonly settings?: Partial<RuleSettings>;
    }
  >
> = {
  'model-without-dataset': {
    records: [
      ...CLEAN,
      model({
        model_name: 'declared',
        dataset_hashes: ['x', 'y'],
        timestamp: '2026-05-31T00:00:00Z',
      }),
      model({ model_name: 'nothing', dataset_hashes: [] }),
    ],
    found: [
      [{ kind: 'model', name: 'declared', commit: 'c' }, { declared: 2 }],
      [{ kind: 'model', name: 'nothing', commit: 'c' }, { declared: 0 }],
    ],
  },
  'dataset-not-recorded': {
    records: [
      ...CLEAN,
      model({ dataset_hashes: ['d', 'x'] }),
      model({ model_name: 'new', dataset_hashes: ['d', 'y'], timestamp: '2026-05-30T00:00:00Z' }),
    ],
    found: [[{ ...USE, hash: 'x' }, { declaredAt: '2026-01-01T00:00:00Z' }]],
    also: ['model-equivocation'],
  },
  'model-without-commit': {
    records: [...CLEAN, model({ git_commit: undefined })],
    found: [[{ ...M, commit: 'N/A' }, {}]],
  },
  'inference-without-model': {
    records: [
      ...CLEAN,
      inference({ id: 'j', git_commit: 'x' }),
      inference({ id: 'k', model_name: 'n', git_commit: null }),
    ],
    found: [
      [{ ...M, commit: 'x' }, {}],
      [{ kind: 'model', name: 'n', commit: null }, {}],
    ],
  },
  'inference-linked-by-time': {
    records: [
      ...CLEAN,
      model({ git_commit: 'b', timestamp: LATER }),
      inference({ id: 'j', git_commit: null }),
    ],
    found: [[{ ...M, commit: 'b' }, {}]],
  },
  'dataset-equivocation': {
    records: [...CLEAN, dataset({ path: 'q' }), dataset({ timestamp: '2026-01-02T00:00:00Z' })],
    found: [[{ kind: 'dataset', hash: 'd' }, { contents: 2 }]],
  },
  'model-equivocation': {
    records: [...CLEAN, model({ hyperparameters: { lr: 1 } }), model({ timestamp: LATER })],
    found: [[M, { contents: 2 }]],
  },
  'inference-equivocation': {
    records: [...CLEAN, inference({ output: 1 })],
    found: [[{ kind: 'inference', id: 'i' }, { records: 2 }]],
  },
  'claimed-in-future': {
    records: [
      ...CLEAN,
      inference({ id: 'j', timestamp: '2027-01-01T00:00:00Z' }),
      inference({ id: 'k', timestamp: '2026-06-02T00:00:00Z' }),
    ],
    found: [[{ kind: 'inference', id: 'j' }, { recordedAt: '2027-01-01T00:00:00Z' }]],
  },
  'dataset-after-model': {
    records: [
      ...CLEAN,
      dataset({ hash: 'late', timestamp: LATER }),
      model({ model_name: 'n', dataset_hashes: ['late'] }),
    ],
    found: [
      [
        { kind: 'use', hash: 'late', name: 'n', commit: 'c' },
        { dataset: '2026-02-01T00:00:00Z', model: '2026-01-01T00:00:00Z' },
      ],
    ],
  },
  'inference-before-model': {
    records: [...CLEAN, inference({ id: 'j', timestamp: '2025-12-31T00:00:00Z' })],
    found: [[M, { first: '2025-12-31T00:00:00Z', model: '2026-01-01T00:00:00Z' }]],
  },
};

test.each(RULES)(
  '$id finds nothing in a clean graph, and says how many $of it looked at',
  async ({ id }) => {
    await drop(CLEAN);
    const { check: done } = await checked({ prefixes: ['s3://logs/'], silenceHours: 1_000_000 });
    const result = done.rules.find(({ rule }) => rule === id);
    expect(result).toMatchObject({ outcome: 'done', open: 0, waived: 0, new: 0 });
    const others: Readonly<Record<string, number>> = {
      'claimed-in-future': 3,
      'fact-on-compromised-key': 3,
      // Without an audit nothing was compared.
      'graph-differs': 0,
    };
    expect(result?.examined).toBe(others[id] ?? 1);
  },
);

test.each(Object.entries(PLANTED))(
  '%s finds what is planted, and no other rule does',
  async (id, planted) => {
    await drop(planted.records);
    const found = await open(planted.settings);
    expect(Object.keys(found).sort()).toEqual([id, ...(planted.also ?? [])].sort());
    expect(found[id]).toHaveLength(planted.found.length);
    expect(found[id]).toEqual(expect.arrayContaining([...planted.found]));
  },
);

test('object-refused finds a refused log until the same name brings a good one', async () => {
  await drop([...CLEAN, '{"not":'], 'team/a');
  const found = await open();
  expect(Object.keys(found)).toEqual(['object-refused']);
  expect(found['object-refused']).toMatchObject([[{ kind: 'object' }, { lines: 4, rejected: 1 }]]);
  await drop(CLEAN, 'team/b');
  expect(Object.keys(await open())).toEqual(['object-refused']);
  await drop([dataset({ hash: 'e' })], 'team/a');
  expect(await open()).toEqual({});
});

test.each<[string, readonly Members[]]>([
  ['nothing', []],
  ['what another log brought before', CLEAN],
  ['the records of other logs, put together anew', [dataset(), inference()]],
])('a log that brings %s under the name of a refused one settles nothing', async (_, records) => {
  await drop(CLEAN, 'team/good');
  await drop(['{"not":'], 'team/a');
  await drop(records, 'team/a');
  expect(Object.keys(await open())).toEqual(['object-refused']);
});

test('a refused log is settled by its own bytes, once they are in the graph, whatever their name', async () => {
  const records = [dataset(), model()].map((of) =>
    signRecord(JSON.stringify(of), privateKey, 'digest'),
  );
  const other = testKey();
  await drop(records, 'team/a', [other.key]);
  expect(Object.keys(await open())).toEqual(['object-refused']);
  await drop(records, 'team/b');
  expect(await open()).toEqual({});
});

test('junk under one prefix is one finding with its number and first names, and neither hides nor settles another', async () => {
  await drop(['{"not":'], 'honest/1');
  for (let junk = 0; junk < 101; junk += 1) await drop([`junk ${junk}`], `open/junk-${junk}`);
  const { check: done, fresh } = await checked();
  const result = done.rules.find(({ rule }) => rule === 'object-refused');
  expect(result).toMatchObject({ outcome: 'done', examined: 102, open: 102, findings: 2, new: 2 });
  expect(fresh).toHaveLength(2);
  const found = (await open())['object-refused'];
  expect(found).toEqual([
    [
      { kind: 'objects', prefix: 's3://logs/open/', code: 'LINE_NOT_JSON' },
      {
        first: like(/^(s3:\/\/logs\/open\/junk-\d+\.jsonl\?versionId=\d+ ?){5}$/),
      },
      101,
    ],
    [{ kind: 'object', uri: like(/honest\/1/) }, expect.anything()],
  ]);
});

test('junk over many folders is one finding, too, beside those under expected prefixes, and goes back when it is over', async () => {
  const prefixes = ['s3://logs/team/'];
  await drop(['{"not":'], 'team/1');
  // A folder in which a log has brought records stands for itself, whatever lies elsewhere.
  await drop(CLEAN, 'known/good');
  await drop(['{"not":'], 'known/bad');
  for (let junk = 0; junk < 100; junk += 1) await drop([`junk ${junk}`], `folder-${junk}/x`);
  const before = await checked({ prefixes });
  expect(before.check.rules).toContainEqual(
    expect.objectContaining({ rule: 'object-refused', open: 102, findings: 102 }),
  );
  for (let junk = 0; junk < 101; junk += 1) await drop([`junk ${junk}`], `open/junk-${junk}`);
  await drop(['junk'], 'folder-100/x');
  const flood = await checked({ prefixes });
  expect(flood.check.rules).toContainEqual(
    expect.objectContaining({ rule: 'object-refused', open: 204, findings: 4, settled: 0 }),
  );
  const found = (await open({ prefixes }))['object-refused'];
  const first = like(/^(s3:\/\/logs\/folder-\d+\/x\.jsonl\?versionId=\d+ ?){5}$/);
  expect(found).toContainEqual([
    { kind: 'objects', prefix: 's3://logs/(several folders)/', code: 'LINE_NOT_JSON' },
    { first },
    101,
  ]);
  expect(found).toContainEqual([
    { kind: 'objects', prefix: 's3://logs/open/', code: 'LINE_NOT_JSON' },
    expect.anything(),
    101,
  ]);
  expect(found).toContainEqual([{ kind: 'object', uri: like(/known\/bad/) }, expect.anything()]);
  const message = digestOf(before.check, { fresh: before.fresh, settled: [] }, prefixes)?.message;
  expect(message).toMatch(/New:\n {2}object-refused:.*\/team\/1/);
  await graph[database].run(
    "MATCH (o:SourceObject) WHERE o.uri CONTAINS '/folder-100/' DETACH DELETE o",
  );
  const over = await checked({ prefixes });
  expect(over.check.rules).toContainEqual(
    expect.objectContaining({ rule: 'object-refused', open: 203, findings: 103 }),
  );
});

test('a flood takes up the findings that it began with, from the first of them on, and gives them back when it is over', async () => {
  for (let junk = 0; junk < 100; junk += 1) await drop([`junk ${junk}`], `open/junk-${junk}`);
  const before = await checked();
  expect(before.fresh).toHaveLength(100);
  const waiver = { who: 'w', why: 'y', until: '2027-01-01T00:00:00Z' };
  await waive(graph, before.fresh[0] ?? '', waiver, NOW.toISOString());
  await drop(['one more'], 'open/one');
  expect((await checked()).fresh).toHaveLength(1);
  await drop(['another'], 'open/two');
  const later = new Date('2026-06-02T12:00:00Z');
  const flood = await checked({}, later);
  expect([flood.fresh.length, flood.settled.length]).toEqual([1, 0]);
  expect(flood.check.rules.find(({ rule }) => rule === 'object-refused')).toMatchObject({
    open: 101,
    waived: 1,
    findings: 1,
  });
  const rules = ['object-refused'];
  const [group] = await findings(graph, { statuses: ['open'], rules }, '', 10);
  expect(group).toMatchObject({ counts: 101, firstSeenAt: '2026-06-01T12:00:00Z' });
  await graph[database].run("MATCH (o:SourceObject) WHERE o.uri CONTAINS '/two.' DETACH DELETE o");
  const over = await checked({}, later);
  expect([over.fresh.length, over.settled.length]).toEqual([100, 1]);
});

test('object-abandoned finds a log that could not be finished until it is whole in the graph', async () => {
  await drop(CLEAN, 'team/a');
  await graph[database].run(
    `MATCH (o:SourceObject)-[c:CARRIED]->(l)<-[:OF]-(p:Progress)
     SET o.status = 'abandoned', p.isDone = false, p.linesDone = 2
     DELETE c`,
  );
  expect((await open())['object-abandoned']).toMatchObject([
    [{ kind: 'object' }, { lines: 3, linesDone: 2 }],
  ]);
  await graph[database].run('MATCH (p:Progress) SET p.isDone = true');
  expect(await open()).toEqual({});
});

test('object-unfinished finds a log that nobody has worked on for hours', async () => {
  await drop(CLEAN);
  await graph[database].run(
    `MATCH (o:SourceObject)
     SET o.status = 'writing', o.lastSeenAt = datetime('2026-06-01T09:00:00Z')`,
  );
  expect(Object.keys(await open())).toEqual(['object-unfinished']);
  expect(await open({ unfinishedHours: 4 })).toEqual({});
});

test('silence finds a prefix that has brought nothing for hours, or never', async () => {
  await drop(CLEAN, 'a/1');
  await graph[database].run(
    `MATCH (o:SourceObject)
     SET o.firstSeenAt = datetime('2026-05-30T12:00:00Z')`,
  );
  const prefixes = ['s3://logs/a/', 's3://logs/b/'];
  expect(await open({ prefixes })).toEqual({
    silence: [
      [{ kind: 'prefix', prefix: 's3://logs/a/' }, { last: '2026-05-30T12:00:00Z' }],
      [{ kind: 'prefix', prefix: 's3://logs/b/' }, { last: null }],
    ],
  });
  expect((await open({ prefixes, silenceHours: 72 }))['silence']).toHaveLength(1);
});

test.each<[string, readonly (Members | string)[]]>([
  ['an empty log', []],
  ['a refused log', ['junk']],
  ['a log of what is known', CLEAN],
])('%s does not break a silence', async (_, records) => {
  await drop(CLEAN, 'other/1');
  await drop(records, 'a/1');
  expect((await open({ prefixes: ['s3://logs/a/'] }))['silence']).toHaveLength(1);
});

test('a check that runs out of time goes on from there the next time, settles nothing before it is through, and says so', async () => {
  const names = Array.from({ length: 4_100 }, (_, index) => `m${index}`);
  const logs = new SignedLogs(graph);
  await logs.bring(names.map((name) => model({ model_name: name, dataset_hashes: [] })));
  logs.remove();
  const rules = ['model-without-dataset'];
  const turn = (looks: number): Promise<Checked> => {
    let left = looks;
    return check(graph, DEFAULT_SETTINGS, { now: NOW, rules, isTimeUp: () => (left -= 1) < 0 });
  };
  const first = await turn(1);
  expect(first.check).toMatchObject({
    complete: false,
    rules: [{ outcome: 'unfinished', examined: 4_100, open: 2_000, findings: 2_000, new: 2_000 }],
  });
  const second = await turn(1);
  expect(second.check.rules).toMatchObject([{ outcome: 'unfinished', open: 4_000, new: 2_000 }]);
  // What was met is mended meanwhile: whoever goes on does not know, and the next pass does.
  await graph[database].run(
    "MATCH (m:Model {name: 'm0', commit: 'c'}) CREATE (:Dataset {hash: 'd'})-[:USED_IN]->(m)",
  );
  const third = await turn(9);
  expect(third.check.rules).toMatchObject([{ outcome: 'done', open: 4_100, new: 100, settled: 0 }]);
  const fourth = await turn(9);
  expect(fourth.check.rules).toMatchObject([{ outcome: 'done', open: 4_099, new: 0, settled: 1 }]);
});

test('graph-differs finds what the last audit has named, until one that came to its end does not', async () => {
  const said = {
    pass: 1,
    startedAt: NOW.toISOString(),
    entities: 8,
    relationships: 2,
    unsettled: 0,
  };
  const differences = [{ kind: 'dataset', identity: ['d'], what: 'path', says: 'p' }];
  await keepAudit(graph, { ...said, complete: false, differences });
  expect(await open()).toEqual({
    'graph-differs': [
      [{ kind: 'difference', of: 'dataset', identity: 'd', what: 'path' }, { says: 'p' }],
    ],
  });
  await keepAudit(graph, { ...said, pass: 2, complete: true, differences: [] });
  expect(await open()).toEqual({});
});

test('the rule that was asked last is asked last, so that none waits for ever', async () => {
  await drop(CLEAN);
  const asked: string[] = [];
  for (let minute = 0; minute < RULES.length; minute += 1) {
    let isAsked = false;
    const done = await check(graph, DEFAULT_SETTINGS, {
      now: new Date(NOW.getTime() + minute * 60_000),
      isTimeUp: () => isAsked || ((isAsked = true), false),
    });
    asked.push(
      ...done.check.rules.filter(({ outcome }) => outcome === 'done').map((of) => of.rule),
    );
  }
  const all = RULES.map(({ id }) => id).filter((id) => id !== 'silence');
  expect(asked.slice(0, all.length)).toEqual(all);
});

test('fact-on-compromised-key finds as one what rests on a stolen key alone, page after page', async () => {
  const compromised = [{ kid: key.kid, from: EARLIER }];
  await drop(CLEAN);
  const rules = ['fact-on-compromised-key'];
  const asked = async (stolen: typeof compromised): Promise<unknown> => {
    const { check: done } = await check(graph, DEFAULT_SETTINGS, { rules, compromised: stolen });
    return done.rules[0];
  };
  expect(await asked([])).toMatchObject({ open: 0, findings: 0, examined: 3 });
  expect(await asked(compromised)).toMatchObject({ open: 3, findings: 1, examined: 3, new: 1 });
  expect(await asked([{ kid: 'f'.repeat(64), from: EARLIER }, ...compromised])).toMatchObject({
    open: 3,
    findings: 1,
    new: 0,
  });
  // Neither claimed nor taken in before it, or both.
  const never = [{ kid: key.kid, from: '2999-01-01T00:00:00Z' }];
  expect(await asked(never)).toMatchObject({ open: 0, findings: 0, settled: 1 });
});

test('version-by-another-key finds a version of a name by a key that never signed that name before', async () => {
  const late = testKey();
  const by = ({ privateKey: of }: typeof late, ...records: readonly Members[]): string[] =>
    records.map((one) => signRecord(JSON.stringify(one), of, 'digest'));
  const keys = [key, late.key];
  const found = async (): Promise<unknown> => (await open())['version-by-another-key'];
  await drop([model({ git_commit: 'one' })], 'a', keys);
  // Another name of its own is nothing; a later version of one's own neither.
  await drop(by(late, model({ model_name: 'other' })), 'b', keys);
  await drop([model({ git_commit: 'two' })], 'c', keys);
  expect(await found()).toBeUndefined();
  // Backdated, it was taken in later all the same.
  await drop(by(late, model({ git_commit: 'zero', timestamp: '2020-01-01T00:00:00Z' })), 'd', keys);
  const mine = [{ kind: 'model', name: 'm', commit: 'zero' }, { kid: late.key.kid }];
  expect(await found()).toEqual([mine]);
  // The second of that key, and one that both have signed, are no news.
  await drop(by(late, model({ git_commit: 'three' })), 'e', keys);
  expect(await found()).toEqual([mine]);
  // A version that is signed anew by a stranger is told as well.
  const third = testKey();
  await drop(by(third, model({ git_commit: 'one', timestamp: LATER })), 'f', [...keys, third.key]);
  expect(await found()).toHaveLength(2);
});

test('every rule has a test that plants what it looks for', () => {
  const others = [...readFileSync(import.meta.filename, 'utf8').matchAll(/^test\('(\S+) finds /gm)];
  const planted = [...Object.keys(PLANTED), ...others.map(([, id]) => id)];
  expect(new Set(planted)).toEqual(new Set(RULES.map(({ id }) => id)));
});

describe('a finding', () => {
  const ORPHAN = 'model-without-dataset:{"commit":"c","kind":"model","name":"m"}';
  const one = async (): Promise<unknown> => {
    const rules = ['model-without-dataset'];
    const rows = await findings(graph, { statuses: ['open', 'waived', 'settled'], rules }, '', 10);
    expect(rows).toHaveLength(1);
    return rows[0];
  };

  test('keeps its history: it is new once, settles when its cause is gone, and opens again', async () => {
    await drop([model({ timestamp: '2026-05-31T00:00:00Z' })]);
    expect((await checked()).fresh).toEqual([ORPHAN]);
    const again = await checked({}, new Date('2026-06-02T12:00:00Z'));
    expect([again.fresh, again.settled]).toEqual([[], []]);
    expect(await one()).toMatchObject({
      key: ORPHAN,
      status: 'open',
      firstSeenAt: '2026-06-01T12:00:00Z',
      lastSeenAt: '2026-06-02T12:00:00Z',
    });
    await drop([dataset()]);
    expect((await checked({}, new Date('2026-06-03T12:00:00Z'))).settled).toEqual([ORPHAN]);
    expect(await one()).toMatchObject({
      status: 'settled',
      firstSeenAt: '2026-06-01T12:00:00Z',
      settledAt: '2026-06-03T12:00:00Z',
    });
  });

  test('rests while it is waived, and no longer', async () => {
    await drop([model({ dataset_hashes: [] })]);
    await checked();
    const waiver = { who: 'auditor', why: 'a vendor’s model', until: '2026-07-01T00:00:00Z' };
    expect(await waive(graph, ORPHAN, waiver, NOW.toISOString())).toBe('waived');
    expect(await waive(graph, 'no-such-finding', waiver, NOW.toISOString())).toBeNull();
    const { check: within, fresh } = await checked({}, new Date('2026-06-30T00:00:00Z'));
    const counts = within.rules.find(({ rule }) => rule === 'model-without-dataset');
    expect([counts?.open, counts?.waived, fresh]).toEqual([0, 1, []]);
    expect(await one()).toMatchObject({ status: 'waived', waiver });
    const lapsed = await checked({}, new Date('2026-07-02T00:00:00Z'));
    expect(lapsed.fresh).toEqual([ORPHAN]);
    expect(await one()).toMatchObject({ status: 'open' });
  });

  test('of a rule that is off or was not run is not settled, and the check says so', async () => {
    await drop([model({ dataset_hashes: [] })]);
    await checked();
    await drop([model({ dataset_hashes: ['d'] }), dataset()]);
    const off = await checked({ off: ['model-without-dataset'] });
    expect(off.check.rules[0]).toMatchObject({
      outcome: 'off',
      reason: 'switched off',
      examined: null,
    });
    const late = await check(graph, DEFAULT_SETTINGS, { now: NOW, isTimeUp: () => true });
    expect(late.check.complete).toBe(false);
    expect(late.check.rules.every(({ outcome }) => outcome !== 'done')).toBe(true);
    expect(await one()).toMatchObject({ status: 'open' });
    expect((await lastChecks(graph, 10)).map(({ complete }) => complete)).toContain(false);
  });
});
