import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'aws-lambda';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { check, foundText, sumOf } from '../../lib/compliance/check.ts';
import { digestOf } from '../../lib/compliance/digest.ts';
import { reportHtml } from '../../lib/compliance/report-html.ts';
import { makeReport, type Report } from '../../lib/compliance/report.ts';
import { DEFAULT_SETTINGS, RULES, type RuleSettings } from '../../lib/compliance/rules.ts';
import { findings } from '../../lib/graph/ask/findings.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { keepAudit } from '../../lib/graph/write/audit.ts';
import { waive } from '../../lib/graph/write/findings.ts';
import type { ComplianceAnswer } from '../../lib/http/answers/compliance.ts';
import { ingestObject } from '../../lib/ingest/ingest.ts';
import { demoLog } from '../../lib/local/demo.ts';
import { storedFile } from '../../lib/object/file.ts';
import { Api } from '../support/api.ts';
import { custody } from '../support/custody.ts';
import { keptSecret } from '../support/lambda.ts';
import { localStores } from '../support/local-stores.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { SignedLogs } from '../support/signed-logs.ts';
import { wipe } from '../support/snapshot.ts';
import { StubAws } from '../support/stub-aws.ts';
import { testKey } from '../support/test-key.ts';

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

const NOW = new Date('2026-06-01T12:00:00Z');
const day = (at: number): string => new Date(Date.UTC(2026, 0, at)).toISOString();
const FUTURE = '2027-01-01T00:00:00Z';

const dataset = (hash: string, timestamp: string, path = 'p'): object => ({
  type: 'dataset',
  hash,
  path,
  timestamp,
});
const model = (name: string, commit: string | null, timestamp: string, used = ['d']): object => ({
  type: 'model',
  model_name: name,
  git_commit: commit,
  dataset_hashes: used,
  timestamp,
});
const inferences = (
  count: number,
  name: string,
  commit: string | null,
  timestamp: string,
): object[] =>
  Array.from({ length: count }, (_, index) => ({
    type: 'inference',
    id: `${name} ${commit} ${timestamp} ${index}`,
    model_name: name,
    git_commit: commit,
    timestamp,
  }));

/** Something for each rule to find, in numbers that no other has. */
const WORLD: readonly object[] = [
  dataset('d', day(1)),
  dataset('d', day(2), 'q'),
  dataset('late', day(90)),
  dataset('soon', FUTURE),
  model('m', 'c', day(10)),
  model('m', 'b', day(20), ['d', 'late', 'ghost', 'phantom']),
  model('n', 'c', day(30)),
  model('n', 'c', day(31), ['d', 'late']),
  model('bare', 'c', day(10), []),
  model('plain', null, day(10), []),
  model('soon', 'c', FUTURE),
  ...inferences(7, 'absent', null, day(40)),
  ...inferences(5, 'm', 'unknown', day(40)),
  ...inferences(11, 'm', null, day(40)),
  ...inferences(3, 'n', null, day(5)),
  ...inferences(2, 'm', 'c', day(6)),
  ...inferences(13, 'm', 'c', day(50)),
  ...inferences(4, 'm', 'c', FUTURE),
  { ...inferences(1, 'm', 'c', day(50))[0], output: 1 },
];

/** The same numbers counted in other ways: what is found, and among how many. */
const COUNTED: Readonly<Record<string, string>> = {
  'model-without-dataset': `
MATCH (m:Model) OPTIONAL MATCH (d:Dataset)-[:USED_IN]->(m) WITH m, count(d) AS used
RETURN sum(CASE used WHEN 0 THEN 1 ELSE 0 END) AS found, count(m) AS examined`,
  'dataset-not-recorded': `
MATCH (p:PendingLink) WITH count(p) AS pending
MATCH (:Dataset)-[u:USED_IN]->(:Model) RETURN pending AS found, pending + count(u) AS examined`,
  'model-without-commit': `
MATCH (m:Model) RETURN size([c IN collect(m.commit) WHERE c = 'N/A']) AS found, count(m) AS examined`,
  'inference-without-model': `
MATCH (i:Inference) OPTIONAL MATCH (m:Model)-[:GENERATED]->(i)
RETURN count(i) - count(m) AS found, count(i) AS examined`,
  'inference-linked-by-time': `
MATCH (i:Inference) OPTIONAL MATCH (m:Model)-[:GENERATED]->(i) WHERE i.commit IS NULL
OPTIONAL MATCH (v:Model) WHERE v.name = m.name
WITH i, m, count(v) AS versions
RETURN sum(CASE WHEN versions > 1 OR (versions = 1 AND i.recordedAt < m.since) THEN 1 ELSE 0 END) AS found,
  count(i) AS examined`,
  'dataset-equivocation': `
MATCH (d:Dataset)<-[:ASSERTS]-(r:Record) WITH d, collect(DISTINCT r.content) AS contents
RETURN sum(CASE size(contents) WHEN 1 THEN 0 ELSE 1 END) AS found, count(d) AS examined`,
  'model-equivocation': `
MATCH (d:Model)<-[:ASSERTS]-(r:Record) WITH d, collect(DISTINCT r.content) AS contents
RETURN sum(CASE size(contents) WHEN 1 THEN 0 ELSE 1 END) AS found, count(d) AS examined`,
  'inference-equivocation': `
MATCH (i:Inference) OPTIONAL MATCH (i)<-[:ASSERTS]-(r:Record) WITH i, count(r) AS records
RETURN sum(CASE records WHEN 0 THEN 0 ELSE 1 END) AS found, count(i) AS examined`,
  'claimed-in-future': `
MATCH (n) WHERE n:Dataset OR n:Model OR n:Inference
RETURN size([at IN collect(n.recordedAt) WHERE at.year > 2026]) AS found, count(n) AS examined`,
  'dataset-after-model': `
MATCH (d:Dataset)-[u:USED_IN]->(m:Model)
RETURN sum(CASE WHEN m.since < d.since THEN 1 ELSE 0 END) AS found, count(u) AS examined`,
  'inference-before-model': `
MATCH (i:Inference) OPTIONAL MATCH (m:Model)-[:GENERATED]->(i)
RETURN sum(CASE WHEN m.since > i.recordedAt THEN 1 ELSE 0 END) AS found, count(i) AS examined`,
  'object-refused': `
MATCH (o:SourceObject) RETURN size([s IN collect(o.status) WHERE s = 'rejected']) AS found, count(o) AS examined`,
  'object-unfinished': `
MATCH (o:SourceObject) RETURN size([s IN collect(o.status) WHERE s = 'writing']) AS found, count(o) AS examined`,
  'object-abandoned': `
MATCH (o:SourceObject) RETURN size([s IN collect(o.status) WHERE s = 'abandoned']) AS found, count(o) AS examined`,
  'graph-differs': `
MATCH (d:Difference) WITH count(d) AS found MATCH (a:Audit) RETURN found, a.compared AS examined`,
  'fact-on-compromised-key': `
MATCH (r)-[:SIGNED_IN]->(s:Stretch) WITH collect(s.kid) AS kids, r
RETURN sum(CASE WHEN all(kid IN kids WHERE kid = $stolen) THEN size(kids) ELSE 0 END) AS found,
  sum(size(kids)) AS examined`,
  'version-by-another-key': `
MATCH (m:Model)<-[:ASSERTS]-(:Record)-[:SIGNED_IN]->(s:Stretch)-[:PART_OF]->(l:Log)
WITH m, collect(DISTINCT s.kid) AS kids, min(l.firstSeenAt) AS at
WITH collect({name: m.name, kids: kids, at: at}) AS versions
WITH versions, [one IN versions | [older IN versions WHERE older.name = one.name AND older.at < one.at | older.kids]] AS before
RETURN size(versions) AS examined, size([nth IN range(0, size(versions) - 1) WHERE before[nth] <> []
  AND none(kids IN before[nth] WHERE any(kid IN kids WHERE kid IN versions[nth].kids))]) AS found`,
  silence: `RETURN 1 AS found, 2 AS examined`,
};

/** Of which others have had the private half. */
const stolen = testKey();
const compromised = [{ kid: stolen.key.kid, from: '2020-01-01T00:00:00Z' }];

const settings: RuleSettings = {
  ...DEFAULT_SETTINGS,
  prefixes: ['s3://nothing/', 'file:///'],
  silenceHours: 1_000_000,
};

async function bringWorld(): Promise<void> {
  await logs.bring(WORLD);
  await logs.bring([dataset('elsewhere', day(1)), model('plain', 'other', day(60))], stolen);
  await keepAudit(graph, {
    pass: 1,
    startedAt: '2026-05-01T00:00:00Z',
    complete: true,
    entities: 9,
    relationships: 2,
    unsettled: 0,
    differences: [{ kind: 'dataset', identity: ['d'], what: 'path', says: 'p' }],
  });
  for (const name of ['junk-1', 'junk-2', 'junk-3', 'stuck', 'lost']) {
    const path = join(logs.folder, `${name}.jsonl`);
    writeFileSync(path, `${name}\n`);
    const options = { keys: [logs.signer.key], onBadLine: 'reject' } as const;
    await ingestObject(storedFile(path), localStores(graph, logs.folder), options);
  }
  await graph[database].run(
    `MATCH (o:SourceObject)
     WHERE o.uri CONTAINS '/stuck.'
     SET o.status = 'writing', o.lastSeenAt = datetime('2026-05-01T00:00:00Z')`,
  );
  await graph[database].run(
    `MATCH (o:SourceObject)
     WHERE o.uri CONTAINS '/lost.'
     SET o.status = 'abandoned'`,
  );
}

test('what each rule finds is counted in the unit of what it examines, and the same when counted another way', async () => {
  await bringWorld();
  const { check: done } = await check(graph, settings, { now: NOW, compromised });
  const rules = RULES.map(({ id }) => id);
  const listed = await findings(graph, { statuses: ['open'], rules }, '', 1_000);
  for (const result of done.rules) {
    const [row] = await graph[database].run(COUNTED[result.rule] ?? '', { stolen: stolen.key.kid });
    const { open, examined } = result;
    expect({ rule: result.rule, found: open, examined }).toEqual({ rule: result.rule, ...row });
    expect(open, result.rule).toBeGreaterThan(0);
    expect(open, result.rule).toBeLessThanOrEqual(examined ?? 0);
    const own = listed.filter(({ rule }) => rule === result.rule);
    expect(own.reduce((sum, { counts }) => sum + counts, 0)).toBe(open);
    expect(own).toHaveLength(result.findings);
  }
  const open = (rule: string): unknown => done.rules.find((of) => of.rule === rule)?.open;
  expect(open('inference-without-model')).toBe(12);
  expect(open('inference-linked-by-time')).toBe(14);
});

test('what is waived is counted in that unit, too', async () => {
  await bringWorld();
  await check(graph, settings, { now: NOW });
  const rules = ['inference-without-model'];
  const listed = await findings(graph, { statuses: ['open'], rules }, '', 10);
  const key = listed.find(({ counts }) => counts === 7)?.key ?? '';
  await waive(graph, key, { who: 'w', why: 'y', until: FUTURE }, NOW.toISOString());
  const again = await check(graph, settings, { now: NOW, rules });
  expect(again.check.rules).toMatchObject([{ open: 5, waived: 7, findings: 1 }]);
});

async function reported(): Promise<Report> {
  const now = Date.now();
  return makeReport(graph, {
    period: {
      from: new Date(now - 3_600_000).toISOString(),
      to: new Date(now + 60_000).toISOString(),
    },
    settings: DEFAULT_SETTINGS,
    keys: [logs.signer.key],
    readEnvelope: logs.readEnvelope,
  });
}

async function bringDemo(): Promise<void> {
  const path = join(logs.folder, 'demo.jsonl');
  writeFileSync(path, demoLog(logs.signer.privateKey));
  const options = { keys: [logs.signer.key], onBadLine: 'reject' } as const;
  const { status } = await ingestObject(storedFile(path), localStores(graph, logs.folder), options);
  expect(status).toBe('accepted');
}

test('the API, the command line, the message and the report say the same of each rule', async () => {
  await bringDemo();
  const { check: done, fresh, settled } = await check(graph, DEFAULT_SETTINGS);
  const answer = (await new Api(graph, logs.readEnvelope).get(
    '/v1/compliance',
    {},
  )) as unknown as ComplianceAnswer;
  expect(answer.last?.rules).toEqual(done.rules);
  const report = await reported();
  const html = reportHtml(report);
  const message = digestOf(done, { fresh, settled }, [])?.message ?? '';
  const { out } = await custody(['check'], { cwd: logs.folder });
  for (const result of done.rules) {
    const of = RULES.find(({ id }) => id === result.rule)?.of ?? '';
    const { outcome, reason, examined, open, waived } = result;
    expect(report.rules.find(({ id }) => id === result.rule)).toMatchObject({
      outcome,
      reason,
      examined,
      open,
      waived,
      findings: result.findings,
    });
    const said = foundText(result, of);
    expect(html).toContain(said);
    if (outcome === 'done') expect(out).toContain(`${result.rule}: ${said}\n`);
    if (result.new > 0) expect(message).toContain(`${result.rule} (${said}): `);
  }
});

/** What the scheduled function measures and what it tells the topic, each as it was sent. */
async function scheduledCheck(): Promise<{ heard: string; told: string }> {
  const aws = await StubAws.start();
  const heard: string[] = [];
  const spies = (['log', 'info'] as const).map((level) =>
    vi.spyOn(console, level).mockImplementation((line) => void heard.push(String(line))),
  );
  const environment = {
    ...aws.environment,
    CUSTODY_NEO4J_SECRET_ARN: keptSecret(aws, neo4jLogin),
    CUSTODY_TOPIC_ARN: 'arn:aws:sns:eu-central-1:000000000000:alarms',
    CUSTODY_KEYS: logs.signer.publicPem,
    POWERTOOLS_SERVICE_NAME: 'check',
    POWERTOOLS_METRICS_NAMESPACE: 'Custody',
    // Through the global console, where a test can hear them; that alone would turn the metrics off.
    POWERTOOLS_DEV: 'true',
    POWERTOOLS_METRICS_DISABLED: 'false',
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  try {
    const { handler } = await import('../../functions/check.ts');
    await handler({}, { getRemainingTimeInMillis: () => 900_000 } as Context);
    return { heard: heard.join('\n'), told: JSON.stringify(aws.messages) };
  } finally {
    for (const spy of spies) spy.mockRestore();
    vi.unstubAllEnvs();
    await aws.close();
  }
}

test('the metrics of the scheduled check, and what it tells the topic, are the numbers of the API', async () => {
  await bringDemo();
  const { heard, told } = await scheduledCheck();
  const answer = (await new Api(graph, logs.readEnvelope).get(
    '/v1/compliance',
    {},
  )) as unknown as ComplianceAnswer;
  const rules = answer.last?.rules ?? [];
  const measured = (name: string): number[] =>
    [...heard.matchAll(new RegExp(`"${name}":\\s*(\\d+)`, 'g'))].map(([, value]) => Number(value));
  const sum = (of: 'findings' | 'new' | 'settled'): number => sumOf({ rules }, of);
  expect(measured('FindingsOpen')).toEqual([sum('findings')]);
  expect(measured('FindingsNew')).toEqual([sum('new')]);
  expect(measured('FindingsSettled')).toEqual([sum('settled')]);
  expect(measured('RulesNotRun')).toEqual([0]);
  expect(sum('findings')).toBeGreaterThan(0);
  for (const result of rules.filter((one) => one.new > 0))
    expect(told).toContain(foundText(result, RULES.find(({ id }) => id === result.rule)?.of ?? ''));
});

test('no number of a report contradicts another of its tables', async () => {
  await bringDemo();
  await check(graph, DEFAULT_SETTINGS);
  const { rules, counts, findings: found, checks } = await reported();
  const { inGraph, links } = counts;
  const [told] = await graph[database].run(
    'MATCH ()-[:SIGNED_IN]->(:Stretch) RETURN count(*) AS signings',
  );
  const wholes: Readonly<Record<string, unknown>> = {
    datasets: inGraph.datasets,
    'model versions': inGraph.models,
    inferences: inGraph.inferences,
    'datasets, model versions and inferences':
      inGraph.datasets + inGraph.models + inGraph.inferences,
    'declared uses of datasets': inGraph.uses + inGraph.pendingUses,
    'uses of recorded datasets': inGraph.uses,
    signings: told?.['signings'],
    // There was none.
    'things and relationships that the last audit compared': 0,
    'dropped logs': inGraph.objects,
    'dropped files': inGraph.objects + inGraph.passedOver,
  };
  for (const { id, of, outcome, examined, open, findings: own } of rules) {
    if (outcome === 'off') continue;
    expect(examined, id).toBe(wholes[of]);
    const listed = found.items.filter(({ rule, status }) => rule === id && status === 'open');
    expect(listed.reduce((sum, one) => sum + one.counts, 0)).toBe(open);
    expect(listed).toHaveLength(own);
  }
  const linked = (...by: string[]): number =>
    links.reduce((sum, of) => sum + (by.includes(of.resolution) ? of.inferences : 0), 0);
  const openOf = (rule: string): unknown => rules.find(({ id }) => id === rule)?.open;
  expect(openOf('inference-without-model')).toBe(linked('pending'));
  expect(openOf('inference-linked-by-time')).toBe(linked('as-of', 'before-model'));
  expect(checks.items[0]?.findings).toBe(sumOf({ rules: rules.map(asResult) }, 'findings'));
  expect(checks.items[0]?.findings).toBe(found.items.length);
});

const asResult = ({ id, ...rule }: Report['rules'][number]) => ({
  ...rule,
  rule: id,
  new: 0,
  settled: 0,
});
