import { hash } from 'node:crypto';

/** Of SHA-256, in bytes. */
export const HASH_BYTES = 32;

/** The root of the tree without leaves: the hash of nothing (RFC 6962, section 2.1). */
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer');

const LEAF = Buffer.of(0x00);
const NODE = Buffer.of(0x01);

/**
 * A node all of whose leaves are there: the root over the leaves from `index · 2^level` up to, and
 * without, `(index + 1) · 2^level`. Such a node never changes, however much the tree grows.
 */
export interface Node {
  readonly level: number;
  readonly index: number;
}

/** The hashes of the nodes, in their order. Who reads from elsewhere than his own memory checks what he made of them. */
export type HashReader = (nodes: readonly Node[]) => Promise<readonly Uint8Array[]>;

/** `SHA-256(0x00 || data)` (RFC 6962, section 2.1). */
export function leafHash(data: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([LEAF, data]), 'buffer');
}

/** `SHA-256(0x01 || left || right)` (RFC 6962, section 2.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([NODE, left, right]), 'buffer');
}

/** The root over leaves that come one after the other, in memory that grows with the logarithm of their number. */
export class TreeHasher {
  /** Of the whole subtrees from the left, each less than half as large as the one before it. */
  readonly #peaks: Buffer[] = [];
  #size = 0;

  /** Leaves so far. */
  get size(): number {
    return this.#size;
  }

  add(leaf: Uint8Array): void {
    this.addHash(leafHash(leaf));
  }

  /** A leaf of which only the {@link leafHash} is at hand. */
  addHash(leaf: Uint8Array): void {
    let peak: Buffer = Buffer.from(leaf);
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      const left = this.#peaks.pop();
      if (left === undefined) throw new Error('a subtree is missing');
      peak = nodeHash(left, peak);
    }
    this.#peaks.push(peak);
    this.#size += 1;
  }

  /** Of the leaves so far; more may follow. */
  root(): Buffer {
    return foldPeaks(this.#peaks);
  }
}

/** The root over whole subtrees that stand side by side, the largest first; {@link EMPTY_ROOT} of none. */
export function foldPeaks(peaks: readonly Uint8Array[]): Buffer {
  const last = peaks.at(-1);
  if (last === undefined) return EMPTY_ROOT;
  let root: Buffer = Buffer.from(last);
  for (let at = peaks.length - 2; at >= 0; at -= 1) {
    const left = peaks[at];
    if (left !== undefined) root = nodeHash(left, root);
  }
  return root;
}

/** The root of the tree of the first `size` leaves. */
export async function rootOf(size: number, read: HashReader): Promise<Buffer> {
  const [root] = await readRanges([[0, size]], read);
  return root ?? EMPTY_ROOT;
}

/**
 * The path of the leaf `index` in the tree of the first `size` leaves, from its sibling up (RFC 6962,
 * section 2.1.1): at most 53 hashes. A RangeError where that tree has no such leaf.
 */
export async function inclusionProof(
  index: number,
  size: number,
  read: HashReader,
): Promise<Buffer[]> {
  if (!isSize(index) || !isSize(size) || index >= size)
    throw new RangeError(`a tree of ${size} leaves has no leaf ${index}`);
  const path: Range[] = [];
  let [low, high] = [0, size];
  while (high - low > 1) {
    const middle = low + halfOf(high - low);
    path.push(index < middle ? [middle, high] : [low, middle]);
    [low, high] = index < middle ? [low, middle] : [middle, high];
  }
  return readRanges(path.toReversed(), read);
}

/**
 * That the tree of the first `size` leaves begins with the leaves of the tree of the first `oldSize`
 * (RFC 6962, section 2.1.2). Empty where the two are one, or the older is empty. A RangeError where the older is larger.
 */
export async function consistencyProof(
  oldSize: number,
  size: number,
  read: HashReader,
): Promise<Buffer[]> {
  if (!isSize(oldSize) || !isSize(size) || oldSize > size)
    throw new RangeError(`no tree of ${size} leaves begins with ${oldSize}`);
  if (oldSize === 0 || oldSize === size) return [];
  const path: Range[] = [];
  let [low, high] = [0, size];
  while (high !== oldSize) {
    const middle = low + halfOf(high - low);
    path.push(oldSize <= middle ? [middle, high] : [low, middle]);
    [low, high] = oldSize <= middle ? [low, middle] : [middle, high];
  }
  // Whoever checks it has the older tree's root already.
  if (low > 0) path.push([low, high]);
  return readRanges(path.toReversed(), read);
}

/** What an inclusion proof says. */
export interface Inclusion {
  readonly index: number;
  readonly size: number;
  /** The {@link leafHash}. */
  readonly leaf: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
}

/** True when the leaf is the one at `index` in the tree of that size and root (RFC 9162, section 2.1.3.2). */
export function verifyInclusion({ index, size, leaf, proof, root }: Inclusion): boolean {
  if (!isSize(index) || !isSize(size) || index >= size) return false;
  if (leaf.length !== HASH_BYTES || !proof.every(isHash)) return false;
  let [at, last] = [index, size - 1];
  let found: Uint8Array = leaf;
  for (const hash of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      found = nodeHash(hash, found);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, half(last)];
    } else {
      found = nodeHash(found, hash);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && isSame(found, root);
}

/** What a consistency proof says. */
export interface Consistency {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/**
 * True when the newer tree begins with all the leaves of the older (RFC 9162, section 2.1.4.2). The
 * empty tree is consistent with every tree, by an empty proof (c2sp.org/tlog-witness).
 */
export function verifyConsistency(claim: Consistency): boolean {
  const { oldSize, oldRoot, size, root, proof } = claim;
  if (!isSize(oldSize) || !isSize(size) || oldSize > size || !proof.every(isHash)) return false;
  if (oldSize === 0)
    return proof.length === 0 && isSame(oldRoot, EMPTY_ROOT) && isRootOf(size, root);
  if (oldSize === size) return proof.length === 0 && isHash(root) && isSame(oldRoot, root);
  let [at, last] = [oldSize - 1, size - 1];
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  // The older root is the first node itself where the older tree is one whole subtree.
  const path = at === 0 ? [oldRoot, ...proof] : [...proof];
  const first = path.shift();
  if (first === undefined) return false;
  let [older, newer] = [first, first];
  for (const hash of path) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      older = nodeHash(hash, older);
      newer = nodeHash(hash, newer);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, half(last)];
    } else {
      newer = nodeHash(newer, hash);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && isSame(older, oldRoot) && isSame(newer, root);
}

/** Leaves from the first, up to and without the second; the first is a multiple of the largest power of two among them. */
type Range = readonly [low: number, high: number];

async function readRanges(ranges: readonly Range[], read: HashReader): Promise<Buffer[]> {
  const parts = ranges.map(([low, high]) => peaksOf(low, high));
  const nodes = parts.flat();
  const hashes = nodes.length === 0 ? [] : await read(nodes);
  if (hashes.length !== nodes.length || !hashes.every(isHash))
    throw new Error(`${nodes.length} hashes were asked for, not ${hashes.length}`);
  let from = 0;
  return parts.map(({ length }) => foldPeaks(hashes.slice(from, (from += length))));
}

/** The whole subtrees that leaves consist of, the largest first. */
export function peaksOf(low: number, high: number): Node[] {
  const nodes: Node[] = [];
  for (let from = low; from < high;) {
    const level = levelOf(high - from);
    nodes.push({ level, index: from / 2 ** level });
    from += 2 ** level;
  }
  return nodes;
}

/** The largest power of two below a number above one. */
function halfOf(count: number): number {
  return 2 ** levelOf(count - 1);
}

/** The greatest power of two that a number is no less than. Logarithms are rounded; this is exact. */
function levelOf(count: number): number {
  let level = 0;
  while (2 ** (level + 1) <= count) level += 1;
  return level;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

/** Only whole numbers up to 2^53 - 1 are told apart here. */
function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isHash(value: Uint8Array): boolean {
  return value.length === HASH_BYTES;
}

function isRootOf(size: number, root: Uint8Array): boolean {
  return isHash(root) && (size > 0 || isSame(root, EMPTY_ROOT));
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
