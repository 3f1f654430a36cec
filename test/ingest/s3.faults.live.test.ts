import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bucketReceipts } from '../../lib/aws/bucket-receipts.ts';
import { bucketArchive } from '../../lib/aws/log-archive.ts';
import { sqsQueue } from '../../lib/aws/queue.ts';
import { s3Client, s3Object } from '../../lib/aws/s3-object.ts';
import { TransientError } from '../../lib/errors.ts';
import { openCounts, readObject, unfinishedObjects } from '../../lib/graph/ask/objects.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import {
  deliverAll,
  type Delivery,
  type Journal,
  type Message,
} from '../../lib/ingest/delivery.ts';
import type { IngestOptions } from '../../lib/ingest/judge.ts';
import { continuation, noticesOf } from '../../lib/ingest/notice.ts';
import type { Receipt } from '../../lib/ingest/receipt.ts';
import type { GraphSink } from '../../lib/ingest/stores.ts';
import { s3Name, type S3Name } from '../../lib/object/s3-name.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { someOf } from '../support/depth.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { graphSnapshot, wipe } from '../support/snapshot.ts';
import { StubAws, type Fault, type StubRequest } from '../support/stub-aws.ts';
import { testKey } from '../support/test-key.ts';

const RANGE = 512 * 1024;
/** Three ranges, and two batches of records. */
const LINES = 160;
/** Cases that run side by side, each on a log of its own. */
const SIDE_BY_SIDE = 8;

const { privateKey, key } = testKey();
let stub: StubAws;
let graph: Graph;
let client: ReturnType<typeof s3Client>;
const faults = new Map<string, (request: StubRequest) => Fault>();
const kept = (place: string): (string | null)[] =>
  (stub.objects.get(place) ?? []).map(({ bytes }) => bytes.toString('utf8'));

beforeAll(async () => {
  stub = await StubAws.start();
  stub.fault = (request) => faults.get(request.target)?.(request) ?? null;
  Object.assign(process.env, stub.environment);
  client = s3Client(500);
  graph = openGraph(neo4jLogin);
});
beforeEach(async () => {
  await wipe(graph);
  faults.clear();
  for (const place of placesIn('evidence/')) stub.objects.delete(place);
});
afterAll(async () => {
  client.destroy();
  await graph.close();
  await stub.close();
});

function lineOf(name: string, index: number): string {
  const at = { timestamp: '2026-01-01T00:00:00Z' };
  const record =
    index === 0
      ? { type: 'dataset', hash: name, path: '/d', ...at }
      : index === 1
        ? { type: 'model', model_name: name, dataset_hashes: [name], ...at }
        : {
            type: 'inference',
            id: `${name}-${index}`,
            model_name: name,
            output: createHash('shake256', { outputLength: 4_000 })
              .update(`${index}`)
              .digest('hex'),
            ...at,
          };
  return `${signRecord(JSON.stringify(record), privateKey, 'digest')}\n`;
}

function logOf(name: string, lines = LINES): string {
  return Array.from({ length: lines }, (_, index) => lineOf(name, index)).join('');
}

/** As S3 writes it. */
function notification({ bucket, key: name, versionId }: S3Name): string {
  const object = { key: encodeURIComponent(name).replaceAll('%20', '+'), versionId };
  const s3 = { bucket: { name: bucket }, object };
  return JSON.stringify({ Records: [{ eventName: 'ObjectCreated:Put', s3 }] });
}

const journal: Journal & { readonly failures: unknown[] } = {
  failures: [],
  told: () => undefined,
  passedOver: () => undefined,
  noLog: () => undefined,
  failed: (error) => void journal.failures.push(error),
};

/** A container of the function: a writer of its own, the same buckets and database. */
async function delivered(
  names: readonly S3Name[],
  receiveCount = 1,
  around: (sink: GraphSink) => GraphSink = (sink) => sink,
  limits: Pick<IngestOptions, 'maxKeptBytes'> = {},
): Promise<readonly string[]> {
  const sink = around(new GraphWriter(graph, 'hash'));
  const delivery = {
    source: { bucket: 'inbox', prefix: '' },
    open: (name, onRead) => s3Object(client, name, { rangeBytes: RANGE, onRead }),
    stores: { sink, archive: bucketArchive(client, 'evidence', { rangeBytes: RANGE }) },
    receipts: bucketReceipts(client, 'evidence'),
    options: { keys: [key], onBadLine: 'reject', ...limits },
  } satisfies Partial<Delivery>;
  const messages = names.map((name, index): Message => ({
    messageId: `m${index}`,
    receiptHandle: `${name.key} ${index}`,
    body: name.etag === undefined ? notification(name) : continuation(name),
    receiveCount,
  }));
  const inbox = { queue: sqsQueue(`${stub.url}/queue`), journal, isTimeUp: () => false };
  return deliverAll(messages, inbox, () => Promise.resolve(delivery));
}

/** Of a log's records: datasets and models have them as nodes of their own, inferences are theirs. */
async function recordsOf(sha256: string): Promise<number> {
  const [row] = await graph[database].run(
    'MATCH (n)-[:SIGNED_IN]->(:Stretch {log: $sha256}) RETURN count(DISTINCT n) AS records',
    { sha256 },
  );
  return Number(row?.['records']);
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const ARCHIVING = ['archive sought', 'archive copied', 'verdict kept'] as const;
type Phase =
  | 'HEAD'
  | 'first reading'
  | (typeof ARCHIVING)[number]
  | 'archive opened'
  | 'second reading'
  | 'receipt';

interface Case {
  readonly phase: Phase;
  /** The range it happens to. */
  readonly range?: number;
  readonly fault: Fault;
  /** What the next request of the delivery meets, and every later one. */
  readonly next?: Fault;
}

const REFUSED = { status: 403, code: 'AccessDenied' } as const;
const READINGS = ['first reading', 'second reading'] as const;
const PASSING: readonly Fault[] = [
  { status: 503, code: 'SlowDown' },
  { status: 500, code: 'InternalError' },
  { silence: 'reset' },
  { silence: 'hang' },
];

const CASES: readonly Case[] = [
  ...READINGS.flatMap((phase) =>
    [0, 1, 2].flatMap((range): Case[] => [
      ...(['reset', 'end', 'stall'] as const).flatMap((how) =>
        [0, 1, 4_096, 100_000, 262_144, 290_000].flatMap((cutAfter): Case[] => [
          { phase, range, fault: { cutAfter, how } },
          { phase, range, fault: { cutAfter, how }, next: REFUSED },
        ]),
      ),
      ...[...PASSING, REFUSED, { checksum: 'wrong' } as const].map((fault) => ({
        phase,
        range,
        fault,
      })),
    ]),
  ),
  ...(['HEAD', ...ARCHIVING, 'archive opened', 'receipt'] as const).flatMap((phase): Case[] => [
    ...[...PASSING, REFUSED].map((fault) => ({ phase, fault })),
    ...[...PASSING, REFUSED].map((fault) => ({ phase, fault, next: REFUSED })),
  ]),
  ...(['archive copied', 'verdict kept', 'receipt'] as const).flatMap((phase): Case[] => [
    { phase, fault: { lost: 'answer' } },
    { phase, fault: { lost: 'answer' }, next: REFUSED },
    { phase, fault: { status: 409, code: 'ConditionalRequestConflict' } },
  ]),
  // For ever, which ends the delivery only when nobody tries any more.
  ...(['first reading', 'second reading'] as const).flatMap((phase): Case[] => [
    { phase, range: 1, fault: PASSING[0] ?? null, next: PASSING[0] ?? null },
    { phase, range: 1, fault: { silence: 'reset' }, next: { silence: 'reset' } },
    { phase, range: 2, fault: { silence: 'hang' }, next: { silence: 'hang' } },
    ...(['reset', 'end', 'stall'] as const).map((how): Case => ({
      phase,
      range: 1,
      fault: { cutAfter: 9_999, how },
      next: { cutAfter: 0, how },
    })),
  ]),
];

/** One log of a case: where it lies, and what an undisturbed delivery makes of it. */
interface Slot {
  readonly name: S3Name & { readonly versionId: string };
  readonly sha256: string;
  readonly receiptPlace: string;
}

function slotOf(key: string, content: string): Slot {
  const versionId = stub.put(`inbox/${key}`, content) ?? '';
  return {
    name: { bucket: 'inbox', key, versionId },
    sha256: sha256(content),
    receiptPlace: `evidence/receipts/inbox/${key}@${versionId}.json`,
  };
}

/** Whether a request is the one that a phase is named after; `target` is where it goes. */
const IS_IT: Readonly<Record<Phase, (request: StubRequest, range: number) => boolean>> = {
  HEAD: ({ action, target }) => action === 's3:HEAD' && target.startsWith('inbox/'),
  'first reading': ({ target, range }, wanted) =>
    target.startsWith('inbox/') && reads(range, wanted),
  'archive sought': ({ action, target }) =>
    action === 's3:HEAD' && target.startsWith('evidence/logs/'),
  'archive copied': ({ action }) => action === 's3:COPY',
  'verdict kept': ({ action, target }) => action === 's3:PUT' && target.endsWith('.verdict.json'),
  'archive opened': ({ target, range }) =>
    target.startsWith('evidence/logs/') && range === 'bytes=0-1',
  'second reading': ({ target, range }, wanted) =>
    target.startsWith('evidence/logs/') && range !== 'bytes=0-1' && reads(range, wanted),
  receipt: ({ action, target }) => action === 's3:PUT' && target.startsWith('evidence/receipts/'),
};

function reads(range: string | null, wanted: number): boolean {
  return range?.startsWith(`bytes=${wanted * RANGE}-`) === true;
}

/** The case's fault, until {@link over}: then everything works again. */
function faulty(slot: Slot, { phase, range = 0, fault, next }: Case) {
  let isBroken = false;
  let isOver = false;
  const ask = (request: StubRequest): Fault => {
    if (isOver) return null;
    if (isBroken) return next ?? null;
    if (!IS_IT[phase](request, range)) return null;
    isBroken = true;
    return fault;
  };
  const archived = `evidence/logs/${slot.sha256}`;
  const places = [
    `inbox/${slot.name.key}`,
    archived,
    `${archived}.verdict.json`,
    slot.receiptPlace,
  ];
  for (const place of places) faults.set(place, ask);
  return { happened: () => isBroken, over: () => void (isOver = true) };
}

/** A log is read from the archive only where its records are not kept. */
const limitsOf = (one: Case | undefined): Pick<IngestOptions, 'maxKeptBytes'> =>
  one?.phase === 'archive opened' || one?.phase === 'second reading' ? { maxKeptBytes: 0 } : {};

const UNWRITTEN: readonly Phase[] = ['HEAD', 'first reading', ...ARCHIVING, 'archive opened'];

describe.each([
  ['a good log', (name: string) => logOf(name), someOf(CASES)],
  [
    'a log whose last line is forged',
    (name: string) =>
      logOf(name, LINES - 1) + lineOf(name, LINES).replace(`${name}-${LINES}`, `${name}-x`),
    someOf(CASES.filter(({ phase }) => /HEAD|first|receipt/.test(phase))),
  ],
])('%s', (title, content, cases) => {
  let slots: readonly Slot[];
  let undisturbed: { readonly graph: readonly string[]; readonly receipts: readonly unknown[] };

  beforeAll(async () => {
    slots = Array.from({ length: SIDE_BY_SIDE }, (_, index) =>
      slotOf(`${title} ${index}.jsonl`, content(`${index}`)),
    );
    await wipe(graph);
    await delivered(slots.map(({ name }) => name));
    undisturbed = {
      graph: await graphSnapshot(graph),
      receipts: slots.map(({ receiptPlace }) => kept(receiptPlace)),
    };
  });

  test('without faults has its receipt', () => {
    const status = title === 'a good log' ? 'accepted' : 'rejected';
    const text = expect.stringContaining(`"status":"${status}"`) as unknown;
    expect(undisturbed.receipts).toEqual(slots.map(() => [text]));
  });

  const groups = Array.from({ length: Math.ceil(cases.length / SIDE_BY_SIDE) }, (_, index) => ({
    from: index * SIDE_BY_SIDE + 1,
    to: Math.min((index + 1) * SIDE_BY_SIDE, cases.length),
    group: cases.slice(index * SIDE_BY_SIDE, (index + 1) * SIDE_BY_SIDE),
  }));

  test.each(groups)(`faults $from to $to of ${cases.length} leave no trace`, async ({ group }) => {
    await Promise.all(
      slots.map(async (slot, index) => {
        const one = group[index];
        const trouble = one === undefined ? null : faulty(slot, one);
        for (let count = 1; ; count += 1) {
          const failed = await delivered([slot.name], count, undefined, limitsOf(one));
          trouble?.over();
          if (failed.length === 0) break;
          expect(count).toBe(1);
          const isUnwritten = one !== undefined && UNWRITTEN.includes(one.phase);
          expect(isUnwritten ? await recordsOf(slot.sha256) : 0, JSON.stringify(one)).toBe(0);
        }
        expect(trouble?.happened() ?? true, JSON.stringify(one)).toBe(true);
      }),
    );
    expect(await graphSnapshot(graph)).toEqual(undisturbed.graph);
    expect(slots.map(({ receiptPlace }) => kept(receiptPlace))).toEqual(undisturbed.receipts);
    for (const slot of slots) {
      const isAccepted = title === 'a good log';
      const stands = kept(`evidence/logs/${slot.sha256}`).map((text) => sha256(text ?? ''));
      expect(stands).toEqual(isAccepted ? [slot.sha256] : []);
    }
  });
});

test.each([
  ['known', 0, 'before'],
  ['log', 0, 'before'],
  ['apply', 0, 'before'],
  ['apply', 0, 'after'],
  ['apply', 1, 'before'],
  ['apply', 1, 'after'],
] as const)(
  'a database that fails at %s, call %i, %s it took effect, makes the message come again',
  async (call, nth, when) => {
    const slot = slotOf(`database ${call} ${nth} ${when}.jsonl`, logOf('d'));
    let calls = 0;
    const failing = (sink: GraphSink): GraphSink => ({
      ...passed(sink),
      async [call](...given: never[]) {
        const isNow = calls === nth;
        calls += 1;
        if (isNow && when === 'before')
          throw new TransientError('DATABASE_UNREACHABLE', 'the database is away');
        const answer: never = await (sink[call] as (...of: never[]) => Promise<never>)(...given);
        if (isNow) throw new TransientError('DATABASE_UNREACHABLE', 'the database is away');
        return answer;
      },
    });
    expect(await delivered([slot.name], 2, failing)).toEqual(['m0']);
    expect(stub.visibilities.at(-1)).toEqual({ handle: `${slot.name.key} 0`, seconds: 40 });
    expect(kept(slot.receiptPlace)).toEqual([]);
    expect(await delivered([slot.name], 3)).toEqual([]);
    expect(receiptOf(slot)).toMatchObject({ status: 'accepted', accepted: LINES, duplicate: 0 });
  },
);

test.each([0, 1])(
  'an object without versions that is overwritten before it was archived, at range %i, is rejected with the reason, and what was put over it is read',
  async (range) => {
    const [name, place] = [{ bucket: 'inbox', key: 'plain.jsonl' }, 'inbox/plain.jsonl'];
    stub.put(place, logOf('old'), false);
    const [before] = stub.objects.get(place) ?? [];
    const after = logOf('new');
    faults.set(place, (request) => {
      if (!reads(request.range, range)) return null;
      faults.delete(place);
      stub.put(place, after, false);
      return null;
    });
    stub.messages.length = 0;
    expect(await delivered([name])).toEqual([]);
    expect(await graphSnapshot(graph)).toEqual([]);
    const old = receiptAt('plain.jsonl', before?.etag.replaceAll('"', '') ?? '');
    expect(old).toMatchObject({ status: 'rejected', problemCode: 'OBJECT_OVERWRITTEN' });
    expect(await readObject(graph, old.object)).toMatchObject({ status: 'rejected' });
    expect(stub.messages).toHaveLength(1);
    expect(await delivered([name])).toEqual([]);
    const etag = createHash('md5').update(after).digest('hex');
    expect(receiptAt('plain.jsonl', etag)).toMatchObject({ status: 'accepted', accepted: LINES });
    expect(await recordsOf(sha256(after))).toBe(LINES);
  },
);

test.each([
  ['deleted', true],
  ['overwritten', false],
] as const)(
  'an object that is %s while its log is written is finished from the archive',
  async (how, isVersioned) => {
    const name = { bucket: 'inbox', key: `${how}.jsonl` };
    const place = `inbox/${name.key}`;
    const log = logOf('w');
    const versionId = stub.put(place, log, isVersioned);
    const [before] = stub.objects.get(place) ?? [];
    const failing = (sink: GraphSink): GraphSink => ({
      ...passed(sink),
      async apply(batch) {
        if (batch.afterLine > 0) throw new TransientError('DATABASE_UNREACHABLE', 'away');
        return sink.apply(batch);
      },
    });
    const event = versionId === null ? name : { ...name, versionId };
    expect(await delivered([event], 1, failing)).toEqual(['m0']);
    if (how === 'deleted') stub.objects.delete(place);
    else stub.put(place, logOf('other'), false);
    const version = versionId ?? before?.etag.replaceAll('"', '') ?? '';
    const unfinished = await unfinishedObjects(graph, -60, 10);
    expect(unfinished).toHaveLength(1);
    // What the sweep sends names the version, or the content where the bucket has none.
    const [pinned] = noticesOf(JSON.parse(continuation(s3Name(unfinished[0] ?? '') ?? name))) ?? [];
    if (pinned?.kind !== 'created') throw new Error('no notice');
    expect(await delivered([pinned.name])).toEqual([]);
    expect(receiptAt(name.key, version)).toMatchObject({ status: 'accepted', accepted: LINES });
    expect(await recordsOf(sha256(log))).toBe(LINES);
  },
);

test('S3 that copied other bytes than were verified leaves nothing of the log in the graph', async () => {
  const slot = slotOf('damaged copy.jsonl', logOf('c'));
  faults.set(`evidence/logs/${slot.sha256}`, ({ action }) =>
    action === 's3:COPY' ? { checksum: 'wrong' } : null,
  );
  expect(await delivered([slot.name])).toEqual([]);
  expect(receiptOf(slot)).toMatchObject({ status: 'rejected', problemCode: 'ARCHIVE_DAMAGED' });
  expect(await graphSnapshot(graph)).toEqual([]);
});

test('a log that is archived already is not copied again, whatever its name', async () => {
  const log = logOf('n');
  const [one, other] = [slotOf('one.jsonl', log), slotOf('other.jsonl', log)];
  stub.requests.length = 0;
  expect(await delivered([one.name, other.name])).toEqual([]);
  await wipe(graph);
  expect(await delivered([one.name])).toEqual([]);
  expect(stub.requests.filter(({ action }) => action === 's3:COPY')).toHaveLength(1);
  expect(kept(`evidence/logs/${one.sha256}`)).toHaveLength(1);
});

test('an archive that has lost a log ends the object as abandoned, with the reason and what is in the graph', async () => {
  const slot = slotOf('lost.jsonl', logOf('a'));
  const failing = (sink: GraphSink): GraphSink => ({
    ...passed(sink),
    async apply(batch) {
      if (batch.final !== null) throw new TransientError('DATABASE_UNREACHABLE', 'away');
      return sink.apply(batch);
    },
  });
  expect(await delivered([slot.name], 1, failing)).toEqual(['m0']);
  stub.objects.delete(`evidence/logs/${slot.sha256}`);
  expect(await delivered([slot.name], 2)).toEqual([]);
  const receipt = receiptOf(slot);
  expect(receipt).toMatchObject({ status: 'abandoned', problemCode: 'ARCHIVE_DAMAGED' });
  expect(receipt.accepted).toBeGreaterThan(0);
  expect(receipt.accepted + receipt.withheld).toBe(LINES);
  expect(await recordsOf(slot.sha256)).toBe(receipt.accepted);
  expect(await openCounts(graph)).toMatchObject({ unfinishedObjects: 0 });
  // However often it comes again.
  expect(await delivered([slot.name], 3)).toEqual([]);
  expect(receiptOf(slot)).toEqual(receipt);
});

test.each([
  ['InvalidObjectState', 403],
  ['KMS.DisabledException', 400],
])(
  'an object that S3 refuses for good (%s) is rejected with S3’s own word',
  async (code, status) => {
    const slot = slotOf(`${code}.jsonl`, logOf('k', 3));
    faults.set(`inbox/${slot.name.key}`, ({ action }) =>
      action === 's3:GET' ? { status, code } : null,
    );
    expect(await delivered([slot.name])).toEqual([]);
    const problem = expect.stringContaining(code) as unknown;
    expect(receiptOf(slot)).toMatchObject({
      status: 'rejected',
      problem,
      problemCode: 'OBJECT_UNREADABLE',
    });
  },
);

test.each(['before it is opened', 'in the first reading'])(
  'an object that is deleted %s gets a receipt that says so, and none of it is in the graph',
  async (when) => {
    const slot = slotOf(`deleted ${when}.jsonl`, logOf('x'));
    const place = `inbox/${slot.name.key}`;
    faults.set(place, ({ action, range }) => {
      if (action === 's3:HEAD' ? when.startsWith('before') : range?.startsWith(`bytes=${RANGE}-`))
        stub.objects.delete(place);
      return null;
    });
    expect(await delivered([slot.name])).toEqual([]);
    const gone = { status: 'rejected', problem: /not there/, problemCode: 'OBJECT_GONE' };
    expect(receiptOf(slot)).toMatchObject(gone);
    const noted = await readObject(graph, receiptOf(slot).object);
    // What was never opened is not known by its version.
    if (when === 'in the first reading') expect(noted).toMatchObject(gone);
    else expect(noted).toBeNull();
    expect(await graphSnapshot(graph)).toEqual([]);
  },
);

test('a notification that comes when its object is gone again changes no receipt', async () => {
  const slot = slotOf('late.jsonl', logOf('l', 3));
  expect(await delivered([slot.name])).toEqual([]);
  stub.objects.delete(`inbox/${slot.name.key}`);
  expect(await delivered([slot.name])).toEqual([]);
  expect(receiptsIn()).toEqual([slot.receiptPlace]);
  expect(receiptOf(slot)).toMatchObject({ status: 'accepted', accepted: 3 });
});

test('a notification eight times at once has one effect, and one receipt', async () => {
  for (let round = 0; round < 10; round += 1) {
    await wipe(graph);
    const slot = slotOf(`at-once-${round}.jsonl`, logOf('o'));
    const eight = Array.from({ length: 8 }, () => delivered([slot.name]));
    expect((await Promise.all(eight)).flat()).toEqual([]);
    expect(await recordsOf(slot.sha256)).toBe(LINES);
    expect(receiptsIn()).toContain(slot.receiptPlace);
    expect(receiptsIn()).toHaveLength(round + 1);
    expect(receiptOf(slot)).toMatchObject({ status: 'accepted', accepted: LINES, duplicate: 0 });
  }
});

test('duplicated, late and shuffled notifications of overlapping versions have one effect each', async () => {
  const slots = [
    slotOf('grows.jsonl', logOf('s', 4)),
    slotOf('grows.jsonl', logOf('s', 9)),
    slotOf('other + one.jsonl', logOf('t', 5)),
    slotOf('ünicode/25%.jsonl', logOf('u', 6)),
  ];
  const names = slots.map(({ name }) => name);
  await delivered(names);
  const undisturbed = await graphSnapshot(graph);
  for (let round = 0; round < 20; round += 1) {
    await wipe(graph);
    for (const place of receiptsIn()) stub.objects.delete(place);
    const shuffled = [...names, ...names, ...names]
      .map((name, index) => ({
        name,
        at: createHash('md5').update(`${round} ${index}`).digest('hex'),
      }))
      .toSorted((a, b) => (a.at < b.at ? -1 : 1))
      .map(({ name }) => name);
    const containers = [0, 1, 2].map((at) => shuffled.filter((__, index) => index % 3 === at));
    expect((await Promise.all(containers.map((part) => delivered(part)))).flat()).toEqual([]);
    expect(await graphSnapshot(graph)).toEqual(undisturbed);
    expect(receiptsIn().toSorted()).toEqual(slots.map((slot) => slot.receiptPlace).toSorted());
    const accepted = slots.map((slot) => receiptOf(slot).accepted);
    expect(accepted.reduce((sum, count) => sum + count)).toBe(9 + 5 + 6);
  }
});

function receiptOf({ receiptPlace }: Slot): Receipt {
  const [text, ...more] = kept(receiptPlace);
  expect(more).toEqual([]);
  return JSON.parse(text ?? 'null') as Receipt;
}

function receiptAt(key: string, version: string): Receipt {
  const receiptPlace = `evidence/receipts/inbox/${key}@${version}.json`;
  return receiptOf({
    name: { bucket: 'inbox', key, versionId: version },
    sha256: '',
    receiptPlace,
  });
}

function placesIn(prefix: string): string[] {
  return [...stub.objects.keys()].filter((place) => place.startsWith(prefix));
}

function receiptsIn(): string[] {
  return placesIn('evidence/receipts/');
}

/** The same sink as an object of functions. */
function passed(sink: GraphSink): GraphSink {
  return {
    known: (uri) => sink.known(uri),
    log: (log) => sink.log(log),
    carry: (object, log, status) => sink.carry(object, log, status),
    apply: (batch, isTimeUp) => sink.apply(batch, isTimeUp),
    record: (object, status, problem) => sink.record(object, status, problem),
    pause: (object, judged) => sink.pause(object, judged),
    abandon: (uri, problem) => sink.abandon(uri, problem),
    passOver: (names) => sink.passOver(names),
  };
}
