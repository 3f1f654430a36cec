import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { bucketArchive } from '../../lib/aws/log-archive.ts';
import { s3Client, s3Object } from '../../lib/aws/s3-object.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import { deliverEvent, type Inbox } from '../../lib/ingest/delivery.ts';
import { sweep } from '../../lib/ingest/sweep.ts';
import { graphWith } from '../support/graph-with.ts';
import { notification } from '../support/lambda.ts';
import { lineageLog } from '../support/lineage-log.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { graphSnapshot, wipe } from '../support/snapshot.ts';
import { StubAws } from '../support/stub-aws.ts';
import { testKey } from '../support/test-key.ts';

const { privateKey, key } = testKey();
const INFERENCES = 1_500;
let graph: Graph;
let aws: StubAws;
beforeAll(async () => {
  graph = openGraph(neo4jLogin);
  aws = await StubAws.start();
  Object.assign(process.env, aws.environment);
  aws.put('logs/a.jsonl', lineageLog(privateKey, INFERENCES));
});
beforeEach(() => wipe(graph));
afterAll(async () => {
  await aws.close();
  await graph.close();
});

/** Delivers an event to a graph that is cut off at its n-th writing transaction; resolves to what was sent to the queue. */
async function deliver(event: string, cutOffAt = Infinity): Promise<void> {
  let writes = 0;
  const cut = graphWith(graph, {
    write: (work) => {
      writes += 1;
      return writes < cutOffAt ? graph[database].write(work) : Promise.reject(new Error('cut off'));
    },
  });
  const s3 = s3Client();
  const inbox: Inbox = {
    queue: { send: () => Promise.resolve(), retryIn: () => Promise.resolve() },
    journal: {
      told: () => undefined,
      passedOver: () => undefined,
      noLog: () => undefined,
      failed: () => undefined,
    },
    isTimeUp: () => false,
  };
  const opened = {
    source: { bucket: 'logs', prefix: '' },
    open: (name: Parameters<typeof s3Object>[1]) => s3Object(s3, name),
    stores: { sink: new GraphWriter(cut), archive: bucketArchive(s3, 'evidence') },
    receipts: { put: () => Promise.resolve('') },
    options: { keys: [key], onBadLine: 'reject' } as const,
  };
  await deliverEvent(JSON.parse(event), inbox, () => Promise.resolve(opened));
}

const OLDER = `
MATCH (o:SourceObject)
SET o.lastSeenAt = o.lastSeenAt - duration('PT2H')
`;

async function swept(): Promise<{ result: Awaited<ReturnType<typeof sweep>>; sent: string[] }> {
  const sent: string[] = [];
  const queue = { send: async (body: string) => void sent.push(body) };
  return { result: await sweep(graph, queue, 'logs', () => false), sent };
}

const event = (): string =>
  notification('logs', 'a.jsonl', aws.objects.get('logs/a.jsonl')?.[0]?.versionId ?? null);

test('wherever an object was cut off, the sweep and one delivery end in the graph of an undisturbed one', async () => {
  await deliver(event());
  const undisturbed = await graphSnapshot(graph);
  let found = 0;
  for (let at = 2; ; at += 1) {
    await wipe(graph);
    const isCut = await deliver(event(), at).then(
      () => false,
      () => true,
    );
    if (!isCut) break;
    // Nobody has been at work on it for so long that it must have been given up.
    expect((await swept()).sent).toEqual([]);
    await graph[database].run(OLDER);
    const { result, sent } = await swept();
    expect(result).toMatchObject({ openMarkers: 0, unfinishedObjects: 1 });
    expect(result.resumed).toHaveLength(1);
    // What was sent waits in the queue: it is not sent again.
    expect((await swept()).sent).toEqual([]);
    for (const message of sent) await deliver(message);
    expect(await graphSnapshot(graph)).toEqual(undisturbed);
    expect((await swept()).result).toEqual({
      settledPages: 0,
      resumed: [],
      pendingLinks: 0,
      openMarkers: 0,
      unfinishedObjects: 0,
    });
    found += 1;
  }
  expect(found).toBeGreaterThan(2);
});

test('links to datasets that were never recorded are counted', async () => {
  const log = lineageLog(privateKey, 3).split('\n').slice(0, -2).join('\n');
  const versionId = aws.put('logs/b.jsonl', log);
  await deliver(notification('logs', 'b.jsonl', versionId));
  expect((await swept()).result).toMatchObject({ pendingLinks: 3, settledPages: 0, resumed: [] });
});
