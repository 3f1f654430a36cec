import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { s3Client } from '../../lib/aws/s3-object.ts';
import { tlogBucket } from '../../lib/aws/tlog-bucket.ts';
import { append } from '../../lib/tlog/append.ts';
import { keepTlog } from '../../lib/tlog/keep.ts';
import type { TlogStore } from '../../lib/tlog/store.ts';
import { someOf } from '../support/depth.ts';
import { MemoryTlog, testSigner, wrongIn } from '../support/memory-tlog.ts';
import { StubAws, type Fault } from '../support/stub-aws.ts';

const now = (): Date => new Date();
let stub: StubAws;
let client: ReturnType<typeof s3Client>;
let store: TlogStore;

beforeAll(async () => {
  stub = await StubAws.start();
  Object.assign(process.env, stub.environment);
  client = s3Client(1_000);
  store = tlogBucket(client, 'evidence');
});
beforeEach(() => {
  stub.fault = () => null;
  stub.requests.length = 0;
  stub.objects.clear();
});
afterAll(async () => {
  client.destroy();
  await stub.close();
});

function submit(leaf: string): void {
  const sha256 = createHash('sha256').update(leaf).digest('hex');
  stub.put(`evidence/tlog/pending/${sha256}`, leaf);
}

/** What lies in the bucket, for the checker; each but the checkpoint was put once. */
function lying(): MemoryTlog {
  const tlog = new MemoryTlog();
  for (const [place, versions] of stub.objects) {
    const path = place.replace('evidence/tlog/', '');
    const bytes = versions.at(-1)?.bytes ?? Buffer.alloc(0);
    if (path === 'checkpoint') tlog.setCheckpoint(bytes);
    else tlog.files.set(path, bytes);
    if (path !== 'checkpoint' && versions.length > 1) throw new Error(`${path} was put twice`);
  }
  return tlog;
}

test('a log in a bucket grows by what waits', async () => {
  const signer = testSigner();
  for (const leaves of [['a'], ['b', 'c']]) {
    for (const leaf of leaves) submit(leaf);
    const kept = await keepTlog(store, signer, { now });
    expect(kept).toMatchObject({ appended: { leaves: leaves.length }, problems: [] });
  }
  expect(wrongIn(lying(), signer, ['a', 'b', 'c'])).toEqual([]);
  stub.requests.length = 0;
  await append(store, signer, { now });
  expect(stub.requests.map(({ action }) => action)).toEqual(['s3:GET', 's3:GET']);
});

test.each([
  { silence: 'reset' },
  { status: 503, code: 'SlowDown' },
  { status: 409, code: 'ConditionalRequestConflict' },
  { lost: 'answer' },
] as const satisfies readonly Fault[])(
  'whichever request fails with %o, once or for good, the log is true, and the next look finishes it',
  async (fault) => {
    for (const nth of someOf(Array.from({ length: 13 }, (_, at) => at))) {
      stub.objects.clear();
      const signer = testSigner();
      submit('a');
      await append(store, signer, { now });
      submit('b');
      const before = stub.requests.length;
      // The client asks three times; every other round it has no luck at all.
      stub.fault = () => {
        const mine = stub.requests.length - 1 - before;
        return mine === nth || (nth % 2 === 1 && mine > nth) ? fault : null;
      };
      await append(store, signer, { now }).catch(() => null);
      stub.fault = () => null;
      expect(wrongIn(lying(), signer, ['a', 'b'])).toEqual([]);
      await append(store, signer, { now });
      const finished = await append(store, signer, { now });
      expect(finished).toMatchObject({ size: 2, isMore: false });
      expect(wrongIn(lying(), signer, ['a', 'b'])).toEqual([]);
    }
  },
);
