import { namedAudited, progressOf, type Plain } from '../graph/ask/audited.ts';
import type { Graph } from '../graph/connection.ts';
import type { Version } from '../graph/resolve.ts';
import type { Instant } from '../trust/timestamp.ts';
import { mapOf, versionsOf, type Around, type SourceState } from './expected.ts';
import {
  endOf,
  keyOf,
  keyOfLine,
  parseFact,
  type Fact,
  type FactKind,
  type Identity,
} from './facts.ts';
import type { Runs } from './runs.ts';
import type { AuditState, Source } from './state.ts';
import { nameOf } from './take-in.ts';

/** A log that was archived so long ago is to be in the graph whole, whatever the graph says of itself. */
const SETTLED_AFTER_MS = 24 * 3_600_000;

const KEYS_AT_ONCE = 1_000;

/** Facts of one thing. */
export interface Group {
  readonly key: string;
  readonly facts: readonly Fact[];
}

/** All that was taken in, as it is held against the graph. */
export class Ledger implements Around {
  readonly #state: AuditState;
  readonly #runs: Runs;
  readonly #states: SourceState[] = [];
  readonly #byLog = new Map<string, number[]>();
  readonly #datasets = new Map<string, SourceState>();
  readonly #versions = new Map<string, { done: readonly Version[]; hasOpen: boolean }>();

  constructor(state: AuditState, runs: Runs) {
    this.#state = state;
    this.#runs = runs;
  }

  /**
   * Asks how far the logs are that were not done. What was done once stays so, and an old one is held
   * to be: the graph can't excuse itself.
   */
  async refresh(graph: Graph): Promise<void> {
    const { sources } = this.#state;
    const open = [...sources.entries()].filter(
      ([, { isDone, problem }]) => !isDone && problem === null,
    );
    for (let at = 0; at < open.length; at += KEYS_AT_ONCE) {
      const some = open.slice(at, at + KEYS_AT_ONCE);
      const found = await progressOf(
        graph,
        some.map(([, of]) => nameOf(of)),
      );
      for (const [index, of] of some) {
        const said = found.get(nameOf(of)) ?? 'open';
        const isOld = Date.now() - of.archivedAt > SETTLED_AFTER_MS;
        const isDone = said === 'done' || (said === 'open' && isOld);
        if (isDone) sources[index] = { ...of, isDone };
        this.#states[index] = isDone ? 'done' : said;
      }
    }
    this.#byLog.clear();
    for (const [index, { log, isDone, problem }] of sources.entries()) {
      if (isDone) this.#states[index] = 'done';
      if (problem !== null) this.#states[index] = 'abandoned';
      this.#byLog.set(log, [...(this.#byLog.get(log) ?? []), index]);
    }
    await this.#readContext();
  }

  /** Logs that were taken in since, from that number on: whatever the graph says of them, they count as being written. */
  async notice(from: number): Promise<void> {
    for (const [index, { log, problem }] of this.#state.sources.entries())
      if (index >= from) {
        this.#states[index] = problem === null ? 'open' : 'abandoned';
        this.#byLog.set(log, [...(this.#byLog.get(log) ?? []), index]);
      }
    await this.#readContext();
  }

  readonly stateOf = (source: number): SourceState => this.#states[source] ?? 'open';

  readonly logOf = (source: number): string => this.#state.sources[source]?.log ?? '';

  sourceAt(source: number): Source | undefined {
    return this.#state.sources[source];
  }

  /** The log that a name brought, as far as what the graph says of it points to one that is archived. */
  async logOfObject(graph: Graph, uri: string): Promise<{ log: string; key: string } | null> {
    const [found] = await namedAudited(graph, 'object', [[uri]]);
    const { properties = null, carried = null, progress = null } = found?.columns ?? {};
    const said = [
      mapOf(properties)['sha256'],
      ...textsOf(carried),
      mapOf(progress)['key'],
      mapOf(properties)['progress'],
    ].map((of) => (typeof of === 'string' ? of.slice(0, 64) : ''));
    const log = said.find((of) => this.#byLog.has(of));
    if (log === undefined) return null;
    const { parked, progress: key } = mapOf(properties);
    const sources = this.sourcesOf(log);
    const of =
      sources.find(({ source }) => source.parked === (parked ?? null)) ??
      sources.find(({ source }) => nameOf(source) === key);
    return of === undefined ? null : { log, key: nameOf(of.source) };
  }

  /** True for a version, or a log's progress, that some log says. */
  isSigned(kind: string, [first = null, second = null]: readonly Plain[]): boolean {
    if (kind === 'progress') return this.#state.sources.some((source) => nameOf(source) === first);
    if (kind !== 'pending link' || typeof first !== 'string') return false;
    return this.versions(first).done.some(({ commit }) => commit === second);
  }

  /** The verdicts under which a log was accepted, with how far each is. */
  sourcesOf(log: string): readonly { readonly source: Source; readonly state: SourceState }[] {
    return (this.#byLog.get(log) ?? []).flatMap((index) => {
      const source = this.#state.sources[index];
      return source === undefined ? [] : [{ source, state: this.stateOf(index) }];
    });
  }

  /** All logs, in the order of their names. */
  get logs(): readonly string[] {
    return [...this.#byLog.keys()].sort();
  }

  count(state: SourceState): number {
    return this.#state.sources.filter((_, index) => this.stateOf(index) === state).length;
  }

  readonly dataset = (hash: string): SourceState | null => this.#datasets.get(hash) ?? null;

  readonly versions = (name: string): { done: readonly Version[]; hasOpen: boolean } =>
    this.#versions.get(name) ?? { done: [], hasOpen: false };

  /** The facts of each thing of a kind behind a place, in the order of their identities. */
  async *groups(kind: FactKind, behind: Identity): AsyncGenerator<Group, void> {
    const after = behind.length === 0 ? '' : keyOf(kind, behind);
    const end = endOf(kind);
    let key = '';
    let facts: Fact[] = [];
    for await (const line of this.#runs.from(this.#state.at.runs, keyOf(kind, behind))) {
      const next = keyOfLine(line);
      if (next === after) continue;
      if (next >= end) break;
      if (next !== key && facts.length > 0) {
        yield { key, facts };
        facts = [];
      }
      key = next;
      facts.push(parseFact(line, this.#state.at.kids));
    }
    if (facts.length > 0) yield { key, facts };
  }

  /** The facts of one thing. */
  async factsOf(kind: FactKind, identity: Identity): Promise<readonly Fact[]> {
    const key = keyOf(kind, identity);
    const facts: Fact[] = [];
    for await (const line of this.#runs.from(this.#state.at.runs, key)) {
      if (keyOfLine(line) !== key) break;
      facts.push(parseFact(line, this.#state.at.kids));
    }
    return facts;
  }

  /** What links rest on: which datasets are recorded, and every version of every name. */
  async #readContext(): Promise<void> {
    this.#datasets.clear();
    this.#versions.clear();
    for await (const { facts } of this.groups('dataset', [])) {
      const states = facts.map(({ source }) => this.stateOf(source));
      const [hash = ''] = facts[0]?.identity ?? [];
      this.#datasets.set(hash, states.includes('done') ? 'done' : (states[0] ?? 'open'));
    }
    const byName = new Map<string, { done: { commit: string; at: Instant }[]; hasOpen: boolean }>();
    for await (const { facts } of this.groups('model', [])) {
      const [name = '', commit = ''] = facts[0]?.identity ?? [];
      const of = byName.get(name) ?? { done: [], hasOpen: false };
      byName.set(name, of);
      const done = facts.filter(({ source }) => this.stateOf(source) === 'done');
      of.hasOpen ||= done.length < facts.length;
      of.done.push(...done.map(({ recordedAt }) => ({ commit, at: recordedAt })));
    }
    for (const [name, { done, hasOpen }] of byName)
      this.#versions.set(name, { done: versionsOf(done), hasOpen });
  }
}

function textsOf(value: Plain): readonly string[] {
  return Array.isArray(value) ? value.filter((of: Plain) => typeof of === 'string') : [];
}
