import { hash } from 'node:crypto';
import { memberOf } from '../trust/json.ts';
import { LeafHash, type Line } from '../trust/lines.ts';

/** Where a run of lines begins, and the lower-case hex root of its subtree. */
export interface LineGroup {
  /** Of its first byte, from 0, in the unpacked log. */
  readonly offset: number;
  readonly root: string;
}

/**
 * What stands beside an archived log, so that a proof of one line takes a read of this and of one
 * stretch of the log: its lines in runs of `linesEach`, of which the last may be shorter.
 */
export interface TreeIndex {
  readonly lines: number;
  /** A power of two. */
  readonly linesEach: number;
  readonly groups: readonly LineGroup[];
}

/** What goes on in the next delivery. */
export interface TreeState extends TreeIndex {
  /** Roots of the full subtrees that the lines make, the largest first. */
  readonly edge: readonly string[];
  /** Where the run of lines that is not full began; null between two. */
  readonly open: number | null;
}

/** Most groups of one log: an index is at most 200 kB, and the state of a delivery not much more. */
const MAX_GROUPS = 2_048;
const FIRST_LINES_EACH = 256;

/** Root of a log without lines (RFC 6962, 2.1). */
const EMPTY_ROOT = hash('sha256', '');

const HASH_BYTES = 32;

/**
 * The tree of RFC 6962 over the lines of a log, in order and without a gap, over one delivery or
 * many: a leaf is a line's bytes without the CR and LF of the framing (docs/proof.md). Holds at most
 * {@link MAX_GROUPS} groups, whatever the size of the log: there are half as many and twice as long
 * ones each time that they would be more.
 */
export class LogTree {
  readonly #leaf = new LeafHash();
  readonly #node = Buffer.alloc(1 + 2 * HASH_BYTES, 1);
  readonly #edge: string[];
  #groups: LineGroup[];
  #linesEach: number;
  #lines: number;
  #open: number | null;

  constructor(state: TreeState | null = null) {
    this.#edge = [...(state?.edge ?? [])];
    this.#groups = [...(state?.groups ?? [])];
    this.#linesEach = state?.linesEach ?? FIRST_LINES_EACH;
    this.#lines = state?.lines ?? 0;
    this.#open = state?.open ?? null;
  }

  /** The next lines of the log. */
  add(lines: readonly Line[]): void {
    for (const line of lines) {
      this.#open ??= line.offset;
      this.#push(line.bytes === null ? line.leaf : this.#leaf.of(line.bytes));
    }
  }

  /** Of all lines so far, lower-case hex. */
  root(): string {
    return this.#fold(this.#edge);
  }

  state(): TreeState {
    return {
      lines: this.#lines,
      linesEach: this.#linesEach,
      groups: [...this.#groups],
      edge: [...this.#edge],
      open: this.#open,
    };
  }

  index(): TreeIndex {
    const { lines, linesEach, groups, open } = this.state();
    if (open === null) return { lines, linesEach, groups };
    // The subtrees that are smaller than a run are those of the last one.
    let smaller = 0;
    for (let rest = lines % linesEach; rest > 0; rest >>>= 1) smaller += rest & 1;
    const root = this.#fold(this.#edge.slice(-smaller));
    return { lines, linesEach, groups: [...groups, { offset: open, root }] };
  }

  #push(leaf: string): void {
    // Closing a group may double it.
    const linesEach = this.#linesEach;
    let root = leaf;
    let size = 1;
    for (let below = this.#lines; below % 2 === 1; below = (below - 1) / 2) {
      root = this.#parent(this.#edge.pop() ?? '', root);
      size *= 2;
      if (size === linesEach) this.#close(root);
    }
    this.#edge.push(root);
    this.#lines += 1;
  }

  #close(root: string): void {
    this.#groups.push({ offset: this.#open ?? 0, root });
    this.#open = null;
    if (this.#groups.length < MAX_GROUPS) return;
    const all = this.#groups;
    this.#groups = [];
    for (let at = 0; at + 1 < all.length; at += 2) {
      const [left, right] = [all[at], all[at + 1]];
      if (left !== undefined && right !== undefined)
        this.#groups.push({ offset: left.offset, root: this.#parent(left.root, right.root) });
    }
    this.#linesEach *= 2;
  }

  #fold(edge: readonly string[]): string {
    const [last, ...others] = [...edge].reverse();
    if (last === undefined) return EMPTY_ROOT;
    return others.reduce((root, left) => this.#parent(left, root), last);
  }

  // Text in hex: what Node hashes into a Buffer costs twice as much.
  #parent(left: string, right: string): string {
    this.#node.write(left, 1, 'hex');
    this.#node.write(right, 1 + HASH_BYTES, 'hex');
    return hash('sha256', this.#node);
  }
}

/** True for what {@link LogTree.state} made. */
export function isTreeState(value: unknown): value is TreeState {
  const [edge, open] = [memberOf(value, 'edge'), memberOf(value, 'open')];
  return (
    isTreeIndex(value) &&
    Array.isArray(edge) &&
    edge.every(isHash) &&
    (open === null || typeof open === 'number')
  );
}

/** True for what {@link LogTree.index} made. */
export function isTreeIndex(value: unknown): value is TreeIndex {
  const groups = memberOf(value, 'groups');
  return (
    isCount(memberOf(value, 'lines')) &&
    isCount(memberOf(value, 'linesEach')) &&
    Array.isArray(groups) &&
    groups.length <= MAX_GROUPS &&
    groups.every((of) => isCount(memberOf(of, 'offset')) && isHash(memberOf(of, 'root')))
  );
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}
