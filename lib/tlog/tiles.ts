import { foldPeaks, HASH_BYTES, nodeHash, peaksOf, type HashReader } from './tree.ts';

/** Hashes, or entries, of a whole tile (c2sp.org/tlog-tiles). */
export const TILE_WIDTH = 256;

/** An entry's length is written in two bytes (c2sp.org/tlog-tiles, “Log entries”). */
export const MAX_ENTRY_BYTES = 65_535;

/** Two to its power are {@link TILE_WIDTH}. */
const TILE_HEIGHT = 8;

/**
 * Consecutive hashes of a tree's level `8 · level`, or the entries themselves. A tile of less than
 * {@link TILE_WIDTH} is partial: the same numbers, another file for each width, and so it never changes either.
 */
export interface Tile {
  readonly level: number | 'entries';
  readonly index: number;
  /** From 1 to {@link TILE_WIDTH}. */
  readonly width: number;
}

/** The bytes of a tile of hashes, as they are kept. */
export type TileReader = (tile: Tile) => Promise<Uint8Array>;

/** As `tile/0/x001/x234/067.p/8`: where the tile lies below a log's prefix. */
export function tilePath({ level, index, width }: Tile): string {
  const groups = String(index)
    .padStart(3 * Math.ceil(String(index).length / 3), '0')
    .match(/.{3}/g);
  const number = (groups ?? []).map((group, at, all) =>
    at === all.length - 1 ? group : `x${group}`,
  );
  return `tile/${level}/${number.join('/')}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** The tile that lies there; null where the path is no tile's one and only name. */
export function parseTilePath(path: string): Tile | null {
  const parts = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path);
  if (parts === null) return null;
  const [, level = '', number = '', width] = parts;
  const tile: Tile = {
    level: level === 'entries' ? level : Number(level),
    index: Number(number.replaceAll(/[x/]/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  const isInside =
    (tile.level === 'entries' || tile.level < 64) &&
    tile.width >= 1 &&
    Number.isSafeInteger(tile.index);
  return isInside && tilePath(tile) === path ? tile : null;
}

/**
 * The tiles that a tree of `size` leaves has and one of `oldSize` has not, entries first, then level
 * by level: what growing from one to the other stores, and with an `oldSize` of 0 all of them.
 */
export function newTiles(oldSize: number, size: number): Tile[] {
  return [...newTilesOf('entries', oldSize, size), ...newHashTiles(oldSize, size)];
}

/** {@link newTiles} without the entries. */
export function newHashTiles(oldSize: number, size: number): Tile[] {
  const tiles: Tile[] = [];
  let [before, after] = [oldSize, size];
  for (let level = 0; after > 0; level += 1) {
    tiles.push(...newTilesOf(level, before, after));
    [before, after] = [Math.floor(before / TILE_WIDTH), Math.floor(after / TILE_WIDTH)];
  }
  return tiles;
}

function newTilesOf(level: Tile['level'], before: number, after: number): Tile[] {
  const tiles: Tile[] = [];
  if (after === before) return tiles;
  for (let index = Math.floor(before / TILE_WIDTH); index * TILE_WIDTH < after; index += 1)
    tiles.push({ level, index, width: Math.min(TILE_WIDTH, after - index * TILE_WIDTH) });
  return tiles;
}

/** The partial tile, or none, at the right end of each level of a tree, from level 0 up: what growing it begins with. */
export function edgeTiles(size: number): (Tile | null)[] {
  const tiles: (Tile | null)[] = [];
  for (let level = 0, count = size; count > 0; level += 1, count = Math.floor(count / TILE_WIDTH)) {
    const width = count % TILE_WIDTH;
    tiles.push(width === 0 ? null : { level, index: Math.floor(count / TILE_WIDTH), width });
  }
  return tiles;
}

/** A tile that came to be, with its bytes. */
export interface MadeTile {
  readonly tile: Tile;
  readonly bytes: Buffer;
}

/**
 * A tree that grows at its right edge, and gives its tiles of hashes as they fill: at most
 * {@link TILE_WIDTH} - 1 hashes of each level are held.
 */
export class TreeEdge {
  /** Of each level, from 0 up, the hashes of its unfinished tile. */
  readonly #levels: Buffer[][];
  #size: number;

  /** Begins with the tiles of {@link edgeTiles}(size), in their order; an Error where they are not as wide. */
  constructor(size = 0, edge: readonly (Uint8Array | null)[] = []) {
    this.#size = size;
    this.#levels = edgeTiles(size).map((tile, level) => {
      const bytes = edge[level] ?? Buffer.alloc(0);
      if (bytes.length !== (tile?.width ?? 0) * HASH_BYTES)
        throw new Error(`a tile of level ${level} has ${bytes.length} bytes`);
      return hashesOf(bytes);
    });
  }

  /** Leaves so far. */
  get size(): number {
    return this.#size;
  }

  /** Adds a leaf's {@link leafHash}; the whole tiles that it finishes, from level 0 up, mostly none. */
  add(leaf: Uint8Array): MadeTile[] {
    const made: MadeTile[] = [];
    this.#size += 1;
    let hash: Buffer = Buffer.from(leaf);
    for (let level = 0, count = this.#size; ; level += 1, count /= TILE_WIDTH) {
      const hashes = (this.#levels[level] ??= []);
      hashes.push(hash);
      if (hashes.length < TILE_WIDTH) return made;
      const index = count / TILE_WIDTH - 1;
      made.push({ tile: { level, index, width: TILE_WIDTH }, bytes: Buffer.concat(hashes) });
      hash = rootOfHashes(hashes);
      this.#levels[level] = [];
    }
  }

  /** The unfinished tiles, from level 0 up: those of {@link edgeTiles} with their bytes. */
  partial(): MadeTile[] {
    return edgeTiles(this.#size).flatMap((tile, level) =>
      tile === null ? [] : [{ tile, bytes: Buffer.concat(this.#levels[level] ?? []) }],
    );
  }

  /** Of the leaves so far; more may follow. */
  root(): Buffer {
    const peaks = this.#levels
      .toReversed()
      .flatMap((hashes) =>
        peaksOf(0, hashes.length).map(({ level, index }) => nodeIn(hashes, level, index)),
      );
    return foldPeaks(peaks);
  }
}

/**
 * Reads the hashes of a tree of `size` leaves from its tiles, each at most once a call. What a tile
 * holds is not checked here: whoever makes a proof of it checks that against the tree's root.
 */
export function tileHashes(size: number, read: TileReader): HashReader {
  return async (nodes) => {
    const tiles = new Map<string, Promise<Buffer[]>>();
    const hashes: Promise<Buffer>[] = nodes.map(async ({ level, index }) => {
      const tileLevel = Math.floor(level / TILE_HEIGHT);
      const inside = level % TILE_HEIGHT;
      const per = TILE_WIDTH / 2 ** inside;
      const tileIndex = Math.floor(index / per);
      const count = Math.floor(size / TILE_WIDTH ** tileLevel) - tileIndex * TILE_WIDTH;
      const tile = { level: tileLevel, index: tileIndex, width: Math.min(TILE_WIDTH, count) };
      if (tile.width < 1) throw new RangeError(`a tree of ${size} leaves has no such hash`);
      const path = tilePath(tile);
      const found = tiles.get(path) ?? readHashes(tile, read);
      tiles.set(path, found);
      return nodeIn(await found, inside, index % per);
    });
    return Promise.all(hashes);
  };
}

async function readHashes(tile: Tile, read: TileReader): Promise<Buffer[]> {
  const bytes = await read(tile);
  if (bytes.length !== tile.width * HASH_BYTES)
    throw new Error(`${tilePath(tile)} has ${bytes.length} bytes`);
  return hashesOf(bytes);
}

/** The hashes of a tile's bytes. */
export function hashesOf(bytes: Uint8Array): Buffer[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / HASH_BYTES) }, (_, at) =>
    buffer.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}

/** A node above a tile's hashes, `level` levels higher. */
function nodeIn(hashes: readonly Buffer[], level: number, index: number): Buffer {
  const width = 2 ** level;
  const below = hashes.slice(index * width, (index + 1) * width);
  if (below.length !== width) throw new RangeError('the tile does not reach so far');
  return rootOfHashes(below);
}

/** Of a power of two of hashes. */
function rootOfHashes(hashes: readonly Buffer[]): Buffer {
  let row = hashes;
  while (row.length > 1) {
    const above: Buffer[] = [];
    for (let at = 0; at + 1 < row.length; at += 2) {
      const [left, right] = [row[at], row[at + 1]];
      if (left !== undefined && right !== undefined) above.push(nodeHash(left, right));
    }
    row = above;
  }
  const [root] = row;
  if (root === undefined) throw new RangeError('there are no hashes');
  return root;
}

/** A bundle: each entry behind its length, in two bytes, the greater first. A RangeError for one that is too long. */
export function bundleOf(entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      if (entry.length > MAX_ENTRY_BYTES)
        throw new RangeError(`an entry has at most ${MAX_ENTRY_BYTES} bytes, not ${entry.length}`);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(entry.length);
      return [length, entry];
    }),
  );
}

/** The entries of a bundle; null where its lengths don't come out at its end. */
export function entriesOf(bundle: Uint8Array): Buffer[] | null {
  const bytes = Buffer.from(bundle.buffer, bundle.byteOffset, bundle.byteLength);
  const entries: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + 2 > bytes.length) return null;
    const end = at + 2 + bytes.readUInt16BE(at);
    if (end > bytes.length) return null;
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return entries;
}
