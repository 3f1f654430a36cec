import { TransientError } from '../errors.ts';
import { parseCheckpoint, type Checkpoint } from './checkpoint.ts';
import { openNote, parseNote, type Note, type VerifierKey } from './note.ts';
import type { TlogStore } from './store.ts';
import { edgeTiles, entriesOf, TILE_WIDTH, tilePath, TreeEdge, type Tile } from './tiles.ts';
import { EMPTY_ROOT, leafHash } from './tree.ts';

/** A tlog's state as its checkpoint says, whose signature holds. */
export interface Head {
  readonly checkpoint: Checkpoint;
  /** Null before the first. */
  readonly note: Note | null;
  /** Names the checkpoint for {@link TlogStore.replaceCheckpoint}. */
  readonly tag: string | null;
  /** When the checkpoint was put there; null before the first. */
  readonly time: Date | null;
}

/**
 * The checkpoint of the log that signs with this key; that of the empty tree before there is one.
 * TransientError `TLOG_DAMAGED` where what lies there is not a checkpoint of that log.
 */
export async function readHead(store: TlogStore, key: VerifierKey): Promise<Head> {
  const kept = await store.checkpoint();
  if (kept === null)
    return {
      checkpoint: { origin: key.name, size: 0, root: EMPTY_ROOT },
      note: null,
      tag: null,
      time: null,
    };
  const note = parseNote(kept.bytes);
  if ('problem' in note) throw damaged(`the checkpoint is not readable: ${note.problem}`);
  const opened = openNote(note, [key]);
  if ('problem' in opened) throw damaged(`the checkpoint is not to be believed: ${opened.problem}`);
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint?.origin !== key.name) throw damaged(`the checkpoint is none of ${key.name}`);
  return { checkpoint, note, tag: kept.tag, time: kept.time };
}

/** What growing a log begins with. */
export interface Growth {
  readonly edge: TreeEdge;
  /** Of the last bundle: unfinished, or empty where the next leaf begins one. */
  readonly open: readonly Buffer[];
  /** The last leaf; null of an empty log. */
  readonly last: Buffer | null;
}

/** Reads the right edge of the tree, which has to be the one that was signed; else TransientError `TLOG_DAMAGED`. */
export async function readGrowth(store: TlogStore, checkpoint: Checkpoint): Promise<Growth> {
  const { size, root } = checkpoint;
  if (size === 0) return { edge: new TreeEdge(), open: [], last: null };
  const index = Math.floor((size - 1) / TILE_WIDTH);
  const bundle: Tile = { level: 'entries', index, width: size - index * TILE_WIDTH };
  const [entries, ...tiles] = await Promise.all([
    readTile(store, bundle),
    ...edgeTiles(size).map((tile) => (tile === null ? null : readTile(store, tile))),
  ]);
  const edge = edgeOf(size, tiles);
  if (edge?.root().equals(root) !== true)
    throw damaged(`the tiles at the end of the log are not those of its ${size} leaves`);
  const leaves = entriesOf(entries) ?? [];
  const last = leaves.at(-1);
  if (leaves.length !== bundle.width || last === undefined)
    throw damaged(`${tilePath(bundle)} does not hold ${bundle.width} entries`);
  const isWhole = bundle.width === TILE_WIDTH;
  if (!isWhole && !Buffer.concat(leaves.map(leafHash)).equals(tiles[0] ?? Buffer.alloc(0)))
    throw damaged(`${tilePath(bundle)} does not hold the entries that were signed`);
  return { edge, open: isWhole ? [] : leaves, last };
}

function edgeOf(size: number, tiles: readonly (Buffer | null)[]): TreeEdge | null {
  try {
    return new TreeEdge(size, tiles);
  } catch {
    return null;
  }
}

/** A tile that the checkpoint says is there. */
export async function readTile(store: TlogStore, tile: Tile): Promise<Buffer> {
  const bytes = await store.read(tilePath(tile));
  if (bytes === null) throw damaged(`${tilePath(tile)} is missing`);
  return bytes;
}

/** The log is not what was signed, or not all there. */
export function damaged(what: string): TransientError {
  return new TransientError('TLOG_DAMAGED', `${what}; custody fsck says what else is`);
}
