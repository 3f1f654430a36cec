import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { bucketArchive } from '../../lib/aws/log-archive.ts';
import { s3Client, s3Object } from '../../lib/aws/s3-object.ts';
import type { Archive } from '../../lib/ingest/archive.ts';
import type { StoredObject } from '../../lib/object/stored.ts';
import { StubAws, type Fault } from '../support/stub-aws.ts';

const BYTES = randomBytes(2_500);
BYTES.write('{"', 0);
const SHA = createHash('sha256').update(BYTES).digest('hex');
const NAME = { log: SHA, parked: null };
/** Three parts, the last of them short. */
const IN_PARTS = { copyLimits: { wholeBytes: 2_000, partBytes: 1_000 } };

let stub: StubAws;
let client: ReturnType<typeof s3Client>;
let archive: Archive;
beforeAll(async () => {
  stub = await StubAws.start();
  Object.assign(process.env, stub.environment);
  client = s3Client(500);
  archive = bucketArchive(client, 'evidence');
});
beforeEach(() => {
  stub.fault = () => null;
  stub.objects.clear();
  stub.uploads.clear();
  stub.requests.length = 0;
});
afterAll(async () => {
  client.destroy();
  await stub.close();
});

async function read(object: StoredObject): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of object.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A log that has been verified to its end. */
async function verified(options = {}, isVersioned = true): Promise<StoredObject> {
  const versionId = stub.put('inbox/a+b ü.jsonl', BYTES, isVersioned);
  const version = versionId === null ? {} : { versionId };
  const object = await s3Object(
    client,
    { bucket: 'inbox', key: 'a+b ü.jsonl', ...version },
    options,
  );
  await read(object);
  return object;
}

const put = (object: StoredObject): Promise<string | null> =>
  archive.put(object, object.identity(), { name: NAME, text: 'judged', tree: null });

const archived = (): (Buffer | undefined)[] =>
  (stub.objects.get(`evidence/logs/${SHA}`) ?? []).map(({ bytes }) => bytes);

test.each([
  ['in one request', {}, true],
  ['in one request, from a bucket without versions', {}, false],
  ['in parts', IN_PARTS, true],
] as const)(
  'S3 copies a log %s, no byte of it passes through here, and it is read by its version',
  async (_, options, isVersioned) => {
    const object = await verified(options, isVersioned);
    stub.requests.length = 0;
    const version = await put(object);
    expect(stub.requests.some(({ action }) => action === 's3:GET')).toBe(false);
    expect(archived()).toEqual([BYTES]);
    expect(stub.uploads.size).toBe(0);
    // Whatever is put over it.
    stub.put(`evidence/logs/${SHA}`, 'other');
    const opened = await archive.open(SHA, version);
    expect((opened === null ? null : await read(opened))?.equals(BYTES)).toBe(true);
    expect(await archive.verdict(NAME)).toBe('judged');
  },
);

test.each([{}, IN_PARTS])('a log that is archived is not copied again (%o)', async (options) => {
  const object = await verified(options);
  const version = await put(object);
  stub.requests.length = 0;
  expect(await put(object)).toBe(version);
  expect(stub.requests.filter(({ action }) => /COPY|POST/.test(action))).toEqual([]);
});

const FAULTS: readonly Fault[] = [
  { status: 503, code: 'SlowDown' },
  { status: 500, code: 'InternalError' },
  { status: 403, code: 'AccessDenied' },
  { status: 409, code: 'ConditionalRequestConflict' },
  { silence: 'reset' },
  { silence: 'hang' },
  { lost: 'answer' },
];
const STEPS = [
  ['s3:HEAD', {}],
  ['s3:COPY', {}],
  ['s3:PUT', {}],
  ['s3:POST', IN_PARTS],
  ['s3:COPY', IN_PARTS],
] as const;

test.each(
  STEPS.flatMap(([action, options]) => FAULTS.map((fault) => ({ action, options, fault }))),
)(
  'a fault at $action, once or for a whole delivery, ends with one whole copy ($fault)',
  async ({ action, options, fault }) => {
    for (const times of [1, 4]) {
      stub.objects.clear();
      const object = await verified(options);
      let left = times;
      stub.fault = (request) => (request.action === action && (left -= 1) >= 0 ? fault : null);
      const first = await put(object).catch((error: unknown) => error);
      // Nothing but a failure that is tried again, or the version.
      if (first instanceof Error) expect(first).toMatchObject({ name: 'TransientError' });
      stub.fault = () => null;
      await put(object);
      expect(archived().at(-1)?.equals(BYTES)).toBe(true);
      expect(archived()).toHaveLength(1);
      expect(await archive.verdict(NAME)).toBe('judged');
    }
  },
);

test('of a copy whose answer names no checksum it is asked for', async () => {
  const object = await verified();
  stub.fault = ({ action }) => (action === 's3:COPY' ? { checksum: 'unsaid' } : null);
  const version = await put(object);
  expect(archived()).toEqual([BYTES]);
  expect(await archive.open(SHA, version)).not.toBeNull();
});

test('a part that was copied wrong is never put together, and its upload is given up', async () => {
  const object = await verified(IN_PARTS);
  stub.fault = ({ action, nth }) =>
    action === 's3:COPY' && nth % 3 === 1 ? { checksum: 'wrong' } : null;
  await expect(put(object)).rejects.toMatchObject({ code: 'OBJECT_CHANGED' });
  expect(archived()).toEqual([]);
  expect(stub.uploads.size).toBe(0);
});

test.each([{}, IN_PARTS])(
  'another content under the log’s name is never taken for it (%o)',
  async (options) => {
    const object = await verified(options);
    stub.put(`evidence/logs/${SHA}`, 'other');
    await expect(put(object)).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED' });
  },
);

test.each([
  ['deleted', 'OBJECT_GONE', () => stub.objects.delete('inbox/a+b ü.jsonl')],
  ['overwritten', 'OBJECT_OVERWRITTEN', () => stub.put('inbox/a+b ü.jsonl', 'x', false)],
] as const)(
  'an object that was %s before it was archived is not archived',
  async (_, code, change) => {
    for (const options of [{}, IN_PARTS]) {
      const object = await verified(options, false);
      change();
      await expect(put(object)).rejects.toMatchObject({ name: 'PoisonObjectError', code });
      expect(archived()).toEqual([]);
    }
  },
);

test('what was never archived is not there', async () => {
  expect(await archive.open(SHA)).toBeNull();
  expect(await archive.verdict(NAME)).toBeNull();
});
