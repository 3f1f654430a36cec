import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import type { Archive } from './ingest/archive.ts';
import { isHeartbeat } from './tlog/append.ts';
import { parseCheckpoint, type Checkpoint } from './tlog/checkpoint.ts';
import { openNote, parseNote, type VerifierKey } from './tlog/note.ts';
import { sideBySide } from './tlog/side-by-side.ts';
import { atPath, nextPath, parseAt, pendingPath, shaOf, type TlogReader } from './tlog/store.ts';
import {
  entriesOf,
  TILE_WIDTH,
  tilePath,
  TreeEdge,
  type MadeTile,
  type Tile,
} from './tlog/tiles.ts';
import { leafHash } from './tlog/tree.ts';

/** What is not as the log says. */
export interface Loss {
  /** The file: below the tlog’s prefix, of a receipt, or `logs/<sha256>`. */
  readonly path: string;
  /** One sentence. */
  readonly problem: string;
}

/** A receipt as it lies there. */
export interface KeptReceiptFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** All that is checked. */
export interface FsckSource {
  readonly store: TlogReader;
  /** Of the log: what its checkpoint has to be signed with. */
  readonly key: VerifierKey;
  readonly receipts: () => AsyncIterable<KeptReceiptFile>;
  /** Whether a receipt of that object may have that name. */
  readonly isReceiptName: (name: string, object: string) => boolean;
  readonly archive: Pick<Archive, 'open'>;
}

/** How much was looked at; it says nothing of what could not be. */
export interface Examined {
  leaves: number;
  heartbeats: number;
  tiles: number;
  receipts: number;
  logs: number;
}

/** Nothing was looked at yet. */
export function nothingExamined(): Examined {
  return { leaves: 0, heartbeats: 0, tiles: 0, receipts: 0, logs: 0 };
}

/**
 * Derives the whole tlog anew from its entries, and compares with it what is kept: the checkpoint and
 * its signature, every tile, the index, every receipt byte for byte, and every log that a receipt says was
 * accepted, by its SHA-256. Yields each difference. Holds about 200 bytes a leaf.
 */
export async function* fsck(source: FsckSource, examined: Examined): AsyncGenerator<Loss> {
  const opened = await openLog(source);
  if ('problem' in opened) {
    yield opened;
    return;
  }
  // Each leaf’s place; those that are receipts are taken out as they are found.
  const leaves = new Map<string, number>();
  const accepted = new Set<string>();
  yield* checkTree(source, opened, examined, leaves, accepted);
  const indexed = await indexedNext(source, opened.size);
  const last = yield* checkReceipts(source, opened.size, leaves, examined, indexed);
  // It may have grown since it was read, and then says so itself.
  const now = last < opened.size ? opened : await openLog(source);
  if ('problem' in now) yield now;
  else if (last >= now.size) yield setBack(now.size, last);
  for (const sha256 of accepted) {
    examined.logs += 1;
    const problem = await problemOfLog(source.archive, sha256);
    if (problem !== null) yield { path: `logs/${sha256}`, problem };
  }
}

async function openLog({ store, key }: FsckSource): Promise<Checkpoint | Loss> {
  const path = 'checkpoint';
  const kept = await store.checkpoint();
  if (kept === null) return { path, problem: 'it is missing: nothing says what the log is' };
  const note = parseNote(kept.bytes);
  if ('problem' in note) return { path, problem: note.problem };
  const opened = openNote(note, [key]);
  if ('problem' in opened) return { path, problem: opened.problem };
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint?.origin !== key.name) return { path, problem: `it is none of ${key.name}` };
  return checkpoint;
}

async function* checkTree(
  { store }: FsckSource,
  { size, root }: Checkpoint,
  examined: Examined,
  leaves: Map<string, number>,
  accepted: Set<string>,
): AsyncGenerator<Loss> {
  const edge = new TreeEdge();
  // After a bundle that is lost nothing above it can be derived.
  let isWhole = true;
  for (let first = 0; first < size; first += TILE_WIDTH) {
    const width = Math.min(TILE_WIDTH, size - first);
    const tile: Tile = { level: 'entries', index: first / TILE_WIDTH, width };
    const entries = await readEntries(store, tile);
    examined.tiles += 1;
    if ('problem' in entries) {
      yield entries;
      isWhole = false;
    } else {
      yield* noteLeaves(entries, first, examined, leaves, accepted);
      yield* checkIndex(store, entries, first);
    }
    if (!isWhole || 'problem' in entries) continue;
    const made = entries.flatMap((leaf) => edge.add(leafHash(leaf)));
    yield* checkTiles(store, made, examined);
  }
  if (!isWhole) {
    yield { path: 'checkpoint', problem: 'the root that was signed can’t be derived anew' };
    return;
  }
  yield* checkTiles(store, edge.partial(), examined);
  if (!edge.root().equals(root))
    yield { path: 'checkpoint', problem: `its root is not that of the ${size} entries` };
}

async function readEntries(
  store: FsckSource['store'],
  tile: Tile,
): Promise<readonly Buffer[] | Loss> {
  const path = tilePath(tile);
  const bytes = await store.read(path);
  if (bytes === null) return { path, problem: `it is missing, with ${tile.width} entries` };
  const entries = entriesOf(bytes);
  if (entries?.length !== tile.width)
    return { path, problem: `it does not hold ${tile.width} entries` };
  return entries;
}

async function* checkTiles(
  store: FsckSource['store'],
  made: readonly MadeTile[],
  examined: Examined,
): AsyncGenerator<Loss> {
  for (const { tile, bytes } of made) {
    const path = tilePath(tile);
    examined.tiles += 1;
    const stored = await store.read(path);
    if (stored === null) yield { path, problem: 'it is missing' };
    else if (!stored.equals(bytes))
      yield { path, problem: 'it does not hold the hashes of the entries' };
  }
}

async function* checkIndex(
  store: FsckSource['store'],
  entries: readonly Buffer[],
  first: number,
): AsyncGenerator<Loss> {
  const found = await sideBySide(entries, async (leaf, at): Promise<Loss | null> => {
    const sha256 = shaOf(leaf);
    if ((await indexOf(store, sha256)) === first + at) return null;
    return { path: atPath(sha256), problem: `it does not lead to leaf ${first + at}` };
  });
  for (const loss of found) if (loss !== null) yield loss;
}

const receiptLeaf = z.looseObject({
  object: z.string(),
  accepted: z.number(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
});

function* noteLeaves(
  entries: readonly Buffer[],
  first: number,
  examined: Examined,
  leaves: Map<string, number>,
  accepted: Set<string>,
): Generator<Loss> {
  for (const [at, leaf] of entries.entries()) {
    const index = first + at;
    examined.leaves += 1;
    if (isHeartbeat(leaf)) {
      examined.heartbeats += 1;
      continue;
    }
    const sha256 = shaOf(leaf);
    const path = `leaf ${index}`;
    const before = leaves.get(sha256);
    if (before !== undefined) yield { path, problem: `it is the same as leaf ${before}` };
    leaves.set(sha256, index);
    const receipt = receiptLeaf.safeParse(jsonOf(leaf));
    if (!receipt.success) yield { path, problem: 'it is neither a receipt nor a heartbeat' };
    // What brings nothing new need not be archived.
    else if (receipt.data.accepted > 0 && receipt.data.sha256 !== null)
      accepted.add(receipt.data.sha256);
  }
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}

/** The index of a leaf is written after a checkpoint that covers it: one beyond the end tells of a larger tree. */
function setBack(size: number, index: number): Loss {
  const problem = `it was set back to ${size} leaves: the log has had a leaf ${index}`;
  return { path: 'checkpoint', problem };
}

/** The greatest index of the leaves that were settled to follow; -1 where there is none. */
async function indexedNext({ store }: FsckSource, size: number): Promise<number> {
  const next = await store.read(nextPath(size));
  const leaves = next === null ? [] : (entriesOf(next) ?? []);
  const indexes = await sideBySide(leaves, (leaf) => indexOf(store, shaOf(leaf)));
  return Math.max(-1, ...indexes.filter((index) => index !== null));
}

async function indexOf(store: FsckSource['store'], sha256: string): Promise<number | null> {
  const bytes = await store.read(atPath(sha256));
  return bytes === null ? null : parseAt(bytes);
}

/** Returns the greatest index that is told of any receipt. */
async function* checkReceipts(
  { store, receipts, isReceiptName }: FsckSource,
  size: number,
  leaves: Map<string, number>,
  examined: Examined,
  indexed: number,
): AsyncGenerator<Loss, number> {
  let last = indexed;
  const known = new Set(leaves.keys());
  for await (const { name, bytes } of receipts()) {
    examined.receipts += 1;
    const sha256 = shaOf(bytes);
    leaves.delete(sha256);
    const receipt = receiptLeaf.safeParse(jsonOf(bytes));
    if (receipt.success && !isReceiptName(name, receipt.data.object))
      yield { path: name, problem: 'it is the receipt of another object' };
    if (known.has(sha256)) continue;
    const index = await indexOf(store, sha256);
    if (index !== null) last = Math.max(last, index);
    // One that came a moment ago waits, or is beyond what was looked at.
    const isLate = index !== null && index >= known.size;
    if (isLate || (await store.read(pendingPath(sha256))) !== null) continue;
    yield { path: name, problem: 'it is not in the log, and does not wait either' };
  }
  for (const [sha256, index] of leaves) {
    const object = await objectOf(store, size, index);
    const problem = `the receipt of ${object}, SHA-256 ${sha256}, is missing or has other bytes`;
    yield { path: `leaf ${index}`, problem };
  }
  return last;
}

/** What a leaf is the receipt of; it is read again, so that not every name is held for the few that are missed. */
async function objectOf(store: TlogReader, size: number, index: number): Promise<string> {
  const first = index - (index % TILE_WIDTH);
  const width = Math.min(TILE_WIDTH, size - first);
  const entries = await readEntries(store, { level: 'entries', index: first / TILE_WIDTH, width });
  const leaf = 'problem' in entries ? undefined : entries[index - first];
  const receipt = receiptLeaf.safeParse(leaf === undefined ? null : jsonOf(leaf));
  return receipt.success ? receipt.data.object : 'an object that it does not name';
}

async function problemOfLog(
  archive: FsckSource['archive'],
  sha256: string,
): Promise<string | null> {
  const object = await archive.open(sha256);
  if (object === null) return 'the archived log is missing';
  const hash = createHash('sha256');
  await pipeline(object.stored(), hash);
  return hash.digest('hex') === sha256 ? null : 'the archived log has other bytes';
}
