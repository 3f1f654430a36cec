import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { BoltProxy } from '../support/bolt-proxy.ts';
import { atDepth } from '../support/depth.ts';
import { ingestEnvironment, notification, sqsEvent } from '../support/lambda.ts';
import { lineageLog } from '../support/lineage-log.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { PROCESS } from '../support/process.ts';
import { graphSnapshot, wipe } from '../support/snapshot.ts';
import { StubAws } from '../support/stub-aws.ts';
import { testKey } from '../support/test-key.ts';

const KILLS = atDepth(200);
/** At full depth no message is left out. */
const STEP = 200 / KILLS;
const begun = (): number => 1 + Math.floor(Math.random() * STEP);
/** Fifty of these fill the mebibyte of a batch: the log has three batches, and links to settle. */
const INPUT = 'x'.repeat(20_000);
const INFERENCES = 120;
const LINES = INFERENCES + 4;

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'custody-'));
const { privateKey, publicPem } = testKey();

let graph: Graph;
let proxy: BoltProxy;
let aws: StubAws;
beforeAll(async () => {
  graph = openGraph(neo4jLogin);
  proxy = await BoltProxy.start(neo4jLogin.uri);
  aws = await StubAws.start();
  // The bundle itself, as it is deployed.
  const build = [join(root, 'scripts/build.ts'), '--out', folder];
  execFileSync(process.execPath, build, { cwd: root, stdio: 'ignore' });
});
afterAll(async () => {
  await proxy.close();
  await aws.close();
  await graph.close();
  rmSync(folder, { recursive: true });
});

type Fatal =
  | { readonly at: 'message'; readonly nth: number; readonly effect: 'lost' | 'kept' }
  | { readonly at: 'random'; readonly afterMs: number };

/** Runs the function on the message in a process of its own; resolves to what it answered, or to null when it was killed. */
async function invoke(message: string, fatal: Fatal | null): Promise<string | null> {
  const event = JSON.stringify(sqsEvent([message], 1));
  const login = { ...neo4jLogin, uri: proxy.uri };
  const child = spawn(
    process.execPath,
    [join(root, 'test/support/invoke.ts'), join(folder, 'ingest.mjs'), event],
    {
      env: { ...PROCESS, ...ingestEnvironment(aws, login, publicPem) },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let messages = 0;
  // Every message that leaves the process: to the database, to S3, to the secret's keeper, to the queue.
  const isFatal = (): boolean => {
    messages += 1;
    if (fatal?.at !== 'message' || messages !== fatal.nth) return false;
    child.kill('SIGKILL');
    return fatal.effect === 'lost';
  };
  proxy.onPacket = () => (isFatal() ? 'lose' : 'pass');
  aws.fault = () => (isFatal() ? { silence: 'reset' } : null);
  if (fatal?.at === 'random') setTimeout(() => child.kill('SIGKILL'), fatal.afterMs);
  let out = '';
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  proxy.breakAll();
  if (signal === null) return out.trimEnd().split('\n').at(-1) ?? '';
  return null;
}

test(
  `killed at every message it sends and at random, ${KILLS} times, and delivered again, a log is in the graph once and whole`,
  { timeout: 2_400_000 },
  async () => {
    const log = lineageLog(privateKey, INFERENCES, INPUT);
    const versionId = aws.put('logs/a.jsonl', log) ?? '';
    const message = notification('logs', 'a.jsonl', versionId);
    const done = '{"batchItemFailures":[]}';
    await wipe(graph);
    const start = Date.now();
    expect(await invoke(message, null)).toBe(done);
    const wholeMs = Date.now() - start;
    const undisturbed = await graphSnapshot(graph);
    const receipt = aws.text(`evidence/receipts/logs/a.jsonl@${versionId}.json`);
    expect(JSON.parse(receipt ?? '')).toMatchObject({ status: 'accepted', accepted: LINES });

    let kills = 0;
    let survived = 0;
    let isCut = true;
    for (let nth = begun(); kills < KILLS; nth = isCut ? nth + STEP : begun()) {
      isCut = false;
      await wipe(graph);
      for (const place of aws.objects.keys())
        if (place.startsWith('evidence/')) aws.objects.delete(place);
      // One killed invocation after the other on the same object, then one that is let live.
      const fatals: readonly Fatal[] = [
        { at: 'message', nth, effect: 'kept' },
        { at: 'random', afterMs: Math.random() * wholeMs },
        { at: 'message', nth, effect: 'lost' },
        { at: 'message', nth: 1 + Math.floor(Math.random() * nth), effect: 'kept' },
      ];
      for (const fatal of fatals) {
        const answer = await invoke(message, fatal);
        expect([null, done]).toContain(answer);
        if (answer === null) kills += 1;
        isCut ||= answer === null && fatal.at === 'message';
      }
      expect(await invoke(message, null)).toBe(done);
      survived += 1;
      expect(await graphSnapshot(graph)).toEqual(undisturbed);
      // Of a log that was done before its receipt was written, the receipt is the same.
      expect(aws.text(`evidence/receipts/logs/a.jsonl@${versionId}.json`)).toBe(receipt);
    }
    expect(survived).toBeGreaterThan(KILLS / 10);
    // The log, the index of its tree, its verdict, its receipt and what has that wait for the tlog, each once.
    const kept = [...aws.objects].filter(([place]) => place.startsWith('evidence/'));
    expect(kept.map(([, versions]) => versions.length)).toEqual([1, 1, 1, 1, 1]);
  },
);
