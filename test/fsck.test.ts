import { createHash, randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isReceiptKey } from '../lib/aws/bucket-receipts.ts';
import { fsck, nothingExamined, type FsckSource, type Loss } from '../lib/fsck.ts';
import { localArchive } from '../lib/local/log-archive.ts';
import { isReceiptFile } from '../lib/local/receipts.ts';
import { tlogFolder } from '../lib/local/tlog-folder.ts';
import { append } from '../lib/tlog/append.ts';
import { atDepth } from './support/depth.ts';
import { MemoryTlog, testSigner } from './support/memory-tlog.ts';

/** Signs no log itself: each has a signer of the same key. */
const signer = testSigner();
const now = (): Date => new Date();
let folder: string;

/** Everything that fsck looks at, in memory: `tlog/…`, `receipts/…`, `logs/…`. */
type World = Map<string, Buffer>;

const shaOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** A log of so many receipts, in several batches, and the checkpoints that it had. */
async function worldOf(count: number): Promise<{ world: World; checkpoints: Buffer[] }> {
  const tlog = new MemoryTlog();
  const world: World = new Map();
  const checkpoints: Buffer[] = [];
  const mine = signer.fork();
  // A heartbeat first.
  await append(tlog.store(), mine, { now });
  for (let at = 0; at < count; at += 1) {
    const log = Buffer.from(`log ${at}\n`);
    const accepted = at % 5 === 0 ? 0 : 1;
    const receipt = {
      type: 'receipt',
      object: `s3://b/${at}?versionId=v`,
      accepted,
      sha256: shaOf(log),
    };
    const bytes = Buffer.from(JSON.stringify(receipt));
    world.set(`receipts/b/${at}@v.json`, bytes);
    if (accepted > 0) world.set(`logs/${shaOf(log)}`, log);
    tlog.submit(bytes.toString());
    if (at % 100 !== 99 && at !== count - 1) continue;
    await append(tlog.store(), mine, { now });
    checkpoints.push(tlog.checkpointBytes() ?? Buffer.alloc(0));
  }
  for (const [path, bytes] of tlog.files) world.set(`tlog/${path}`, bytes);
  world.set('tlog/checkpoint', checkpoints.at(-1) ?? Buffer.alloc(0));
  return { world, checkpoints };
}

function sourceOf(world: World): FsckSource {
  const read = (path: string): Promise<Buffer | null> =>
    Promise.resolve(world.get(`tlog/${path}`) ?? null);
  return {
    key: signer.key,
    store: {
      read,
      async checkpoint() {
        const bytes = await read('checkpoint');
        return bytes === null ? null : { bytes, tag: '', time: new Date() };
      },
    },
    async *receipts() {
      for (const [name, bytes] of world) if (name.startsWith('receipts/')) yield { name, bytes };
    },
    isReceiptName: isReceiptKey,
    archive: {
      open(sha256) {
        const bytes = world.get(`logs/${sha256}`);
        if (bytes === undefined) return Promise.resolve(null);
        const refuse = (): never => {
          throw new Error('only its stored bytes are read');
        };
        return Promise.resolve({
          name: sha256,
          origin: { pipe: sha256 },
          uri: null,
          bytes: bytes.length,
          address: 'file:///a',
          read: refuse,
          resumedHash: refuse,
          identity: refuse,
          async *stored() {
            yield bytes;
          },
        });
      },
    },
  };
}

async function lossesIn(source: FsckSource, examined = nothingExamined()): Promise<Loss[]> {
  const losses: Loss[] = [];
  for await (const loss of fsck(source, examined)) losses.push(loss);
  return losses;
}

let small: Awaited<ReturnType<typeof worldOf>>;
let large: Awaited<ReturnType<typeof worldOf>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'custody-fsck-'));
  small = await worldOf(12);
  large = await worldOf(600);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a log that nobody touched has no loss, of whatever size', async () => {
  const examined = nothingExamined();
  expect(await lossesIn(sourceOf(large.world), examined)).toEqual([]);
  expect(examined).toMatchObject({ leaves: 601, heartbeats: 1, receipts: 600, logs: 480 });
  for (let round = 0; round < atDepth(100); round += 1)
    expect(await lossesIn(sourceOf((await worldOf(1 + randomInt(30))).world))).toEqual([]);
});

/** Something of what has to be there is deleted, cut, swapped with another or replaced; its name, and how. */
function damage(world: World, checkpoints: readonly Buffer[]): string {
  // What came before: partial tiles, and what was settled to follow, are of use no more.
  const size = Number(String(world.get('tlog/checkpoint')).split('\n')[1]);
  const isNeeded = (name: string): boolean => {
    if (name.startsWith('tlog/next/')) return false;
    const [, level, index = '', width] =
      /^tlog\/tile\/(\w+)\/(\d+)(?:\.p\/(\d+))?$/.exec(name) ?? [];
    if (level === undefined || width === undefined) return true;
    const count = Math.floor(size / (level === 'entries' ? 1 : 256 ** Number(level)));
    return Number(index) * 256 + Number(width) === count;
  };
  const names = [...world.keys()].filter(isNeeded);
  const kind =
    ['receipts/', 'logs/', 'tlog/tile/', 'tlog/at/', 'tlog/checkpoint'][randomInt(5)] ?? '';
  const some = names.filter((name) => name.startsWith(kind));
  const name = some[randomInt(some.length)] ?? '';
  const bytes = world.get(name) ?? Buffer.alloc(0);
  const other = names[randomInt(names.length)] ?? '';
  const otherBytes = world.get(other) ?? Buffer.alloc(0);
  switch (randomInt(5)) {
    case 0:
      world.delete(name);
      return `${name} deleted`;
    case 1:
      world.set(name, bytes.subarray(0, randomInt(bytes.length)));
      return `${name} cut`;
    case 2:
      if (otherBytes.equals(bytes)) return damage(world, checkpoints);
      world.set(name, otherBytes);
      world.set(other, bytes);
      return `${name} swapped with ${other}`;
    case 3: {
      if (name === 'tlog/checkpoint' && checkpoints.length > 1) {
        world.set(name, checkpoints[randomInt(checkpoints.length - 1)] ?? bytes);
        return `${name} set back`;
      }
      world.set(name, randomBytes(bytes.length));
      return `${name} replaced`;
    }
    default: {
      const changed = Buffer.from(bytes);
      const at = randomInt(changed.length);
      changed[at] = (changed[at] ?? 0) ^ (1 << randomInt(8));
      world.set(name, changed);
      return `${name} changed at ${at}`;
    }
  }
}

test('whatever is deleted, cut, swapped, set back or replaced is found', async () => {
  const missed: string[] = [];
  // Now and then on a log of several tiles.
  for (let round = 0; round < atDepth(5_000); round += 1) {
    const { world, checkpoints } = round % 250 === 0 ? large : small;
    const touched: World = new Map(world);
    const what = damage(touched, checkpoints);
    if ((await lossesIn(sourceOf(touched))).length === 0) missed.push(what);
  }
  expect(missed).toEqual([]);
});

test.each([
  ['tlog/checkpoint', 'checkpoint', 'it is missing: nothing says what the log is'],
  ['tlog/tile/0/000', 'tile/0/000', 'it is missing'],
  ['tlog/tile/entries/001', 'tile/entries/001', 'it is missing, with 256 entries'],
  ['receipts/b/7@v.json', 'leaf', 'the receipt of s3://b/7?versionId=v, SHA-256'],
  [`logs/${shaOf(Buffer.from('log 7\n'))}`, 'logs/', 'the archived log is missing'],
])('%s deleted is named', async (name, path, problem) => {
  const world = new Map(large.world);
  world.delete(name);
  const losses = await lossesIn(sourceOf(world));
  expect(
    losses.some((loss) => loss.path.startsWith(path) && loss.problem.startsWith(problem)),
  ).toBe(true);
});

test('a receipt that was slipped in, and a leaf that is none, are named', async () => {
  const world = new Map(small.world);
  world.set('receipts/b/forged@v.json', Buffer.from('{}'));
  expect(await lossesIn(sourceOf(world))).toEqual([
    { path: 'receipts/b/forged@v.json', problem: 'it is not in the log, and does not wait either' },
  ]);
});

test('a receipt that waits is no loss, and one that the index names beyond the end is', async () => {
  const world = new Map(small.world);
  const bytes = Buffer.from(
    JSON.stringify({ object: 's3://b/new?versionId=v', accepted: 0, sha256: null }),
  );
  world.set('receipts/b/new@v.json', bytes);
  world.set(`tlog/pending/${shaOf(bytes)}`, bytes);
  expect(await lossesIn(sourceOf(world))).toEqual([]);
  world.delete(`tlog/pending/${shaOf(bytes)}`);
  world.set(`tlog/at/${shaOf(bytes)}`, Buffer.from('{"index":13}\n'));
  expect(await lossesIn(sourceOf(world))).toEqual([
    { path: 'checkpoint', problem: 'it was set back to 13 leaves: the log has had a leaf 13' },
  ]);
});

test('a log in a folder is derived from its files', async () => {
  const store = tlogFolder(join(folder, 'log'));
  const sha256 = shaOf(Buffer.from('log'));
  const object = `file:///home/bucket/b/a?sha256=${sha256}`;
  const receipt = Buffer.from(JSON.stringify({ object, accepted: 1, sha256 }));
  await store.submit(receipt);
  await store.submit(receipt);
  expect(await append(store, signer, { now })).toMatchObject({ size: 1, leaves: 1 });
  expect(await append(store, signer, { now })).toMatchObject({ size: 1, leaves: 0 });
  await writeFile(join(folder, sha256), 'log');
  const source: FsckSource = {
    store,
    key: signer.key,
    async *receipts() {
      yield { name: `b/a@${sha256}.json`, bytes: receipt };
    },
    isReceiptName: isReceiptFile,
    archive: localArchive(folder),
  };
  expect(await lossesIn(source)).toEqual([]);
  await writeFile(join(folder, sha256), 'other');
  expect(await lossesIn(source)).toMatchObject([{ problem: 'the archived log has other bytes' }]);
  await writeFile(join(folder, 'log/tile/0/000.p/1'), randomBytes(32));
  expect(await lossesIn(source)).toHaveLength(2);
});
