import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { check } from '../../lib/compliance/check.ts';
import { CROSSWALK, SOURCES } from '../../lib/compliance/crosswalk.ts';
import { periodOf, periodOfEvent } from '../../lib/compliance/period.ts';
import { reportHtml } from '../../lib/compliance/report-html.ts';
import { makeReport, type Report, type ReportOptions } from '../../lib/compliance/report.ts';
import { DEFAULT_SETTINGS, RULES } from '../../lib/compliance/rules.ts';
import { MANIFEST, sealReport, verifyReport } from '../../lib/compliance/sealed-report.ts';
import { ConfigError } from '../../lib/errors.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { waive } from '../../lib/graph/write/findings.ts';
import { dsseText, preAuthEncoding } from '../../lib/trust/dsse.ts';
import { keySigner } from '../../lib/trust/sign.ts';
import { VERSION } from '../../lib/version.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { SignedLogs } from '../support/signed-logs.ts';
import { graphSnapshot, wipe } from '../support/snapshot.ts';
import { testKey } from '../support/test-key.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = new Date();
const inDays = (days: number): Date => new Date(NOW.getTime() + days * DAY);
const from = inDays(-1).toISOString();
const to = inDays(1).toISOString();
const EARLIER = '2026-01-01T00:00:00Z';

const RECORDS = [
  { type: 'dataset', hash: 'd', path: 'p', timestamp: EARLIER },
  { type: 'model', model_name: 'm', git_commit: 'c', dataset_hashes: ['d'], timestamp: EARLIER },
  {
    type: 'model',
    model_name: 'orphan',
    git_commit: 'c',
    dataset_hashes: ['x'],
    timestamp: NOW.toISOString(),
  },
  { type: 'inference', id: 'i', model_name: 'm', git_commit: 'c', timestamp: NOW.toISOString() },
  { type: 'inference', id: 'j', model_name: 'absent', timestamp: NOW.toISOString() },
];

let graph: Graph;
let logs: SignedLogs;
beforeAll(() => {
  graph = openGraph(neo4jLogin);
});
beforeEach(async () => {
  await wipe(graph);
  logs?.remove();
  logs = new SignedLogs(graph);
});
afterAll(async () => {
  logs.remove();
  await graph.close();
});

async function reported(options: Partial<ReportOptions> = {}): Promise<Report> {
  return makeReport(graph, {
    period: { from, to },
    settings: DEFAULT_SETTINGS,
    keys: [logs.signer.key],
    readEnvelope: logs.readEnvelope,
    ...options,
  });
}

const checked = (now = NOW) => check(graph, DEFAULT_SETTINGS, { now });

test('a report says what came, what was found out of how many, on which records and whose signature', async () => {
  const { object, bytes, sha256 } = await logs.bring(RECORDS);
  await checked();
  const report = await reported();
  expect(report.completeness).toEqual({ complete: true, incomplete: [] });
  expect(report.counts).toEqual({
    inPeriod: { datasets: 0, models: 1, inferences: 2 },
    inGraph: {
      datasets: 1,
      models: 2,
      inferences: 2,
      uses: 1,
      pendingUses: 1,
      objects: 1,
      passedOver: 0,
      oldestObjectAt: report.objects.items[0]?.firstSeenAt,
    },
    links: [
      { resolution: 'exact', inferences: 1 },
      { resolution: 'only-version', inferences: 0 },
      { resolution: 'as-of', inferences: 0 },
      { resolution: 'before-model', inferences: 0 },
      { resolution: 'pending', inferences: 1 },
    ],
  });
  expect(report.objects).toMatchObject({
    total: 1,
    byStatus: [
      {
        status: 'accepted',
        objects: 1,
        lines: 5,
        accepted: 5,
        duplicate: 0,
        rejected: 0,
        rejectedAtLeast: false,
        bytes,
      },
    ],
    items: [{ uri: object, status: 'accepted', sha256 }],
  });
  const { kid, bits, pem } = logs.signer.key;
  expect(report.keys).toEqual({
    inForce: [{ kid, bits, pem, records: 3, inferences: 2 }],
    others: { records: 0, inferences: 0 },
  });
  expect(report.rules.map(({ id }) => id)).toEqual(RULES.map(({ id }) => id));
  expect(report.rules.find(({ id }) => id === 'model-without-dataset')).toMatchObject({
    outcome: 'done',
    examined: 2,
    open: 1,
    of: 'model versions',
  });
  expect(report.rules.find(({ id }) => id === 'silence')).toMatchObject({ outcome: 'off' });
  expect(report.findings.items).toMatchObject([
    {
      rule: 'inference-without-model',
      entity: { name: 'absent' },
      evidence: [{ status: 'verified', log: sha256, line: 5, kid }],
    },
    {
      rule: 'model-without-dataset',
      status: 'open',
      entity: { kind: 'model', name: 'orphan', commit: 'c' },
      evidence: [{ status: 'verified', log: sha256, line: 3, kid }],
    },
  ]);
  expect(report.checks).toMatchObject({
    total: 1,
    longestWithoutHours: 24,
    items: [{ complete: true, findings: 2, new: 2, settled: 0 }],
  });
});

test('making a report changes nothing', async () => {
  await logs.bring(RECORDS);
  await checked();
  const count = async (): Promise<unknown> =>
    graph[database].run('MATCH (n) RETURN count(n) AS nodes, count{()-->()} AS edges');
  const before = [await graphSnapshot(graph), await count()];
  await reported();
  expect([await graphSnapshot(graph), await count()]).toEqual(before);
});

test('what was recorded, came, was settled or was checked outside of the period is not in it', async () => {
  await logs.bring(RECORDS);
  await checked();
  const at = { timestamp: NOW.toISOString() };
  await logs.bring([
    { type: 'model', model_name: 'absent', git_commit: 'c', dataset_hashes: ['d'], ...at },
    { type: 'dataset', hash: 'x', path: 'x', ...at },
  ]);
  await checked(inDays(0.5));
  const after = { from: inDays(0.6).toISOString(), to };
  expect(await reported({ period: after })).toMatchObject({
    completeness: { complete: false, incomplete: [{ reason: 'NO_CHECK' }] },
    counts: { inPeriod: { datasets: 0, models: 0, inferences: 0 }, inGraph: { inferences: 2 } },
    objects: { total: 0, byStatus: [], items: [] },
    findings: { total: 0 },
    checks: { total: 0, longestWithoutHours: 9.6 },
  });
  const before = { from: inDays(-2).toISOString(), to: from };
  expect(await reported({ period: before })).toMatchObject({
    objects: { total: 0 },
    findings: { total: 0 },
    checks: { total: 0 },
  });
  const during = await reported();
  expect(during.findings.items.map(({ rule, status }) => [rule, status])).toEqual([
    ['inference-without-model', 'settled'],
    ['model-without-dataset', 'settled'],
  ]);
  expect(during.checks).toMatchObject({
    total: 2,
    longestWithoutHours: 24,
    items: [{ settled: 2 }, { new: 2 }],
  });
});

test('a waived finding says who waived it, why and until when', async () => {
  await logs.bring(RECORDS);
  const [key = ''] = (await checked()).fresh.filter((of) => of.startsWith('model-without-dataset'));
  const waiver = { who: 'Ada', why: 'a vendor’s', until: inDays(30).toISOString() };
  await waive(graph, key, waiver, NOW.toISOString());
  const { findings } = await reported();
  const until = waiver.until.replace('Z', '000000Z');
  expect(findings.items.find((of) => of.key === key)).toMatchObject({
    status: 'waived',
    waiver: { ...waiver, until },
  });
});

test('what was signed with a key that is not in force is counted, and its evidence says so', async () => {
  await logs.bring(RECORDS);
  await checked();
  const other = testKey();
  const report = await reported({ keys: [other.key] });
  expect(report.keys).toMatchObject({
    inForce: [{ kid: other.key.kid, records: 0, inferences: 0 }],
    others: { records: 3, inferences: 2 },
  });
});

test('evidence whose log is gone or differs is called that', async () => {
  const { sha256 } = await logs.bring(RECORDS);
  await checked();
  const path = logs.archived(sha256 ?? '');
  writeFileSync(path, 'x'.repeat(10_000));
  const statuses = async (): Promise<string[]> =>
    (await reported()).findings.items.flatMap(({ evidence }) =>
      evidence.map(({ status }) => status),
    );
  expect(await statuses()).toEqual(['differs', 'differs']);
  rmSync(path);
  expect(await statuses()).toEqual(['gone', 'gone']);
});

test.each([
  ['NO_CHECK', { period: { from: inDays(-3).toISOString(), to: inDays(-2).toISOString() } }],
  ['NOT_ALL_LISTED', { limits: { objects: 0, findings: 9, checks: 9, envelopes: 9 } }],
  ['NOT_ALL_LISTED', { limits: { objects: 9, findings: 1, checks: 9, envelopes: 9 } }],
  ['NOT_ALL_LISTED', { limits: { objects: 9, findings: 9, checks: 0, envelopes: 9 } }],
  ['EVIDENCE_UNREAD', { limits: { objects: 9, findings: 9, checks: 9, envelopes: 1 } }],
  ['EVIDENCE_UNREAD', { isTimeUp: () => true }],
] as const)('a report that lacks something is not complete: %s', async (reason, options) => {
  await logs.bring(RECORDS);
  await checked();
  const { completeness } = await reported(options);
  expect(completeness.complete).toBe(false);
  expect(completeness.incomplete.map((of) => of.reason)).toContain(reason);
});

test('a check that did not ask every rule, or an object that is being written, makes a report incomplete', async () => {
  await logs.bring(RECORDS);
  await check(graph, DEFAULT_SETTINGS, { now: NOW, isTimeUp: () => true });
  await graph[database].run("MATCH (o:SourceObject) SET o.status = 'writing'");
  const { completeness, rules } = await reported();
  expect(completeness.incomplete.map(({ reason }) => reason)).toEqual([
    'OBJECT_IN_PROGRESS',
    'CHECK_INCOMPLETE',
  ]);
  expect(rules.find(({ id }) => id === 'model-without-dataset')).toMatchObject({
    outcome: 'not-run',
    examined: null,
  });
});

async function sealedDemo(): Promise<Map<string, Uint8Array>> {
  await logs.bring(RECORDS);
  await checked();
  return new Map(await sealReport(await reported(), keySigner(logs.signer.privateKey)));
}

test('a sealed report is verified with the key that signed it and with no other', async () => {
  const files = await sealedDemo();
  expect([...files.keys()]).toEqual(['report.json', 'report.html', MANIFEST]);
  expect(verifyReport(files, [logs.signer.key])).toMatchObject({
    kid: logs.signer.key.kid,
    says: { from, to, complete: true, version: VERSION },
  });
  expect(verifyReport(files, [testKey().key])).toHaveProperty('problems');
  expect(JSON.parse(Buffer.from(files.get('report.json') ?? []).toString())).toMatchObject({
    format: 'custody:report/1',
  });
});

test('one changed byte anywhere in a report is refused', async () => {
  const files = await sealedDemo();
  for (const [name, bytes] of files)
    // SHA-256 sees to the two listed files, whichever byte it is; the envelope around it is our own work.
    for (let at = 0; at < bytes.length; at += name === MANIFEST ? 1 : 23) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const verdict = verifyReport(new Map(files).set(name, changed), [logs.signer.key]);
      expect('problems' in verdict, `byte ${at} of ${name}`).toBe(true);
    }
});

test('a file that is missing, added or cut off is refused, by its name', async () => {
  const files = await sealedDemo();
  const keys = [logs.signer.key];
  for (const [name, bytes] of files) {
    const less = new Map(files);
    less.delete(name);
    expect(verifyReport(less, keys)).toEqual({ problems: [`${name} is not there`] });
    const cut = new Map(files).set(name, bytes.subarray(0, -1));
    expect(verifyReport(cut, keys)).toEqual({ problems: [expect.stringContaining(name)] });
  }
  const more = new Map(files).set('appendix.pdf', Buffer.from(''));
  expect(verifyReport(more, keys)).toEqual({
    problems: ['appendix.pdf is no part of the report'],
  });
});

interface Statement {
  readonly subject: readonly unknown[];
  readonly predicate: object;
}

test.each<[string, (own: Statement) => string]>([
  ['of another kind', (own) => JSON.stringify({ ...own, predicateType: 'other' })],
  ['of nothing', () => '{}'],
  ['no object', () => 'null'],
  ['no JSON', () => 'no JSON'],
  ['without the HTML', (own) => JSON.stringify({ ...own, subject: own.subject.slice(0, 1) })],
  ['without files', (own) => JSON.stringify({ ...own, subject: 'none' })],
  ['of files without hashes', (own) => JSON.stringify({ ...own, subject: [{ name: 'a' }] })],
  ['without a period', (own) => JSON.stringify({ ...own, predicate: {} })],
])('a statement %s that the key has signed is no report', async (_, other) => {
  const files = await sealedDemo();
  const type = 'application/vnd.in-toto+json';
  const { payload } = JSON.parse(Buffer.from(files.get(MANIFEST) ?? []).toString()) as {
    payload: string;
  };
  const own = JSON.parse(Buffer.from(payload, 'base64').toString()) as Statement;
  const bytes = Buffer.from(other(own));
  const signer = keySigner(logs.signer.privateKey);
  const signature = await signer.sign(preAuthEncoding(type, bytes));
  files.set(MANIFEST, Buffer.from(dsseText(type, bytes, signer.kid, signature)));
  expect(verifyReport(files, [logs.signer.key])).toHaveProperty('problems');
});

test('the HTML says what the JSON says, and escapes it', async () => {
  const hostile = '<img src=x onerror="alert(1)">&\'';
  await logs.bring([...RECORDS, { ...RECORDS[2], model_name: hostile }]);
  await checked();
  const report = await reported();
  const html = reportHtml(report);
  expect(html).not.toContain('<img');
  expect(html).toContain('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;&#39;');
  for (const { key, evidence, rule } of report.findings.items) {
    expect(html, key).toContain(rule);
    for (const { digest, kid } of evidence)
      for (const text of [digest, kid]) expect(html).toContain(text);
  }
  for (const { title, why } of report.rules)
    for (const text of [title, why]) expect(html).toContain(text);
  for (const { uri } of report.objects.items) expect(html).toContain(uri);
  for (const { clause } of CROSSWALK) expect(html).toContain(clause);
});

test('a report of an empty graph is one', async () => {
  await checked();
  const report = await reported();
  expect(report.completeness.complete).toBe(true);
  expect(report.counts.inGraph.oldestObjectAt).toBeNull();
  expect(reportHtml(report)).toContain('Logs that came in the period: 0');
});

test('the crosswalk names a clause once, by a source, for sections that a report has', async () => {
  const report = await reported();
  const clauses = CROSSWALK.map(({ source, clause }) => `${source} ${clause}`);
  expect(new Set(clauses).size).toBe(clauses.length);
  const html = reportHtml(report);
  for (const { source, sections } of CROSSWALK) {
    expect(SOURCES.map(({ id }) => id)).toContain(source);
    for (const section of sections) {
      expect(Object.keys(report)).toContain(section);
      expect(html).toContain(`id="${section}"`);
    }
  }
  expect(report.crosswalk.says).toContain('not a statement that anybody or anything conforms');
});

const AT = new Date('2026-03-01T06:00:00Z');

test.each([
  ['2026-01-01', '2026-02-01', { from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z' }],
  ['2026-01-01T01:00:00+01:00', '2026-02-01 00:00:00', { from: '2026-01-01T00:00:00Z' }],
  ['2026-01-01', undefined, { to: '2026-03-01T06:00:00.000Z' }],
  [
    '2026-03-01',
    '2026-03-02',
    { problems: ['to lies in the future: what will come by then is not known'] },
  ],
  ['2026-02-01', '2026-02-01', { problems: ['from has to be before to'] }],
  [
    '2026-02-30',
    'soon',
    { problems: [expect.stringMatching(/^from is/), expect.stringMatching(/^to is/)] },
  ],
])('the period from %s to %s', (start, end, period) => {
  expect(periodOf(start, end, AT)).toMatchObject(period);
});

test.each([
  [{}, { from: '2026-02-01T00:00:00Z', to: '2026-03-01T00:00:00Z' }],
  [null, { from: '2026-02-01T00:00:00Z', to: '2026-03-01T00:00:00Z' }],
  [{ source: 'aws.scheduler' }, { from: '2026-02-01T00:00:00Z' }],
  [{ from: '2025-10-01', to: '2026-01-01' }, { from: '2025-10-01T00:00:00Z' }],
  [{ from: '2026-02-01' }, { to: '2026-03-01T06:00:00.000Z' }],
])('the event %j asks for last month or for what it names', (event, period) => {
  expect(periodOfEvent(event, AT)).toMatchObject(period);
});

test('in January last month is December', () => {
  expect(periodOfEvent({}, new Date('2026-01-01T00:00:00Z'))).toEqual({
    from: '2025-12-01T00:00:00Z',
    to: '2026-01-01T00:00:00Z',
  });
});

test.each([{ to: '2026-02-01' }, { from: 7 }, { from: '2026-02-01', to: null }])(
  'the event %j is refused',
  (event) => {
    expect(() => periodOfEvent(event, AT)).toThrow(ConfigError);
  },
);

test('the manifest is an in-toto Statement with the SHA-256 of both files', async () => {
  const files = await sealedDemo();
  const { payload } = JSON.parse(Buffer.from(files.get(MANIFEST) ?? []).toString()) as {
    payload: string;
  };
  const sha256 = (name: string): string =>
    createHash('sha256')
      .update(files.get(name) ?? '')
      .digest('hex');
  expect(JSON.parse(Buffer.from(payload, 'base64').toString())).toMatchObject({
    _type: 'https://in-toto.io/Statement/v1',
    predicateType: 'custody:report/1',
    subject: ['report.json', 'report.html'].map((name) => ({
      name,
      digest: { sha256: sha256(name) },
    })),
  });
});

test('what docs/operations.md has for those without Custody checks a report, too', async () => {
  const files = await sealedDemo();
  mkdirSync(join(logs.folder, 'report'));
  for (const [name, bytes] of files) writeFileSync(join(logs.folder, 'report', name), bytes);
  writeFileSync(join(logs.folder, 'report.public.pem'), logs.signer.publicPem);
  const [, script = ''] =
    /^node -e '\n([^']*)'$/m.exec(readFileSync('docs/operations.md', 'utf8')) ?? [];
  const checked = (): string =>
    execFileSync(process.execPath, ['-e', script], { cwd: logs.folder, encoding: 'utf8' });
  expect(checked()).toBe('true\nreport.json true\nreport.html true\n');
  writeFileSync(join(logs.folder, 'report', 'report.html'), 'another');
  expect(checked()).toBe('true\nreport.json true\nreport.html false\n');
});
