import { expect, test } from 'vitest';
import { append } from '../../lib/tlog/append.ts';
import { atPath } from '../../lib/tlog/store.ts';
import { atDepth, DEPTH } from '../support/depth.ts';
import { MemoryTlog, testSigner, wrongIn, type Fault } from '../support/memory-tlog.ts';

const now = (): Date => new Date();

function leavesOf(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, at) => `{"leaf":${from + at}}\n`);
}

/** A log that has so many leaves already. */
async function logOf(
  count: number,
): Promise<{ tlog: MemoryTlog; signer: ReturnType<typeof testSigner> }> {
  const [tlog, signer] = [new MemoryTlog(), testSigner()];
  for (const leaf of leavesOf(count)) tlog.submit(leaf);
  if (count > 0) await append(tlog.store(), signer, { now });
  tlog.requests = [];
  return { tlog, signer };
}

function indexed(tlog: MemoryTlog): number {
  return [...tlog.files.keys()].filter((path) => path.startsWith(atPath(''))).length;
}

test.each([
  // The checkpoint, what waits, the leaf, whether it is known, what comes next, two tiles, the checkpoint, its index, away.
  [0, 1, 10],
  // Each further leaf is read, looked up, indexed and taken away.
  [0, 5, 26],
  // A log that has leaves already is read at its end: an unfinished bundle and tile, and whether its last leaf is indexed.
  [3, 1, 13],
  [3, 5, 29],
  // The last bundle is full, and the tile above it unfinished; that one stays as it is.
  [256, 1, 13],
  // A full tile is finished, and one begun: two bundles and three tiles more.
  [255, 5, 32],
])('to a log of %i leaves %i more are %i requests', async (before, count, requests) => {
  const { tlog, signer } = await logOf(before);
  for (const leaf of leavesOf(count, before)) tlog.submit(leaf);
  const appended = await append(tlog.store(), signer, { now });
  expect(appended).toMatchObject({ size: before + count, leaves: count, isMore: false });
  expect(tlog.requests).toHaveLength(requests);
});

test('where nothing waits a look is two requests, and changes nothing', async () => {
  const { tlog, signer } = await logOf(3);
  expect(await append(tlog.store(), signer, { now })).toMatchObject({
    size: 3,
    leaves: 0,
    heartbeats: 0,
  });
  expect(tlog.requests).toEqual(['read checkpoint', 'list pending']);
});

test('an empty log begins with a heartbeat, and has one for each hour in which nothing came', async () => {
  const [tlog, signer] = [new MemoryTlog(), testSigner()];
  let hours = 0;
  const clock = (): Date => new Date(Date.now() + hours * 3_600_000);
  const sizes: number[] = [];
  for (const hour of [0, 0.5, 1, 1.5]) {
    hours = hour;
    const { size } = await append(tlog.store(), signer, { now: clock });
    sizes.push(size);
    if (size > (sizes.at(-2) ?? 0)) tlog.setCheckpoint(tlog.checkpointBytes(), clock());
  }
  expect(sizes).toEqual([1, 1, 2, 2]);
  expect(wrongIn(tlog, signer, [])).toEqual([]);
});

test('a heartbeat comes also where all that waits is in the log already', async () => {
  const { tlog, signer } = await logOf(3);
  tlog.setCheckpoint(tlog.checkpointBytes(), new Date(Date.now() - 3_600_000));
  tlog.submit('{"leaf":1}\n');
  const appended = await append(tlog.store(), signer, { now });
  expect(appended).toMatchObject({ size: 4, leaves: 0, known: 1, heartbeats: 1 });
  expect(wrongIn(tlog, signer, leavesOf(3))).toEqual([]);
});

test('more leaves than a batch holds come in several, each under its own checkpoint', async () => {
  const [tlog, signer] = [new MemoryTlog(), testSigner()];
  const leaves = leavesOf(600);
  for (const leaf of leaves) tlog.submit(leaf);
  expect(await append(tlog.store(), signer, { now })).toMatchObject({ size: 600, leaves: 600 });
  expect([...signer.roots.keys()]).toEqual([256, 512, 600]);
  expect(wrongIn(tlog, signer, leaves)).toEqual([]);
  expect(indexed(tlog)).toBe(600);
});

test('a leaf that comes again is in the log once, and what is no leaf is told', async () => {
  const { tlog, signer } = await logOf(3);
  tlog.submit('{"leaf":1}\n');
  tlog.files.set('pending/abc', Buffer.from('forged'));
  expect(await append(tlog.store(), signer, { now })).toMatchObject({
    size: 3,
    known: 1,
    refused: ['pending/abc'],
  });
  expect([...tlog.files.keys()].filter((path) => path.startsWith('pending/'))).toEqual([]);
  expect(wrongIn(tlog, signer, leavesOf(3))).toEqual([]);
});

describeFaults('effect-lost');
describeFaults('reply-lost');

function describeFaults(fault: Fault): void {
  test.each([
    [0, 3],
    [3, 4],
    [254, 3],
    [256, 2],
  ])(
    `an appender that is killed at any request (${fault}), to a log of %i with %i waiting, leaves a true log, and the next one finishes it`,
    async (before, count) => {
      const { tlog: base, signer } = await logOf(before);
      const more = leavesOf(count, before);
      const all = [...leavesOf(before), ...more];
      for (let at = 0; ; at += DEPTH === 'full' || before < 10 ? 1 : 3) {
        const tlog = base.copy();
        for (const leaf of more) tlog.submit(leaf);
        const mine = signer.fork();
        const outcome = await append(tlog.store({ at, fault }), mine, { now }).catch(() => null);
        expect(wrongIn(tlog, signer, all), `killed at ${at}`).toEqual([]);
        const late = `{"leaf":"late ${at}"}\n`;
        tlog.submit(late);
        // The tree that the killed one may have signed is the one that is made.
        await append(tlog.store(), mine, { now });
        const finished = await append(tlog.store(), mine, { now });
        expect(wrongIn(tlog, signer, [...all, late])).toEqual([]);
        expect(finished).toMatchObject({ size: before + count + 1, isMore: false });
        expect(indexed(tlog)).toBe(before + count + 1);
        if (outcome !== null) break;
      }
    },
  );
}

test('several appenders at once, each killed anywhere, make one log with each leaf once', async () => {
  for (let round = 0; round < atDepth(100); round += 1) {
    const [tlog, signer] = [new MemoryTlog(), testSigner()];
    const all: string[] = [];
    for (let wave = 0; wave < 5; wave += 1) {
      const fresh = leavesOf(1 + Math.floor(Math.random() * 80), all.length);
      all.push(...fresh);
      for (const leaf of fresh) tlog.submit(leaf);
      await Promise.all(
        [0, 1, 2].map(async () => {
          const at = Math.floor(Math.random() * 200);
          const fault = Math.random() < 0.5 ? 'effect-lost' : 'reply-lost';
          await append(tlog.store({ at, fault }), signer, { now }).catch(() => null);
        }),
      );
      expect(wrongIn(tlog, signer, all)).toEqual([]);
    }
    for (let more = true; more;) more = (await append(tlog.store(), signer, { now })).isMore;
    expect(wrongIn(tlog, signer, all)).toEqual([]);
    expect(indexed(tlog)).toBe(all.length);
  }
});

test('a checkpoint that was deleted or set back is grown to the same trees again, and to no other', async () => {
  const { tlog, signer } = await logOf(3);
  const before = tlog.checkpointBytes();
  for (const leaf of leavesOf(4, 3)) tlog.submit(leaf);
  await append(tlog.store(), signer, { now });
  for (const lost of [null, before]) {
    tlog.setCheckpoint(lost);
    tlog.submit(`{"leaf":"after ${String(lost?.length)}"}\n`);
    for (let more = true; more;) more = (await append(tlog.store(), signer, { now })).isMore;
    expect(wrongIn(tlog, signer, leavesOf(7))).toEqual([]);
  }
  expect(signer.roots.size).toBe(4);
});

test.each(['tile/0/000.p/3', 'tile/entries/000.p/3', 'at/', 'checkpoint'])(
  'nothing is signed where %s is not what was signed',
  async (path) => {
    const { tlog, signer } = await logOf(3);
    tlog.submit('{"leaf":3}\n');
    const names = [...tlog.files.keys()].filter((name) => name.startsWith(path));
    for (const name of names) {
      const bytes = Buffer.from(tlog.files.get(name) ?? '');
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      tlog.files.set(name, bytes);
    }
    if (path === 'checkpoint')
      tlog.setCheckpoint(Buffer.from(String(tlog.checkpointBytes()).replace('\n3\n', '\n2\n')));
    if (path === 'at/') {
      // Where the last of them is missing all of them are written again, and have to be the same.
      const [last = ''] = names.filter((name) => String(tlog.files.get(name)).includes('2'));
      tlog.files.delete(last);
    }
    await expect(append(tlog.store(), signer, { now })).rejects.toMatchObject({
      code: 'TLOG_DAMAGED',
    });
    expect([...signer.roots.keys()]).toEqual([3]);
  },
);
