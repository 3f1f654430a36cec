import { compareText } from '../graph/order.ts';
import { keyOfLine } from './facts.ts';
import type { EvidenceStore } from './store.ts';

/** A run is kept in files of about this size: one of each run that is read is held in memory. */
const BLOCK_BYTES = 256 * 1024;

/** So much is sorted in memory before it is a run. */
const SORT_BYTES = 8 * 1024 * 1024;

/** So many runs of one level become one of the next: few are read side by side, and few are written again. */
const FAN_IN = 8;

/** A sorted file of facts. */
export interface Run {
  readonly number: number;
  /** How often what is in it was merged. */
  readonly level: number;
}

/** Lines on their way into a run: sorted here, as many as memory is to hold. */
export class Sorting {
  #lines: string[] = [];
  #bytes = 0;

  add(line: string): void {
    this.#lines.push(line);
    this.#bytes += line.length;
  }

  get isFull(): boolean {
    return this.#bytes >= SORT_BYTES;
  }

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  /** What was added, in the order of keys; nothing is left. */
  take(): readonly string[] {
    const keyed = this.#lines.map((line) => [keyOfLine(line), line] as const);
    this.#lines = [];
    this.#bytes = 0;
    return keyed.sort(([a], [b]) => compareText(a, b)).map(([, line]) => line);
  }
}

/** The next runs to merge, all of one level; none where there are few of each. */
export function toMerge(runs: readonly Run[]): readonly Run[] {
  for (const same of Map.groupBy(runs, ({ level }) => level).values())
    if (same.length >= FAN_IN) return same.slice(0, FAN_IN);
  return [];
}

/** The sorted lines of a store: `audit/runs/<number>/<block>`, and `index`, the first key of each block. */
export class Runs {
  readonly #store: EvidenceStore;
  readonly #indexes = new Map<number, readonly string[]>();

  constructor(store: EvidenceStore) {
    this.#store = store;
  }

  /** Writes sorted lines as a run of a number that no other has. */
  async write(number: number, lines: Iterable<string> | AsyncIterable<string>): Promise<void> {
    const keys: string[] = [];
    let block: string[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      const [first] = block;
      if (first === undefined) return;
      await this.#store.write(blockOf(number, keys.length), Buffer.from(block.join('\n')));
      keys.push(keyOfLine(first));
      [block, bytes] = [[], 0];
    };
    for await (const line of lines) {
      block.push(line);
      bytes += line.length;
      if (bytes >= BLOCK_BYTES) await flush();
    }
    await flush();
    await this.#store.write(indexOf(number), Buffer.from(JSON.stringify(keys)));
    this.#indexes.set(number, keys);
  }

  /** All lines of these runs from a key on, in the order of keys. */
  async *from(runs: readonly Run[], key: string): AsyncGenerator<string, void> {
    const heads: Head[] = [];
    const advance = async (rest: AsyncGenerator<string, void>): Promise<void> => {
      const { value: line } = await rest.next();
      if (line !== undefined) insert(heads, { key: keyOfLine(line), line, rest });
    };
    try {
      for (const { number } of runs) await advance(this.#lines(number, key));
      for (let least = heads.pop(); least !== undefined; least = heads.pop()) {
        yield least.line;
        await advance(least.rest);
      }
    } finally {
      for (const { rest } of heads) await rest.return(undefined);
    }
  }

  async *#lines(number: number, key: string): AsyncGenerator<string, void> {
    const keys = await this.#index(number);
    // Facts of one key may begin in the block before the first that begins with it.
    const next = keys.findIndex((first) => compareText(first, key) >= 0);
    const begin = Math.max((next === -1 ? keys.length : next) - 1, 0);
    for (let block = begin; block < keys.length; block += 1)
      for (const line of (await this.#read(blockOf(number, block))).split('\n'))
        if (block > begin || compareText(keyOfLine(line), key) >= 0) yield line;
  }

  async #index(number: number): Promise<readonly string[]> {
    const held = this.#indexes.get(number);
    if (held !== undefined) return held;
    const value: unknown = JSON.parse(await this.#read(indexOf(number)));
    if (!Array.isArray(value) || !value.every((of) => typeof of === 'string'))
      throw lost(indexOf(number));
    this.#indexes.set(number, value);
    return value;
  }

  async #read(name: string): Promise<string> {
    const bytes = await this.#store.read(name);
    if (bytes === null) throw lost(name);
    return Buffer.from(bytes).toString('utf8');
  }
}

/** Where a run has come. */
interface Head {
  readonly key: string;
  readonly line: string;
  readonly rest: AsyncGenerator<string, void>;
}

/** Among others, of which the least key stands last. */
function insert(heads: Head[], head: Head): void {
  let [low, high] = [0, heads.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = heads[middle];
    if (at !== undefined && compareText(at.key, head.key) > 0) low = middle + 1;
    else high = middle;
  }
  heads.splice(low, 0, head);
}

function blockOf(number: number, block: number): string {
  return `audit/runs/${number}/${block}`;
}

function indexOf(number: number): string {
  return `audit/runs/${number}/index`;
}

function lost(name: string): Error {
  return new Error(
    `${name} of the audit is missing or damaged: begin anew with custody audit --anew`,
  );
}
