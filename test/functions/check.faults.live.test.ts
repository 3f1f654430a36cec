import { setTimeout as pause } from 'node:timers/promises';
import type { Context } from 'aws-lambda';
import type { ManagedTransaction } from 'neo4j-driver';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { check, type Checked } from '../../lib/compliance/check.ts';
import { DEFAULT_SETTINGS, RULES } from '../../lib/compliance/rules.ts';
import { findings, lastChecks } from '../../lib/graph/ask/findings.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { waive } from '../../lib/graph/write/findings.ts';
import { BoltProxy } from '../support/bolt-proxy.ts';
import { graphWith } from '../support/graph-with.ts';
import { keptSecret } from '../support/lambda.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { SignedLogs } from '../support/signed-logs.ts';
import { wipe } from '../support/snapshot.ts';
import { StubAws } from '../support/stub-aws.ts';
import { testKey } from '../support/test-key.ts';

const RULE = 'model-without-dataset';
const ORPHAN = `${RULE}:{"commit":"c","kind":"model","name":"orphan"}`;
const MENDED = `${RULE}:{"commit":"c","kind":"model","name":"mended"}`;
const TOPIC = 'arn:aws:sns:eu-central-1:000000000000:alarms';
const timestamp = new Date(Date.now() - 3_600_000).toISOString();
const model = (name: string): object => ({
  type: 'model',
  model_name: name,
  git_commit: 'c',
  dataset_hashes: name === 'mended' ? ['d'] : [],
  timestamp,
});
const dataset = { type: 'dataset', hash: 'd', path: 'p', timestamp };

let graph: Graph;
let proxy: BoltProxy;
let aws: StubAws;
let logs: SignedLogs;
beforeAll(async () => {
  graph = openGraph(neo4jLogin);
  proxy = await BoltProxy.start(neo4jLogin.uri);
  aws = await StubAws.start();
});
beforeEach(async () => {
  await wipe(graph);
  proxy.losesReplyOf = () => false;
  aws.fault = () => null;
  aws.messages.length = 0;
  logs = new SignedLogs(graph);
});
afterEach(() => {
  logs.remove();
  vi.unstubAllEnvs();
});
afterAll(async () => {
  await proxy.close();
  await aws.close();
  await graph.close();
});

const run = (on: Graph = graph): Promise<Checked> => check(on, DEFAULT_SETTINGS);

/** The counts of the rule in the checks that are kept, the newest first. */
async function counted(): Promise<unknown> {
  const checks = await lastChecks(graph, 100);
  return checks.map(({ rules }) => {
    const result = rules.find(({ rule }) => rule === RULE);
    return [result?.open, result?.new, result?.settled];
  });
}

async function statuses(): Promise<unknown> {
  const all = { statuses: ['open', 'waived', 'settled'], rules: [RULE] } as const;
  return (await findings(graph, all, '', 100)).map(({ key, status }) => [key, status]);
}

/** A fresh container of the scheduled function; what each of its invocations answers. */
async function container(): Promise<() => Promise<unknown>> {
  const environment = {
    ...aws.environment,
    CUSTODY_NEO4J_SECRET_ARN: keptSecret(aws, neo4jLogin),
    CUSTODY_TOPIC_ARN: TOPIC,
    CUSTODY_KEYS: testKey().publicPem,
    POWERTOOLS_SERVICE_NAME: 'check',
    POWERTOOLS_METRICS_NAMESPACE: 'Custody',
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  vi.resetModules();
  const { handler } = await import('../../functions/check.ts');
  return () => handler({}, { getRemainingTimeInMillis: () => 900_000 } as Context);
}

test(
  'the lost reply of any COMMIT of a check changes neither what it keeps nor what it tells',
  { timeout: 900_000 },
  async () => {
    const disturbed = async (loses: (commit: number) => boolean): Promise<Checked> => {
      await wipe(graph);
      await logs.bring([model('mended')]);
      await run();
      await logs.bring([dataset, model('orphan')]);
      proxy.commits = 0;
      proxy.losesReplyOf = loses;
      const through = openGraph({ ...neo4jLogin, uri: proxy.uri });
      try {
        return await check(through, DEFAULT_SETTINGS, { rules: [RULE] });
      } finally {
        await through.close();
      }
    };
    const expected = async ({ fresh, settled }: Checked): Promise<void> => {
      expect([fresh, settled]).toEqual([[ORPHAN], [MENDED]]);
      expect(await counted()).toEqual([
        [1, 1, 1],
        [1, 1, 0],
      ]);
      expect(await statuses()).toEqual([
        [MENDED, 'settled'],
        [ORPHAN, 'open'],
      ]);
    };
    await expected(await disturbed(() => false));
    const { commits } = proxy;
    expect(commits).toBeGreaterThan(1);
    for (let lost = 1; lost <= commits; lost += 1)
      await expected(await disturbed((commit) => commit === lost));
  },
);

test(
  'the lost reply of any COMMIT of a check of several pages passes nothing over and settles nothing wrongly',
  { timeout: 900_000 },
  async () => {
    // U+FFFD comes before U+1F600, though not in UTF-16.
    const names = ['\u{FFFD}', '\u{1F600}', '\u{FF5E}', '\u{1F601}'].flatMap((letter) =>
      Array.from({ length: 1_050 }, (_, index) => `${letter}${index}`),
    );
    await logs.bring([
      ...names.map((name) => ({ ...model('orphan'), git_commit: name })),
      model('mended'),
    ]);
    let commits = 0;
    const disturbed = async (lost: number): Promise<void> => {
      await graph[database].run('MATCH (n) WHERE n:Finding OR n:RulePass OR n:Check DELETE n');
      await graph[database].run("MATCH (d:Dataset {hash: 'd'}) DETACH DELETE d");
      const checkOf = async (loses: boolean): Promise<Checked> => {
        proxy.commits = 0;
        proxy.losesReplyOf = (commit) => loses && commit === lost;
        const through = openGraph({ ...neo4jLogin, uri: proxy.uri });
        try {
          return await check(through, DEFAULT_SETTINGS, { rules: [RULE] });
        } finally {
          commits = proxy.commits;
          await through.close();
        }
      };
      const first = await checkOf(true);
      expect(first.check.rules).toMatchObject([{ outcome: 'done', open: 4_201, new: 4_201 }]);
      await graph[database].run(
        "MATCH (m:Model {name: 'mended', commit: 'c'}) CREATE (:Dataset {hash: 'd'})-[:USED_IN]->(m)",
      );
      const second = await checkOf(true);
      expect(second.check.rules).toMatchObject([{ open: 4_200, new: 0, settled: 1 }]);
      expect(second.settled).toEqual([MENDED]);
    };
    await disturbed(0);
    const all = commits;
    expect(all).toBeGreaterThan(3);
    for (let lost = 1; lost <= all; lost += 1) await disturbed(lost);
  },
);

test('checks at the same time go through several pages together, and each finding is new to one', async () => {
  const names = Array.from({ length: 4_100 }, (_, index) => `c${index}`);
  await logs.bring(names.map((name) => ({ ...model('orphan'), git_commit: name })));
  const both = await Promise.all(
    [1, 2, 3].map(() => check(graph, DEFAULT_SETTINGS, { rules: [RULE] })),
  );
  for (const { check: done } of both)
    expect(done.rules).toMatchObject([
      { outcome: 'done', open: 4_100, findings: 4_100, settled: 0 },
    ]);
  expect(both.flatMap(({ fresh }) => fresh)).toHaveLength(4_100);
});

test('what the topic was not told, because it or the check failed, the next run tells, and no run after it', async () => {
  await logs.bring([model('mended')]);
  const invoke = await container();
  aws.fault = ({ action }) =>
    action === 'sns:Publish' ? { status: 400, code: 'AuthorizationError' } : null;
  await expect(invoke()).rejects.toThrow('the check was not finished');
  expect(await statuses()).toEqual([[MENDED, 'open']]);
  aws.fault = () => null;
  await invoke();
  expect(aws.messages).toHaveLength(1);
  expect(aws.messages[0]).toContain(`New:\n  ${MENDED}\n`);
  await invoke();
  expect(aws.messages).toHaveLength(1);

  await logs.bring([dataset, model('orphan')]);
  // One check ends before it is done; whoever checks at the command line tells no topic.
  let asked = 0;
  const isTimeUp = (): boolean => {
    asked += 1;
    if (asked > 1) throw new Error('killed');
    return false;
  };
  await expect(check(graph, DEFAULT_SETTINGS, { isTimeUp })).rejects.toThrow('killed');
  expect((await run()).fresh).toEqual([]);
  await (
    await container()
  )();
  expect(aws.messages).toHaveLength(2);
  expect(aws.messages[1]).toMatch(/1 new, 1 settled/);
  expect(aws.messages[1]).toContain(`New:\n  ${ORPHAN}\n`);
  expect(aws.messages[1]).toContain(`Settled:\n  ${MENDED}\n`);
});

test('a message whose answer was lost may come twice, with all that is new in each', async () => {
  await logs.bring([model('orphan'), model('mended')]);
  const invoke = await container();
  aws.fault = ({ action }) => (action === 'sns:Publish' ? { lost: 'answer' } : null);
  await expect(invoke()).rejects.toThrow('the check was not finished');
  aws.fault = () => null;
  await invoke();
  expect(aws.messages.length).toBeGreaterThan(1);
  for (const message of aws.messages) expect(message).toContain('2 new, 0 settled');
});

test('a finding is told again when its waiver has run out, not while it holds', async () => {
  await logs.bring([model('orphan')]);
  const invoke = await container();
  await invoke();
  // Long enough for the run that follows on a machine that is busy.
  const until = new Date(Date.now() + 4_000).toISOString();
  await waive(graph, ORPHAN, { who: 'w', why: 'y', until }, new Date().toISOString());
  await invoke();
  expect(aws.messages).toHaveLength(1);
  await pause(Math.max(0, Date.parse(until) + 1 - Date.now()));
  await invoke();
  expect(aws.messages).toHaveLength(2);
  expect(aws.messages[1]).toContain(`New:\n  ${ORPHAN}\n`);
  expect(await counted()).toEqual([
    [1, 1, 0],
    [0, 0, 0],
    [1, 1, 0],
  ]);
});

test('of checks that run at the same time each finding is new to one, and is kept once', async () => {
  await logs.bring([model('orphan'), model('mended')]);
  const opened = await Promise.all([run(), run(), run(), run()]);
  expect(opened.flatMap(({ fresh }) => fresh).sort()).toEqual([MENDED, ORPHAN]);
  await logs.bring([dataset]);
  const closed = await Promise.all([run(), run(), run(), run()]);
  expect(closed.flatMap(({ settled }) => settled)).toEqual([MENDED]);
  expect(await statuses()).toEqual([
    [MENDED, 'settled'],
    [ORPHAN, 'open'],
  ]);
  expect(await counted()).toHaveLength(8);
});

test('a check that asked earlier and keeps its findings later undoes nothing of another', async () => {
  await logs.bring([model('mended')]);
  await run();
  const [question] = RULES.find(({ id }) => id === RULE)?.findings ?? [];
  let other: Promise<Checked> | undefined;
  // Between its question and its keeping the dataset comes, and another check is made.
  const slow = (tx: ManagedTransaction): ManagedTransaction =>
    new Proxy(tx, {
      get: (of, name) => {
        if (name !== 'run') return Reflect.get(of, name) as unknown;
        return async (text: string, parameters: Record<string, unknown>) => {
          const found = await of.run(text, parameters);
          if (text !== question) return found;
          await logs.bring([dataset]);
          other ??= run();
          await Promise.race([other, pause(1_000)]);
          return found;
        };
      },
    });
  const earlier = await check(
    graphWith(graph, {
      write: (work, limitMs) => graph[database].write((tx) => work(slow(tx)), limitMs),
    }),
    DEFAULT_SETTINGS,
    { rules: [RULE] },
  );
  expect(earlier.check.rules).toMatchObject([{ outcome: 'done', open: 1 }]);
  expect((await other)?.settled).toEqual([MENDED]);
  expect(await statuses()).toEqual([[MENDED, 'settled']]);
});

test('findings about the longest names that a log may hold are kept, told in short, and can be waived', async () => {
  const longest = '"'.repeat(2_048);
  const named = { type: 'model', model_name: longest, git_commit: longest };
  const before = '2026-01-01T00:00:00Z';
  await logs.bring([
    dataset,
    { ...named, dataset_hashes: [longest, 'd'], timestamp: before },
    model('orphan'),
  ]);
  const invoke = await container();
  await invoke();
  expect(aws.messages).toHaveLength(1);
  expect(Buffer.byteLength(aws.messages[0] ?? '')).toBeLessThan(8_192);
  const all = { statuses: ['open'], rules: ['dataset-not-recorded'] } as const;
  const [found] = await findings(graph, all, '', 10);
  expect(found?.entity).toMatchObject({ hash: longest, name: longest, commit: longest });
  const waiver = { who: 'w', why: 'y', until: '2100-01-01T00:00:00Z' };
  expect(await waive(graph, found?.key ?? '', waiver, before)).toBe('waived');
});
