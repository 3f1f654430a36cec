import { setTimeout as pause } from 'node:timers/promises';
import {
  auditedTotals,
  namedAudited,
  nextAudited,
  strays,
  type FoundThing,
  type PlainMap,
} from '../graph/ask/audited.ts';
import { AUDITED, type Audited } from '../graph/audited.ts';
import type { Graph } from '../graph/connection.ts';
import { compareText } from '../graph/order.ts';
import type { Archive } from '../ingest/archive.ts';
import {
  compareFinding,
  compareLog,
  compareObject,
  compareStretch,
  compareWaiver,
} from './beside.ts';
import { STRAY, type Difference } from './difference.ts';
import {
  choicesOf,
  compareDataset,
  compareInference,
  compareModel,
  compareRecord,
  hasPayload,
  mapsOf,
  type Compared,
} from './expected.ts';
import { keyOf, type Fact, type FactKind, type FactOf, type Identity } from './facts.ts';
import { Ledger, type Group } from './ledger.ts';
import { Runs } from './runs.ts';
import { AuditState, type Pass } from './state.ts';
import type { EvidenceStore } from './store.ts';
import { takeIn, type TakenIn } from './take-in.ts';
import { waiversOf, type WaiverStatement } from './waivers.ts';

/** What an audit is made of. */
export interface AuditOptions {
  readonly graph: Graph;
  readonly archive: Archive;
  readonly store: EvidenceStore;
  /** From when it is true the audit stops where it is; the next call goes on from there. */
  readonly isTimeUp?: () => boolean;
  /** Forget what was read before: every archived log is read and verified again. */
  readonly isAnew?: boolean;
}

/** What an audit has found. */
export interface Audit {
  /** The pass came to its end, and all of the archive was taken in. */
  readonly complete: boolean;
  readonly pass: number;
  readonly startedAt: string;
  readonly logs: {
    /** Archived logs, each under one verdict. */
    readonly total: number;
    /** Read in this very call; the others are known from before. */
    readonly read: number;
    readonly open: number;
    readonly abandoned: number;
    readonly withoutVerdict: number;
  };
  /** Things that were compared, by kind: those of the graph and those that the logs say. */
  readonly compared: Readonly<Record<string, number>>;
  readonly entities: number;
  readonly relationships: number;
  /** Things that rest on logs that are still being written: not compared to the end. */
  readonly unsettled: number;
  /** Inferences of which the graph has neither input nor output, as configured or taken out: no difference. */
  readonly withoutPayload: number;
  readonly differences: readonly Difference[];
  /** True where there are more than are named. */
  readonly isTooMuch: boolean;
}

const PAGE: Readonly<Record<Audited, number>> = {
  dataset: 1_000,
  model: 200,
  record: 1_000,
  inference: 500,
  stretch: 500,
  log: 500,
  object: 500,
  finding: 500,
  waiver: 500,
};

/** More than that are not named: the graph is another one, and is made anew from its logs. */
const MAX_DIFFERENCES = 10_000;

/** So many that differed are looked at again together. */
const AGAIN_AT_ONCE = 500;

/** So much may have to be done again after a kill. */
const SAVE_EVERY_MS = 5_000;

/** Between two looks at what differs: whatever was being committed is in by then. */
const AGAIN_AFTER_MS = 300;

/** How many kinds come from facts: the first ones of {@link AUDITED}. */
const FACT_KINDS: readonly string[] = ['dataset', 'model', 'record', 'inference'];

/**
 * Derives from the archived logs what the graph has to hold, and compares it, thing by thing in the
 * order of identities; one pass after the other, each over several calls where the time is short.
 * What differs is looked at again after all logs that were archived until then are read: a log is
 * archived before its first record is written, so what no archived log says then, nobody signed.
 */
export async function audit(options: AuditOptions): Promise<Audit> {
  const state = await AuditState.load(options.store, options.isAnew ?? false);
  return new Auditing(options, state).run();
}

class Auditing {
  readonly #options: AuditOptions;
  readonly #state: AuditState;
  readonly #runs: Runs;
  readonly #ledger: Ledger;
  readonly #isTimeUp: () => boolean;
  #waivers: ReadonlyMap<string, WaiverStatement> = new Map();
  #taken: TakenIn = { isWhole: false, fresh: 0, missing: [], withoutVerdict: [] };
  #read = 0;
  #savedAt = 0;

  constructor(options: AuditOptions, state: AuditState) {
    this.#options = options;
    this.#state = state;
    this.#runs = new Runs(options.store);
    this.#ledger = new Ledger(state, this.#runs);
    this.#isTimeUp = options.isTimeUp ?? (() => false);
  }

  async run(): Promise<Audit> {
    const { at } = this.#state;
    const pass = (at.pass ??= freshPass(at.passes + 1));
    await this.#takeIn();
    if (!this.#taken.isWhole) return this.#told(pass, false);
    await this.#ledger.refresh(this.#options.graph);
    this.#waivers = await waiversOf(this.#options.store);
    for (const kind of AUDITED.slice(pass.kind)) {
      if (pass.isTooMuch) break;
      if (!(await this.#compareKind(kind, pass))) return this.#told(pass, false);
      // Before it is saved: whoever goes on from there must not go through the end of this kind again.
      pass.kind += 1;
      pass.behind = [];
      await this.#save(true);
    }
    if (!(await this.#lookAgain(pass))) return this.#told(pass, false);
    await this.#compareRest(pass);
    const told = this.#told(pass, true);
    at.passes = pass.number;
    at.pass = null;
    await this.#save(true);
    return told;
  }

  async #takeIn(): Promise<void> {
    const { archive } = this.#options;
    this.#taken = await takeIn(archive, this.#state, this.#runs, this.#isTimeUp);
    this.#read += this.#taken.fresh;
  }

  /** Goes through a kind, from where it was left; false where the time was up before its end. */
  async #compareKind(kind: Audited, pass: Pass): Promise<boolean> {
    const facts = new Facts(this.#ledger, kind, this.#waivers, pass.behind);
    try {
      for (;;) {
        const page = await nextAudited(this.#options.graph, kind, pass.behind, PAGE[kind]);
        const last = page.length < PAGE[kind] ? null : (page.at(-1)?.identity ?? null);
        await this.#comparePage(kind, page, last, facts, pass);
        if (pass.isTooMuch || last === null) return true;
        pass.behind = [...last];
        if (pass.candidates.length >= AGAIN_AT_ONCE * 4) {
          if (!(await this.#lookAgain(pass))) return false;
          // What was archived meanwhile is gone through from here on, too.
          await facts.reopen(pass.behind);
        }
        await this.#save(false);
        if (this.#isTimeUp()) return false;
      }
    } finally {
      await facts.close();
    }
  }

  async #comparePage(
    kind: Audited,
    page: readonly FoundThing[],
    last: Identity | null,
    facts: Facts,
    pass: Pass,
  ): Promise<void> {
    const found = new Map(page.map((thing) => [thing.identity.join('\0'), thing]));
    const count = (thing: FoundThing | null, identity: Identity, of: readonly Fact[]): void => {
      const compared = this.#compare(kind, identity, of, thing?.columns ?? null);
      pass.compared[kind] = (pass.compared[kind] ?? 0) + 1;
      pass.relationships += relationshipsOf(kind, thing?.columns ?? {});
      if (kind === 'inference' && thing !== null && !hasPayload(thing.columns))
        pass.withoutPayload += 1;
      if (compared.differences.length > 0) note(pass, kind, identity);
      else if (compared.isUnsettled) pass.unsettled += 1;
    };
    for await (const { identity, of } of facts.through(last)) {
      const key = identity.join('\0');
      const thing = found.get(key) ?? null;
      found.delete(key);
      count(thing, identity, of);
      if (pass.isTooMuch) return;
    }
    for (const thing of found.values()) count(thing, thing.identity, []);
  }

  #compare(
    kind: Audited,
    identity: Identity,
    facts: readonly Fact[],
    found: PlainMap | null,
  ): Compared {
    const ledger = this.#ledger;
    switch (kind) {
      case 'dataset':
        return this.#choose(ofKind('dataset', facts), (of) =>
          only(compareDataset(identity, of, found)),
        );
      case 'model':
        return this.#choose(ofKind('model', facts), (of) =>
          compareModel(identity, of, found, ledger),
        );
      case 'record':
        return this.#choose(ofKind('record', facts), (of) =>
          only(compareRecord(identity, of, found, ledger)),
        );
      case 'inference':
        return this.#choose(ofKind('inference', facts), (of) =>
          compareInference(identity, of, found, ledger),
        );
      case 'stretch':
        return compareStretch(identity, found, ledger);
      case 'log':
        return compareLog(identity, found, ledger);
      case 'object':
        return compareObject(identity, found, ledger);
      case 'finding':
        return compareFinding(identity, found);
      case 'waiver':
        return compareWaiver(identity, found, this.#waivers.get(identity[0] ?? ''));
    }
  }

  /** Of what rests on logs that are not done the graph may have all or nothing; in between is left to the next pass. */
  #choose<F extends FactOf<FactKind>>(
    facts: readonly F[],
    compare: (facts: readonly F[]) => Compared,
  ): Compared {
    const { choices, isOpen } = choicesOf(facts, this.#ledger.stateOf);
    const results = choices.map(compare);
    const equal = results.find(({ differences }) => differences.length === 0);
    if (equal !== undefined) return { differences: [], isUnsettled: isOpen || equal.isUnsettled };
    if (choices.length > 1) return { differences: [], isUnsettled: true };
    return results[0] ?? { differences: [], isUnsettled: false };
  }

  /** False where the time was up before all was looked at again. */
  async #lookAgain(pass: Pass): Promise<boolean> {
    while (pass.candidates.length > 0) {
      const some = pass.candidates.slice(0, AGAIN_AT_ONCE);
      const first = await this.#differing(some);
      if (first === null) return false;
      await pause(first.length === 0 ? 0 : AGAIN_AFTER_MS);
      const still = new Set(first.map(({ kind, identity }) => JSON.stringify([kind, identity])));
      const again = some.filter(({ kind, identity }) =>
        still.has(JSON.stringify([kind, identity])),
      );
      const second = await this.#differing(again, (unsettled) => (pass.unsettled += unsettled));
      if (second === null) return false;
      pass.differences.push(...second);
      pass.candidates.splice(0, some.length);
      await this.#save(false);
      if (this.#isTimeUp() && pass.candidates.length > 0) return false;
    }
    return true;
  }

  /** What differs of these, when all is taken in that was archived until they were read; null where the time was up. */
  async #differing(
    things: Pass['candidates'],
    onUnsettled: (count: number) => void = () => undefined,
  ): Promise<readonly Difference[] | null> {
    const differences: Difference[] = [];
    const { graph } = this.#options;
    const read: [Audited, Identity, PlainMap | null][] = [];
    // What is done is asked before the graph is read, and what is archived after it.
    await this.#ledger.refresh(graph);
    for (const kind of AUDITED) {
      const identities = things.filter((of) => of.kind === kind).map(({ identity }) => identity);
      if (identities.length === 0) continue;
      const found = await namedAudited(graph, kind, identities);
      const columns = new Map(found.map((of) => [of.identity.join('\0'), of.columns]));
      for (const identity of identities)
        read.push([kind, identity, columns.get(identity.join('\0')) ?? null]);
    }
    const before = this.#state.sources.length;
    await this.#takeIn();
    if (!this.#taken.isWhole) return null;
    if (this.#state.sources.length > before) await this.#ledger.notice(before);
    let unsettled = 0;
    for (const [kind, identity, found] of read) {
      const facts = isFactKind(kind) ? await this.#ledger.factsOf(kind, identity) : [];
      const compared = this.#compare(kind, identity, facts, found);
      differences.push(...compared.differences);
      if (compared.isUnsettled) unsettled += 1;
    }
    onUnsettled(unsettled);
    return differences;
  }

  /** What no identity leads to: things without one, and logs that the archive has lost. */
  async #compareRest(pass: Pass): Promise<void> {
    for (const { kind, element, of } of await strays(this.#options.graph, MAX_DIFFERENCES)) {
      // What it is of was signed: that is what is missing, and named already.
      if (this.#ledger.isSigned(kind, of)) continue;
      pass.differences.push({
        kind,
        identity: [element],
        what: STRAY,
        says: 'no log says it',
      });
    }
    for (const log of this.#taken.missing)
      pass.differences.push({
        kind: 'log',
        identity: [log],
        what: 'archive',
        says: 'it was archived, and the archive lacks it or hides it',
      });
    const totals = await auditedTotals(this.#options.graph);
    if (Number(totals['open'] ?? 0) > 0) pass.unsettled += Number(totals['open']);
  }

  async #save(isNow: boolean): Promise<void> {
    if (!isNow && performance.now() - this.#savedAt < SAVE_EVERY_MS) return;
    await this.#state.save();
    this.#savedAt = performance.now();
  }

  #told(pass: Pass, isOver: boolean): Audit {
    const { number, startedAt, compared, relationships, differences, isTooMuch } = pass;
    const ledger = this.#ledger;
    return {
      complete: isOver && !isTooMuch,
      pass: number,
      startedAt,
      logs: {
        total: this.#state.sources.length,
        read: this.#read,
        open: ledger.count('open'),
        abandoned: ledger.count('abandoned'),
        withoutVerdict: this.#taken.withoutVerdict.length,
      },
      compared,
      entities: Object.values(compared).reduce((sum, of) => sum + of, 0),
      relationships,
      unsettled: pass.unsettled,
      withoutPayload: pass.withoutPayload,
      differences,
      isTooMuch,
    };
  }
}

/** What the logs say of the things of a kind, page by page beside the graph's. */
class Facts {
  readonly #ledger: Ledger;
  #groups: AsyncGenerator<Group, void> | null = null;
  #held: Group | null = null;
  #names: readonly string[] = [];
  readonly #kind: Audited;
  readonly #waivers: readonly string[];

  constructor(
    ledger: Ledger,
    kind: Audited,
    waivers: ReadonlyMap<string, WaiverStatement>,
    behind: Identity,
  ) {
    this.#ledger = ledger;
    this.#kind = kind;
    this.#waivers = [...waivers.keys()];
    this.#open(behind);
  }

  #open(behind: Identity): void {
    const kind = this.#kind;
    if (isFactKind(kind)) this.#groups = this.#ledger.groups(kind, behind);
    const [after = ''] = behind;
    const names = kind === 'log' ? this.#ledger.logs : kind === 'waiver' ? this.#waivers : [];
    this.#names = names.filter((name) => compareText(name, after) > 0).sort(compareText);
  }

  async reopen(behind: Identity): Promise<void> {
    await this.close();
    this.#held = null;
    this.#open(behind);
  }

  async close(): Promise<void> {
    await this.#groups?.return(undefined);
  }

  /** All that come up to an identity, or all that are left. */
  async *through(
    last: Identity | null,
  ): AsyncGenerator<{ readonly identity: Identity; readonly of: readonly Fact[] }> {
    const [until = ''] = last ?? [];
    const names = this.#names.filter((name) => last === null || compareText(name, until) <= 0);
    this.#names = this.#names.slice(names.length);
    for (const name of names) yield { identity: [name], of: [] };
    if (this.#groups === null || !isFactKind(this.#kind)) return;
    const end = last === null ? null : keyOf(this.#kind, last);
    for (;;) {
      const next = this.#held ?? (await nextOf(this.#groups));
      this.#held = next;
      if (next === null || (end !== null && compareText(next.key, end) > 0)) return;
      this.#held = null;
      yield { identity: next.facts[0]?.identity ?? [], of: next.facts };
    }
  }
}

async function nextOf(groups: AsyncGenerator<Group, void>): Promise<Group | null> {
  const { value } = await groups.next();
  return value ?? null;
}

function freshPass(number: number): Pass {
  return {
    number,
    startedAt: new Date().toISOString(),
    kind: 0,
    behind: [],
    compared: {},
    relationships: 0,
    unsettled: 0,
    withoutPayload: 0,
    candidates: [],
    differences: [],
    isTooMuch: false,
  };
}

function note(pass: Pass, kind: Audited, identity: Identity): void {
  pass.candidates.push({ kind, identity: [...identity] });
  pass.isTooMuch ||= pass.candidates.length + pass.differences.length >= MAX_DIFFERENCES;
}

function isFactKind(kind: Audited): kind is FactKind & Audited {
  return FACT_KINDS.includes(kind);
}

function ofKind<K extends FactKind>(kind: K, facts: readonly Fact[]): readonly FactOf<K>[] {
  return facts.filter((fact): fact is FactOf<K> => fact.kind === kind);
}

function only(differences: readonly Difference[]): Compared {
  return { differences, isUnsettled: false };
}

/** Of those that were read with it; each is counted at one of its ends. */
function relationshipsOf(kind: Audited, columns: PlainMap): number {
  const sizes = (...names: string[]): number =>
    names.reduce((sum, name) => sum + mapsOf(columns[name]).length, 0);
  if (kind === 'model') return sizes('used');
  if (kind === 'record') return sizes('signings', 'asserts');
  return kind === 'inference' ? sizes('models', 'signings') : 0;
}
