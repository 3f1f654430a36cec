import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { s3Client, s3Object } from '../../lib/aws/s3-object.ts';
import { PoisonObjectError, TransientError } from '../../lib/errors.ts';
import type { S3Name } from '../../lib/object/s3-name.ts';
import type { StoredObject } from '../../lib/object/stored.ts';
import { StubAws, type Fault, type StubRequest } from '../support/stub-aws.ts';

const RANGE = 256 * 1024;
const bytes = randomBytes(5 * RANGE);
// Nothing that could be taken for a packed file.
bytes.write('{"', 0);
const THREE = bytes.subarray(0, 2 * RANGE + 100_000);

let stub: StubAws;
/** Takes no busy machine for one that is silent. */
let client: ReturnType<typeof s3Client>;
/** For what is silent for ever. */
let impatient: ReturnType<typeof s3Client>;
const faults = new Map<string, (request: StubRequest) => Fault>();
let count = 0;

beforeAll(async () => {
  stub = await StubAws.start();
  stub.fault = (request) => faults.get(request.target)?.(request) ?? null;
  Object.assign(process.env, stub.environment);
  client = s3Client(1_500);
  impatient = s3Client(500);
});
afterAll(async () => {
  client.destroy();
  impatient.destroy();
  await stub.close();
});

interface Made {
  readonly name: S3Name;
  readonly place: string;
  /** The ranges that were asked for, in order. */
  readonly asked: () => (string | null)[];
}

/** An object with a fault of its own, so that many can be read side by side. */
function made(
  content: Uint8Array,
  fault: (request: StubRequest) => Fault = () => null,
  { ending = '', isVersioned = true } = {},
): Made {
  const key = `log-${(count += 1)}.jsonl${ending}`;
  const place = `inbox/${key}`;
  stub.put(place, content, isVersioned);
  faults.set(place, (request) => (request.action === 's3:GET' ? fault(request) : null));
  const asked = (): (string | null)[] =>
    stub.requests
      .filter(({ action, target }) => action === 's3:GET' && target === place)
      .map(({ range }) => range);
  return { name: { bucket: 'inbox', key }, place, asked };
}

function opened({ name }: Made, rangeBytes = RANGE, by = client): Promise<StoredObject> {
  return s3Object(by, name, { rangeBytes });
}

/** The client for an object that fails so, again and again. */
function clientFor(...faults: readonly Fault[]): typeof client {
  const isSilent = faults.some(
    (of) =>
      of !== null &&
      (('silence' in of && of.silence === 'hang') || ('how' in of && of.how === 'stall')),
  );
  return isSilent ? impatient : client;
}

async function read(object: StoredObject, from = 0): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of object.read(from)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What came before the failure, and the failure. */
async function failing(
  object: StoredObject,
  onChunk: (nth: number) => void = () => undefined,
): Promise<{ readonly before: Buffer; readonly error: unknown }> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of object.read()) onChunk(chunks.push(chunk));
  } catch (error) {
    return { before: Buffer.concat(chunks), error };
  }
  throw new Error('the reading did not fail');
}

function once(place: number, fault: Fault): (request: StubRequest) => Fault {
  let isDone = false;
  return ({ range }) => {
    if (isDone || startOf(range) !== place) return null;
    isDone = true;
    return fault;
  };
}

function startOf(range: string | null): number {
  return Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1]);
}

function rangeOf(start: number, size: number): string {
  const end = Math.min((Math.floor(start / RANGE) + 1) * RANGE, size);
  return `bytes=${start}-${end - 1}`;
}

const EDGES = [0, 1, RANGE - 1, RANGE, RANGE + 1, 2 * RANGE - 1, 2 * RANGE, THREE.length - 1];
const PLACES = [
  ...EDGES,
  ...Array.from({ length: 64 }, (_, index) => Math.floor(((index + 0.5) * THREE.length) / 64)),
];

test.each(['reset', 'end', 'stall'] as const)(
  `a body that breaks off (%s) is asked for again from exactly there, at ${PLACES.length} places`,
  async (how) => {
    for (let first = 0; first < PLACES.length; first += 24)
      await Promise.all(
        PLACES.slice(first, first + 24).map(async (at) => {
          const begin = Math.floor(at / RANGE) * RANGE;
          const object = made(THREE, once(begin, { cutAfter: at - begin, how }));
          expect((await read(await opened(object, RANGE))).equals(THREE)).toBe(true);
          const expected = [0, RANGE, 2 * RANGE, at].map((start) => rangeOf(start, THREE.length));
          expect(object.asked().toSorted(inOrder)).toEqual(expected.toSorted(inOrder));
        }),
      );
  },
);

test.concurrent.each([
  ['503 SlowDown', { status: 503, code: 'SlowDown' }],
  ['500', { status: 500, code: 'InternalError' }],
  ['429', { status: 429, code: 'TooManyRequests' }],
  ['a reset before the answer', { silence: 'reset' }],
  ['no answer', { silence: 'hang' }],
  ['damaged bytes', { checksum: 'wrong' }],
] as const)('%s for some requests, and the bytes are the same', async (_, fault) => {
  for (const times of [1, 2, 5]) {
    let left: number = times;
    const object = made(THREE, () => ((left -= 1) >= 0 ? fault : null));
    expect((await read(await opened(object, RANGE, clientFor(fault)))).equals(THREE)).toBe(true);
  }
});

test('damaged bytes of a whole answer are asked for again, all of them', async () => {
  stub.ignoresRanges = true;
  let left = 2;
  const object = made(THREE, () => ((left -= 1) >= 0 ? { checksum: 'wrong' } : null));
  expect((await read(await opened(object))).equals(THREE)).toBe(true);
  stub.ignoresRanges = false;
});

describe.each([false, true])('where ranges are ignored: %s', (ignoresRanges) => {
  beforeAll(() => {
    stub.ignoresRanges = ignoresRanges;
  });
  afterAll(() => {
    stub.ignoresRanges = false;
  });
  test.concurrent.each([
    ['503 SlowDown', { status: 503, code: 'SlowDown' }, /SlowDown/],
    ['500', { status: 500, code: 'InternalError' }, /InternalError/],
    ['a reset before the answer', { silence: 'reset' }, /S3 failed/],
    ['no answer', { silence: 'hang' }, /S3 failed/],
    ['a body that stalls', { cutAfter: 0, how: 'stall' }, /S3 failed/],
    ['a body that is reset', { cutAfter: 0, how: 'reset' }, /S3 failed/],
    ['damaged bytes', { checksum: 'wrong' }, /S3 failed/],
    ['403', { status: 403, code: 'AccessDenied' }, /GetObject, s3:GetObjectVersion and s3:ListB/],
  ] as const)(
    '%s for ever ends in a TransientError after a bounded number of requests',
    async (_, fault, message) => {
      const from = ignoresRanges ? 0 : RANGE;
      const object = made(THREE, ({ range }) => (startOf(range) >= from ? fault : null));
      const { before, error } = await failing(await opened(object, RANGE, clientFor(fault)));
      expect(error).toBeInstanceOf(TransientError);
      expect(error).toHaveProperty('message', expect.stringMatching(message));
      expect(before.equals(THREE.subarray(0, from))).toBe(true);
      expect(object.asked().length).toBeLessThanOrEqual(25);
    },
  );
});

test.each([`bytes 0-99/${THREE.length}`, `bytes 0-${RANGE - 1}/${THREE.length + 1}`, 'bytes */9'])(
  'an answer with the Content-Range %s is not taken',
  async (contentRange) => {
    const { before, error } = await failing(await opened(made(THREE, () => ({ contentRange }))));
    expect(error).toBeInstanceOf(TransientError);
    expect(before).toHaveLength(0);
    await vi.waitFor(() => expect(stub.open).toBe(0));
  },
);

test.each([
  [
    'overwritten',
    (place: string): void => void stub.put(place, bytes, false),
    'OBJECT_OVERWRITTEN',
  ],
  ['deleted', (place: string): void => void stub.objects.delete(place), 'OBJECT_GONE'],
] as const)(
  'an object without versions that is %s between two requests is not read on',
  async (_, change, code) => {
    for (const at of [1, 2]) {
      const object = made(THREE, undefined, { isVersioned: false });
      const { before, error } = await failing(await opened(object), (nth) => {
        if (nth === at) change(object.place);
      });
      expect(error).toMatchObject({ name: 'PoisonObjectError', code });
      // One range is fetched ahead.
      expect([at * RANGE, (at + 1) * RANGE, THREE.length]).toContain(before.length);
      expect(THREE.subarray(0, before.length).equals(before)).toBe(true);
    }
  },
);

test('what is gone before it is opened is poison', async () => {
  const object = made(THREE);
  stub.objects.delete(object.place);
  await expect(opened(object)).rejects.toThrow(PoisonObjectError);
});

test('a version is read as it was, whatever is put over it', async () => {
  const object = made(THREE);
  const stored = await opened(object);
  stub.put(object.place, bytes);
  expect((await read(stored)).equals(THREE)).toBe(true);
  expect(stored.identity()).toMatchObject({ bytes: THREE.length, sha256: sha256(THREE) });
  expect(stored.uri).toMatch(/\?versionId=[-0-9a-f]{36}$/);
});

test('the version "null" can be overwritten: its ETag is held on to', async () => {
  const object = made(THREE, undefined, { isVersioned: false });
  const [first] = stub.objects.get(object.place) ?? [];
  if (first === undefined) throw new Error('no object');
  stub.objects.set(object.place, [{ ...first, versionId: 'null' }]);
  const stored = await opened(object);
  expect(stored.uri).toBe(`s3://inbox/${object.name.key}?etag=${first.etag.replaceAll('"', '')}`);
  expect((await read(stored)).equals(THREE)).toBe(true);
  // A version put over it does not hide it …
  stub.put(object.place, bytes);
  const named = await s3Object(client, { ...object.name, versionId: 'null' });
  expect((await read(named)).equals(THREE)).toBe(true);
  // … but another "null" does.
  stub.objects.set(object.place, [{ ...first, bytes, etag: '"other"', versionId: 'null' }]);
  await expect(read(stored)).rejects.toMatchObject({ code: 'OBJECT_OVERWRITTEN' });
});

test('an empty object has no bytes and costs no GET', async () => {
  const object = made(Buffer.alloc(0));
  const stored = await opened(object);
  expect(await read(stored)).toHaveLength(0);
  expect(object.asked()).toEqual([]);
  expect(stored.identity()).toMatchObject({ bytes: 0, sha256: sha256(Buffer.alloc(0)) });
});

test.each(['', '.gz'])('a reading from any byte on gives the tail (%s)', async (ending) => {
  // Half of it packs, so that a place in the log is none in the object.
  const log = Buffer.concat([THREE, Buffer.alloc(300_000, '{"a":1}\n')]);
  const object = made(ending === '' ? log : gzipSync(log), undefined, { ending });
  const stored = await opened(object);
  const steps = Array.from({ length: 40 }, (_, index) => Math.floor((index * log.length) / 39));
  for (const from of [...EDGES, ...steps])
    expect((await read(stored, from)).equals(log.subarray(from))).toBe(true);
});

test.each([
  ['InvalidObjectState', 403],
  ['KMS.NotFoundException', 400],
])('what S3 refuses for good (%s) is poison, in S3’s own word', async (code, status) => {
  const { error } = await failing(await opened(made(THREE, () => ({ status, code }))));
  const message = expect.stringContaining(code) as unknown;
  expect(error).toMatchObject({ name: 'PoisonObjectError', code: 'OBJECT_UNREADABLE', message });
});

test.each(['', '.gz'])('who stops reading leaves no request behind (%s)', async (ending) => {
  const unhurried = s3Client(60_000);
  const content = ending === '' ? THREE : gzipSync(THREE);
  // Of a gzip log one range unpacks to less than a chunk.
  const hanging = ending === '' ? RANGE : 2 * RANGE;
  const object = made(content, once(hanging, { silence: 'hang' }), { ending });
  const stored = await opened(object, RANGE, unhurried);
  for await (const chunk of stored.read()) {
    expect(chunk.length).toBeGreaterThan(0);
    await vi.waitFor(() => expect(stub.open).toBe(1));
    break;
  }
  await vi.waitFor(() => expect(stub.open).toBe(0));
  unhurried.destroy();
});

test('at most two ranges are on their way or held, however slow the reader', async () => {
  let most = 0;
  const object = made(bytes, () => {
    most = Math.max(most, stub.open);
    return null;
  });
  let read = 0;
  for await (const chunk of (await opened(object, RANGE)).read()) {
    await pause(20);
    read += chunk.length;
    expect(object.asked().length).toBeLessThanOrEqual(Math.ceil(read / RANGE) + 1);
  }
  // The one that has just ended may still be counted.
  expect(most).toBeLessThanOrEqual(2);
});

test('any size, any ranges and any breaks give the same bytes, twice', async () => {
  const broken = fc.record({
    cutAfter: fc.nat(2 * RANGE),
    how: fc.constantFrom('reset', 'end', 'end', 'end', 'stall'),
  });
  const fault = fc.oneof(fc.constant(null), broken);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(bytes.length),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fault, { maxLength: 5 }),
      async (size, ranges, list) => {
        const content = bytes.subarray(0, size);
        const left = [...list] as Fault[];
        const object = made(content, () => left.shift() ?? null);
        const stored = await opened(object, ranges * RANGE, clientFor(...list));
        expect((await read(stored)).equals(content)).toBe(true);
        expect((await read(stored)).equals(content)).toBe(true);
        expect(stored.identity()).toMatchObject({ bytes: size, sha256: sha256(content) });
      },
    ),
    { numRuns: 60 },
  );
});

function inOrder(a: string | null, b: string | null): number {
  return startOf(a) - startOf(b);
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

test('what has been read is not held on to while the rest is read', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const settled = async (): Promise<number> => {
    // Sockets let go of their last buffers a turn later.
    await pause(20);
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const size = 48 * 1024 * 1024;
  stub.put('b/large.jsonl', Buffer.alloc(size, '{'));
  const object = await s3Object(client, { bucket: 'b', key: 'large.jsonl' }, { rangeBytes: RANGE });
  const before = await settled();
  let read = 0;
  let held = 0;
  for await (const chunk of object.read()) {
    read += chunk.length;
    if (read === size) held = (await settled()) - before;
  }
  expect(read).toBe(size);
  expect(held).toBeLessThan(size / 2);
});
