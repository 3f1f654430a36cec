import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { readObject } from '../../lib/graph/ask/objects.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import type { Receipt } from '../../lib/ingest/receipt.ts';
import { s3Uri } from '../../lib/object/s3-name.ts';
import { BoltProxy } from '../support/bolt-proxy.ts';
import { DEPTH } from '../support/depth.ts';
import { ingestContainer, ingestEnvironment, notification } from '../support/lambda.ts';
import { lineageLog } from '../support/lineage-log.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { graphSnapshot, wipe } from '../support/snapshot.ts';
import { StubAws } from '../support/stub-aws.ts';
import { testKey } from '../support/test-key.ts';

const { privateKey, publicPem } = testKey();
const INFERENCES = 2_200;
const LINES = INFERENCES + 4;
const log = lineageLog(privateKey, INFERENCES);
const KEY = 'team a/log+1.jsonl';

let graph: Graph;
let proxy: BoltProxy;
let aws: StubAws;
let environment: Record<string, string>;
let undisturbed: Awaited<ReturnType<typeof graphSnapshot>>;

beforeAll(async () => {
  graph = openGraph(neo4jLogin);
  proxy = await BoltProxy.start(neo4jLogin.uri);
  for (const level of ['info', 'warn', 'error', 'log'] as const)
    vi.spyOn(console, level).mockReturnValue();
});
afterAll(async () => {
  await proxy.close();
  await graph.close();
  vi.unstubAllEnvs();
});
beforeEach(async () => {
  await wipe(graph);
  aws = await StubAws.start();
  environment = ingestEnvironment(aws, { ...neo4jLogin, uri: proxy.uri }, publicPem);
});
afterEach(async () => {
  proxy.losesReplyOf = () => false;
  proxy.isDown = false;
  proxy.breakAll();
  await aws.close();
});

/** Puts the log and returns the message that tells of it. */
function drop(key = KEY, text: string | Uint8Array = log): string {
  return notification('logs', key, aws.put(`logs/${key}`, text));
}

function receiptOf(key = KEY): Receipt {
  const versionId = aws.objects.get(`logs/${key}`)?.at(-1)?.versionId ?? '';
  return JSON.parse(
    aws.text(`evidence/receipts/logs/${key}@${versionId}.json`) ?? 'null',
  ) as Receipt;
}

async function expectWhole(): Promise<void> {
  expect(receiptOf()).toMatchObject({
    status: 'accepted',
    lines: LINES,
    accepted: LINES,
    duplicate: 0,
    rejectedTotal: 0,
  });
  const versionId = aws.objects.get(`logs/${KEY}`)?.at(-1)?.versionId ?? '';
  const row = await readObject(graph, s3Uri({ bucket: 'logs', key: KEY, versionId }));
  expect(row).toMatchObject({ status: 'accepted', accepted: LINES, duplicate: 0 });
  const now = (await graphSnapshot(graph)).map(withoutVersion);
  undisturbed ??= now;
  expect(now).toEqual(undisturbed);
}

/** The same log has another version each time it is dropped. */
function withoutVersion(line: string): string {
  return line.replaceAll(/versionId=[0-9a-f-]+/g, 'versionId=');
}

test('a dropped log becomes a graph and a receipt; the message again changes nothing', async () => {
  const invoke = await ingestContainer(environment);
  const message = drop();
  const before = aws.requests.length;
  expect(await invoke([message])).toEqual({ batchItemFailures: [] });
  await expectWhole();
  // Found, read once, looked for in the archive and copied there, with the index of its tree, for it is
  // large, a verdict, a receipt and what has that wait for the tlog: what docs/operations.md reckons with.
  const asked = aws.requests.slice(before).map(({ action }) => action);
  expect(asked.filter((action) => action.startsWith('s3:'))).toEqual(
    ['HEAD', 'GET', 'HEAD', 'COPY', 'PUT', 'PUT', 'PUT', 'PUT'].map((name) => `s3:${name}`),
  );
  const requests = aws.requests.length;
  expect(await invoke([message, message])).toEqual({ batchItemFailures: [] });
  await expectWhole();
  // The graph knows the version: it is not read again, and its receipt stands.
  const actions = aws.requests.slice(requests).map(({ action }) => action);
  expect(actions.filter((action) => action === 's3:HEAD')).toHaveLength(2);
  // The log; its copy in the archive, with the index of its tree and the verdict; the receipt, which waits for the tlog.
  expect(aws.objects.size).toBe(6);
});

test(
  'stopped at any moment, an object is handed on and ends in the same graph',
  { timeout: 600_000 },
  async () => {
    let handedOn = 0;
    const step = DEPTH === 'full' ? 1 : 4;
    // Without any time the message itself stays.
    for (let asked = 1 + Math.floor(Math.random() * step); ; asked += step) {
      await wipe(graph);
      aws.messages.length = 0;
      const invoke = await ingestContainer(environment);
      let questions = 0;
      const first = drop();
      expect(
        await invoke([first], {
          remaining: () => (questions++ < asked ? 900_000 : 1_000),
        }),
      ).toEqual({
        batchItemFailures: [],
      });
      if (aws.messages.length === 0) break;
      handedOn += 1;
      expect(aws.messages).toHaveLength(1);
      // Another container goes on.
      const other = await ingestContainer(environment);
      expect(await other(aws.messages.splice(0))).toEqual({ batchItemFailures: [] });
      expect(aws.messages).toEqual([]);
      await expectWhole();
    }
    await expectWhole();
    expect(handedOn).toBeGreaterThan(8 / step - 1);
  },
);

test.each([1, 2, 3, 5])(
  'given %i moments at a time, an object still gets done',
  { timeout: 900_000 },
  async (moments) => {
    const invoke = await ingestContainer(environment);
    let messages = [drop()];
    let invocations = 0;
    for (; messages.length > 0 && invocations < 200; invocations += 1) {
      let questions = 0;
      expect(
        await invoke(messages, {
          remaining: () => (questions++ <= moments ? 900_000 : 1_000),
        }),
      ).toEqual({
        batchItemFailures: [],
      });
      messages = aws.messages.splice(0);
    }
    expect(invocations).toBeGreaterThan(2);
    await expectWhole();
  },
);

test('one poison message, one missing object and one bad log among good ones harm nobody but themselves', async () => {
  const invoke = await ingestContainer(environment);
  const bad = log.replace('i000007', 'i000008');
  const gone = notification('logs', 'gone.jsonl', 'no-such-version');
  const messages = ['{"not":', drop('bad.jsonl', bad), '[]', gone, drop()];
  expect(await invoke(messages)).toEqual({
    batchItemFailures: [{ itemIdentifier: 'message-0' }, { itemIdentifier: 'message-2' }],
  });
  await expectWhole();
  expect(receiptOf('bad.jsonl')).toMatchObject({
    status: 'rejected',
    rejectedTotal: 1,
    withheld: LINES - 1,
    rejected: [{ line: 8, code: 'SIGNATURE_INVALID' }],
  });
  const lost = aws.text('evidence/receipts/logs/gone.jsonl@no-such-version.json');
  expect(JSON.parse(lost ?? '')).toMatchObject({
    status: 'rejected',
    problem: 'the object is not there any more',
    problemCode: 'OBJECT_GONE',
  });
  // What nobody can mend is not kept waiting on its way to the dead-letter queue.
  expect(aws.visibilities.map(({ seconds }) => seconds)).toEqual([0, 0]);
});

test('what lies in another bucket or under another prefix is not read', async () => {
  const invoke = await ingestContainer({ ...environment, CUSTODY_PREFIX: 'in/' });
  aws.put('other/in/a.jsonl', log);
  const messages = [notification('other', 'in/a.jsonl', null), drop('out/a.jsonl')];
  expect(await invoke(messages)).toEqual({ batchItemFailures: [] });
  expect(aws.requests.filter(({ action }) => action.startsWith('s3:'))).toEqual([]);
});

test('a thawed container, whose connections are all dead, goes on without a failure', async () => {
  const invoke = await ingestContainer(environment);
  expect(await invoke([drop('empty.jsonl', '')])).toEqual({ batchItemFailures: [] });
  proxy.breakAll();
  expect(await invoke([drop()])).toEqual({ batchItemFailures: [] });
  await expectWhole();
});

test.each([
  ['the database', null],
  ['the secret', 'secretsmanager:'],
  ['the source bucket', 's3:HEAD'],
  ['the archive', 's3:COPY'],
  ['the evidence bucket', 's3:PUT'],
])(
  'while %s can’t be reached a message comes again, later each time, and then succeeds',
  { timeout: 900_000 },
  async (_, refused) => {
    const invoke = await ingestContainer(environment);
    const message = drop();
    proxy.isDown = refused === null;
    const denied = { status: 403, code: 'AccessDenied' };
    aws.fault = ({ action }) => (refused !== null && action.startsWith(refused) ? denied : null);
    for (const receiveCount of [2, 9]) {
      expect(await invoke([message], { receiveCount })).toEqual({
        batchItemFailures: [{ itemIdentifier: 'message-0' }],
      });
    }
    expect(aws.visibilities.map(({ seconds }) => seconds)).toEqual([40, 900]);
    proxy.isDown = false;
    aws.fault = () => null;
    expect(await invoke([message], { receiveCount: 10 })).toEqual({ batchItemFailures: [] });
    await expectWhole();
  },
);

test('with a setting missing nothing starts, and every problem is named', async () => {
  const { CUSTODY_BUCKET: _, CUSTODY_KEYS: __, ...rest } = environment;
  vi.unstubAllEnvs();
  const start = ingestContainer({ ...rest, CUSTODY_PAYLOAD: 'all' });
  await expect(start).rejects.toThrow(
    /CUSTODY_BUCKET is not set[^]*CUSTODY_PAYLOAD is inline, hash or none[^]*CUSTODY_KEYS names no key/,
  );
});
