import { checkpointText, type Checkpoint } from './checkpoint.ts';
import { signatureLine } from './note.ts';
import { damaged, readGrowth, readHead, type Growth, type Head } from './open-tlog.ts';
import { sideBySide } from './side-by-side.ts';
import type { TlogSigner } from './signer.ts';
import {
  atPath,
  atText,
  MAX_BATCH,
  nextPath,
  pendingPath,
  shaOf,
  type TlogStore,
} from './store.ts';
import {
  bundleOf,
  edgeTiles,
  entriesOf,
  MAX_ENTRY_BYTES,
  TILE_WIDTH,
  tilePath,
  type MadeTile,
} from './tiles.ts';
import { leafHash } from './tree.ts';

/**
 * A checkpoint older than this is followed by one over a heartbeat, where nothing else came: with a look
 * a minute there is one an hour.
 */
const HEARTBEAT_MS = 59 * 60_000;

/** What appending takes. */
export interface AppendOptions {
  readonly now: () => Date;
  /** Then no further batch is begun. */
  readonly isTimeUp?: () => boolean;
}

/** What became of the leaves that waited. */
export interface Appended {
  /** Of the log, afterwards. */
  readonly size: number;
  /** When its checkpoint was put there; null where there is none. */
  readonly time: Date | null;
  /** Leaves that came to be in the log. */
  readonly leaves: number;
  /** Waiting leaves that were in the log already. */
  readonly known: number;
  readonly heartbeats: number;
  /** Files among the waiting ones that are no leaf: taken away, and named here. */
  readonly refused: readonly string[];
  /** Whether leaves wait still: there was no more time, or another appender was faster. */
  readonly isMore: boolean;
}

/**
 * Brings the leaves that wait into the log, each once, and signs a checkpoint over them. Two may run at
 * once, and each may end at any request: the batch that follows a size is settled first ({@link nextPath}), so
 * that whoever grows the log from that size grows it to the same tree, and signs no other; only then
 * come its tiles, then the checkpoint, in whose place no other may have come meanwhile, then the index
 * of each leaf, the last leaf's last, and at the end the files of waiting leaves are taken away.
 * TransientError `TLOG_DAMAGED` where the log is not what was signed: nothing is signed then.
 */
export async function append(
  store: TlogStore,
  signer: TlogSigner,
  { now, isTimeUp = () => false }: AppendOptions,
): Promise<Appended> {
  let done: Appended = {
    size: 0,
    time: null,
    leaves: 0,
    known: 0,
    heartbeats: 0,
    refused: [],
    isMore: false,
  };
  for (;;) {
    const head = await readHead(store, signer.key);
    const waiting = await store.pending();
    done = { ...done, size: head.checkpoint.size, time: head.time, isMore: waiting.length > 0 };
    if ((waiting.length === 0 && !isStale(head, now())) || isTimeUp()) return done;
    const turn = await takeTurn(store, signer, head, waiting, now);
    done = {
      size: turn.size,
      time: turn.time,
      leaves: done.leaves + turn.leaves,
      known: done.known + turn.known,
      heartbeats: done.heartbeats + turn.heartbeats,
      refused: [...done.refused, ...turn.refused],
      isMore: turn.isMore,
    };
    // Whoever was faster works the rest off; what came meanwhile is there the next time.
    if (turn.isLost || (!turn.isMore && waiting.length < MAX_BATCH)) return done;
  }
}

function isStale({ time }: Head, now: Date): boolean {
  return time === null || now.getTime() - time.getTime() >= HEARTBEAT_MS;
}

interface Turn extends Appended {
  /** Another appender was faster. */
  readonly isLost: boolean;
}

/** One batch, or a heartbeat. */
async function takeTurn(
  store: TlogStore,
  signer: TlogSigner,
  head: Head,
  waiting: readonly string[],
  now: () => Date,
): Promise<Turn> {
  const { size } = head.checkpoint;
  const growth = await readGrowth(store, head.checkpoint);
  await finishIndex(store, size, growth);
  const { fresh, known, refused } = await sortWaiting(store, waiting);
  // What waits may all be in the log already.
  const isDue = fresh.length === 0 && isStale(head, now());
  const wanted = isDue ? [heartbeatOf(now(), size)] : fresh;
  const over = [...known, ...refused];
  const turn = {
    size,
    time: head.time,
    leaves: 0,
    known: known.length,
    heartbeats: 0,
    refused,
    isMore: false,
  };
  if (wanted.length === 0) {
    await sideBySide(over, (path) => store.removePending(path));
    return { ...turn, isLost: false };
  }
  const batch = await settleBatch(store, size, wanted);
  const root = await storeTiles(store, growth, batch);
  const checkpoint = { origin: signer.key.name, size: size + batch.length, root };
  if (!(await replaceCheckpoint(store, signer, checkpoint, head.tag)))
    return { ...turn, known: 0, refused: [], isMore: true, isLost: true };
  await index(store, size, batch);
  const appended = new Set(batch.map((leaf) => pendingPath(shaOf(leaf))));
  await sideBySide([...over, ...waiting.filter((path) => appended.has(path))], (path) =>
    store.removePending(path),
  );
  const heartbeats = batch.filter(isHeartbeat).length;
  return {
    ...turn,
    size: checkpoint.size,
    time: now(),
    leaves: batch.length - heartbeats,
    heartbeats,
    isMore: fresh.some((leaf) => !appended.has(pendingPath(shaOf(leaf)))),
    isLost: false,
  };
}

/** The leaves that are not in the log yet, what names those that are, and what is no leaf. */
interface Sorted {
  readonly fresh: readonly Buffer[];
  readonly known: readonly string[];
  readonly refused: readonly string[];
}

/** Looks up each waiting leaf; the index is whole up to the checkpoint that was read. */
async function sortWaiting(store: TlogStore, waiting: readonly string[]): Promise<Sorted> {
  const [fresh, known, refused]: [Buffer[], string[], string[]] = [[], [], []];
  const found = await sideBySide(waiting.slice(0, MAX_BATCH), async (path) => {
    const leaf = await store.read(path);
    // Another appender has taken it away.
    if (leaf === null) return null;
    const sha256 = shaOf(leaf);
    const isLeaf = path === pendingPath(sha256) && leaf.length <= MAX_ENTRY_BYTES;
    const isKnown = isLeaf && (await store.read(atPath(sha256))) !== null;
    return { path, leaf, isLeaf, isKnown };
  });
  for (const one of found) {
    if (one === null) continue;
    if (!one.isLeaf) refused.push(one.path);
    else if (one.isKnown) known.push(one.path);
    else fresh.push(one.leaf);
  }
  return { fresh, known, refused };
}

/** The leaves that follow the first `size`: these, or those that were settled before. */
async function settleBatch(
  store: TlogStore,
  size: number,
  wanted: readonly Buffer[],
): Promise<readonly Buffer[]> {
  const path = nextPath(size);
  if (await store.putNew(path, bundleOf(wanted))) return wanted;
  const settled = entriesOf((await store.read(path)) ?? Buffer.alloc(0)) ?? [];
  if (settled.length === 0 || settled.length > MAX_BATCH) throw damaged(`${path} is no batch`);
  return settled;
}

/** Stores every tile that the batch adds; the root with it. */
async function storeTiles(
  store: TlogStore,
  { edge, open }: Growth,
  batch: readonly Buffer[],
): Promise<Buffer> {
  const first = Math.floor((edge.size - open.length) / TILE_WIDTH);
  const leaves = [...open, ...batch];
  const made: MadeTile[] = [];
  for (let at = 0; at < leaves.length; at += TILE_WIDTH) {
    const entries = leaves.slice(at, at + TILE_WIDTH);
    const tile = {
      level: 'entries',
      index: first + at / TILE_WIDTH,
      width: entries.length,
    } as const;
    made.push({ tile, bytes: bundleOf(entries) });
  }
  const before = new Set(edgeTiles(edge.size).map((tile) => tile && tilePath(tile)));
  for (const leaf of batch) made.push(...edge.add(leafHash(leaf)));
  // A level that grew by nothing has the tile that it had.
  made.push(...edge.partial().filter(({ tile }) => !before.has(tilePath(tile))));
  await sideBySide(made, async ({ tile, bytes }) => {
    const path = tilePath(tile);
    if (await store.putNew(path, bytes)) return;
    if ((await store.read(path))?.equals(bytes) !== true)
      throw damaged(`${path} has other bytes than the leaves say`);
  });
  return edge.root();
}

/** False where another checkpoint stands there by now. */
async function replaceCheckpoint(
  store: TlogStore,
  signer: TlogSigner,
  checkpoint: Checkpoint,
  tag: string | null,
): Promise<boolean> {
  const { key } = signer;
  const text = checkpointText(checkpoint);
  const signature = await signer.sign(text);
  // What nobody can verify would end the log for good.
  if (key.verify(text, signature) === null)
    throw damaged(`the signature that ${key.name} made does not hold`);
  const note = Buffer.from(`${text}\n${signatureLine(key, signature)}`);
  if (await store.replaceCheckpoint(note, tag)) return true;
  // The same, where a request was sent again because its answer was lost.
  return (await store.checkpoint())?.bytes.equals(note) === true;
}

/** Makes good what an appender that ended left: the last leaf's index is written after all others of its batch. */
async function finishIndex(store: TlogStore, size: number, { open, last }: Growth): Promise<void> {
  if (last === null || (await store.read(atPath(shaOf(last)))) !== null) return;
  const leaves: Buffer[] = [...open];
  for (let end = size - open.length; leaves.length < MAX_BATCH && end > 0; end -= TILE_WIDTH) {
    const tile = { level: 'entries', index: end / TILE_WIDTH - 1, width: TILE_WIDTH } as const;
    const before = entriesOf((await store.read(tilePath(tile))) ?? Buffer.alloc(0));
    if (before?.length !== TILE_WIDTH) throw damaged(`${tilePath(tile)} is missing or no bundle`);
    leaves.unshift(...before);
  }
  await index(store, size - leaves.length, leaves);
}

async function index(store: TlogStore, first: number, leaves: readonly Buffer[]): Promise<void> {
  const put = async (leaf: Buffer, at: number): Promise<void> => {
    const [path, text] = [atPath(shaOf(leaf)), Buffer.from(atText(first + at))];
    if (await store.putNew(path, text)) return;
    if ((await store.read(path))?.equals(text) !== true)
      throw damaged(`${path} does not lead to leaf ${first + at}`);
  };
  await sideBySide(leaves.slice(0, -1), put);
  const last = leaves.at(-1);
  if (last !== undefined) await put(last, leaves.length - 1);
}

/** A leaf that says that the log was kept, though nothing came. */
function heartbeatOf(time: Date, size: number): Buffer {
  return Buffer.from(`${JSON.stringify({ type: 'heartbeat', time: time.toISOString(), size })}\n`);
}

/** Receipts have another first member. */
export function isHeartbeat(leaf: Uint8Array): boolean {
  return Buffer.from(leaf.subarray(0, 20)).toString('latin1') === '{"type":"heartbeat",';
}
