import { isTreeIndex, LogTree, type TreeIndex } from '../object/log-tree.ts';
import type { StoredObject } from '../object/stored.ts';
import { foldPeaks, inclusionProof, TreeHasher, type HashReader } from '../tlog/tree.ts';
import { LeafHash, LineFramer, type Line, type Place } from '../trust/lines.ts';

/** The path of a line in the tree over its log's lines, and the root that it leads to; both are to be checked. */
export interface LinePath {
  readonly path: readonly Buffer[];
  readonly lines: number;
  readonly root: Buffer;
}

/**
 * With an index one stretch of the log is read; without one all of it, twice, in memory that does not
 * grow with it. Null where the log has no such line. Rejects once the signal
 * is aborted.
 */
export async function linePath(
  log: StoredObject,
  index: string | null,
  line: number,
  signal?: AbortSignal,
): Promise<LinePath | null> {
  const tree = parseIndex(index) ?? (await indexOf(log, signal));
  const { lines, linesEach, groups } = tree;
  const nth = Math.floor((line - 1) / linesEach);
  const group = groups[nth];
  if (line < 1 || line > lines || group === undefined) return null;
  const first = nth * linesEach;
  const size = Math.min(linesEach, lines - first);
  const leaves = await leavesFrom(log, { number: first + 1, offset: group.offset }, size, signal);
  if (leaves.length < size) return null;
  const roots = groups.map(({ root }) => Buffer.from(root, 'hex'));
  const within = await inclusionProof(line - 1 - first, size, hashesOf(leaves));
  const above = await inclusionProof(nth, roots.length, hashesOf(roots));
  return { path: [...within, ...above], lines, root: rootOf(roots) };
}

/** Null for a text that is none; one that is wrong leads to another root than the receipt's. */
function parseIndex(text: string | null): TreeIndex | null {
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return isTreeIndex(value) && value.linesEach > 0 ? value : null;
}

async function indexOf(log: StoredObject, signal?: AbortSignal): Promise<TreeIndex> {
  const tree = new LogTree();
  for await (const lines of linesOf(log, { number: 1, offset: 0 }, signal)) tree.add(lines);
  return tree.index();
}

async function leavesFrom(
  log: StoredObject,
  from: Place,
  size: number,
  signal?: AbortSignal,
): Promise<Buffer[]> {
  const leaf = new LeafHash();
  const leaves: Buffer[] = [];
  for await (const lines of linesOf(log, from, signal))
    for (const line of lines) {
      const hash = line.bytes === null ? line.leaf : leaf.of(line.bytes);
      leaves.push(Buffer.from(hash, 'hex'));
      if (leaves.length === size) return leaves;
    }
  return leaves;
}

async function* linesOf(
  log: StoredObject,
  from: Place,
  signal?: AbortSignal,
): AsyncGenerator<readonly Line[]> {
  const framer = new LineFramer(undefined, from);
  for await (const chunk of log.read(from.offset, undefined, signal)) {
    signal?.throwIfAborted();
    yield framer.push(chunk);
  }
  yield framer.end();
}

/** A run of lines is a subtree of its own, and so are the runs over their roots: each begins at a multiple of a power of two. */
function hashesOf(leaves: readonly Buffer[]): HashReader {
  return (nodes) =>
    Promise.resolve(
      nodes.map(({ level, index }) =>
        rootOf(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)),
      ),
    );
}

function rootOf(leaves: readonly Buffer[]): Buffer {
  const tree = new TreeHasher();
  for (const leaf of leaves) tree.addHash(leaf);
  return leaves.length === 0 ? foldPeaks([]) : tree.root();
}
