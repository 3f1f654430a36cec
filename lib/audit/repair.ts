import { lineAt } from '../evidence.ts';
import { namedAudited } from '../graph/ask/audited.ts';
import type { Graph } from '../graph/connection.ts';
import type { Payload } from '../graph/settings.ts';
import {
  countAgain,
  deleteElement,
  deleteUnsaid,
  replay,
  setLog,
  setObject,
  setWaiver,
  type ArchivedLog,
} from '../graph/write/repair.ts';
import { settle } from '../graph/write/settle.ts';
import { archiveDamaged, type Archive } from '../ingest/archive.ts';
import { parseVerdict } from '../ingest/verdict.ts';
import { openEnvelope } from '../trust/envelope.ts';
import type { VerifyingKey } from '../trust/keys.ts';
import { parseRecord } from '../trust/record.ts';
import { isRefusal } from '../trust/rejection.ts';
import { verifyEnvelope } from '../trust/signers.ts';
import type { VerifiedRecord } from '../trust/verify.ts';
import { STRAY, type Difference } from './difference.ts';
import { hasPayload } from './expected.ts';
import type { Fact, FactKind, Identity } from './facts.ts';
import { Ledger } from './ledger.ts';
import { Runs } from './runs.ts';
import { AuditState } from './state.ts';
import type { EvidenceStore } from './store.ts';
import { nameOf } from './take-in.ts';
import { waiversOf } from './waivers.ts';

/** What was done about one thing that differed. */
export interface Repaired {
  readonly kind: string;
  readonly identity: readonly string[];
  readonly did: string;
}

/** Things that others rest on come first; logs once more at the end, when their stretches are counted. */
const ORDER = [
  'log',
  'dataset',
  'model',
  'inference',
  'record',
  'stretch',
  'object',
  'finding',
  'waiver',
];

/**
 * Writes anew what an audit found to differ, from the archived envelopes, each of which is verified
 * again. Nothing is repaired where the archive itself lacks something: what it lost would be deleted.
 */
export async function repair(
  differences: readonly Difference[],
  on: {
    readonly graph: Graph;
    readonly archive: Archive;
    readonly store: EvidenceStore;
    readonly payload: Payload;
  },
  onRepaired: (repaired: Repaired) => void,
): Promise<void> {
  const damaged = differences.find(({ what }) => what === 'archive');
  if (damaged !== undefined)
    throw archiveDamaged(`${damaged.identity.join(' ')}: ${damaged.says}; nothing was repaired`);
  const state = await AuditState.load(on.store, false);
  const ledger = new Ledger(state, new Runs(on.store));
  await ledger.refresh(on.graph);
  const repairing = new Repairing(on, ledger);
  const things = new Map(differences.map((of) => [JSON.stringify([of.kind, of.identity]), of]));
  const nodes = differences.filter(({ what }) => what === 'node');
  const unsaid = new Set(nodes.map(({ kind, identity }) => JSON.stringify([kind, identity])));
  const inOrder = [...things.values()].sort((a, b) => placeOf(a) - placeOf(b));
  for (const { kind, identity, what } of inOrder) {
    if (what === STRAY) {
      // A type of relationship is written in capitals.
      await deleteElement(on.graph, identity[0] ?? '', kind === kind.toUpperCase());
      onRepaired({ kind, identity, did: 'deleted' });
      continue;
    }
    const isUnsaid = unsaid.has(JSON.stringify([kind, identity]));
    onRepaired({ kind, identity, did: await repairing.repair(kind, identity, isUnsaid) });
  }
  await settle(on.graph);
  await repairing.countLogs();
}

/** What no identity leads to goes before all else: it may hold what others are to be linked to. */
function placeOf({ kind, what }: Difference): number {
  if (what === STRAY) return -1;
  // A record that nothing rests on is taken out before its inference is written anew, with its own.
  return kind === 'record' && what === 'node' ? 0.5 : ORDER.indexOf(kind);
}

class Repairing {
  readonly #on: Parameters<typeof repair>[1];
  readonly #ledger: Ledger;
  readonly #keys = new Map<string, readonly VerifyingKey[]>();
  /** Logs of which signings were written again. */
  readonly #touched = new Set<string>();
  readonly #replayed = new Set<string>();

  constructor(on: Parameters<typeof repair>[1], ledger: Ledger) {
    this.#on = on;
    this.#ledger = ledger;
  }

  /** `isUnsaid`: no log says that the thing is there at all. */
  async repair(kind: string, identity: Identity, isUnsaid: boolean): Promise<string> {
    const { graph } = this.#on;
    switch (kind) {
      case 'dataset':
      case 'model':
      case 'inference':
        return this.#replay(kind, identity);
      case 'record':
        return this.#replayRecord(identity);
      case 'log':
        return this.#setLog(identity);
      case 'stretch':
        if (!isUnsaid) await countAgain(graph, identity);
        else await deleteUnsaid(graph, kind, identity);
        return isUnsaid ? 'deleted' : 'counted again';
      case 'object':
        return this.#setObject(identity);
      case 'finding':
        await deleteUnsaid(graph, kind, identity);
        return 'deleted; the next check makes it anew where a rule finds it';
      case 'waiver':
        return this.#setWaiver(identity);
      default:
        throw new Error(`nobody knows how to repair a ${kind}`);
    }
  }

  /** When all else is repaired: how many of its signings a log was first with. */
  async countLogs(): Promise<void> {
    for (const log of this.#touched) await this.#setLog([log]);
  }

  async #replayRecord(identity: Identity): Promise<string> {
    const facts = await this.#ledger.factsOf('record', identity);
    const [fact] = facts;
    if (fact?.kind === 'record')
      return this.#replay(fact.asserts.length === 1 ? 'dataset' : 'model', fact.asserts);
    return this.#replay('record', identity);
  }

  async #replay(kind: FactKind, identity: Identity): Promise<string> {
    const name = JSON.stringify([kind, identity]);
    if (this.#replayed.has(name)) return 'replayed before';
    this.#replayed.add(name);
    const facts = kind === 'record' ? [] : await this.#ledger.factsOf(kind, identity);
    const done = facts.filter(({ source }) => this.#ledger.stateOf(source) === 'done');
    const records: VerifiedRecord[] = [];
    const signings = new Set<string>();
    // The log that was archived first comes first: its place is kept.
    for (const fact of done.toSorted((a, b) => a.source - b.source || a.line - b.line)) {
      const signing = `${fact.digest} ${fact.kid}`;
      if (signings.has(signing)) continue;
      signings.add(signing);
      records.push(await this.#record(fact));
      this.#touched.add(this.#ledger.logOf(fact.source));
    }
    const isDataset = (hash: string): boolean => this.#ledger.dataset(hash) !== null;
    // What somebody took out of the graph on purpose does not come back.
    const [held] = kind === 'inference' ? await namedAudited(this.#on.graph, kind, [identity]) : [];
    const isWithout = held !== undefined && !hasPayload(held.columns);
    const payload = isWithout ? 'none' : this.#on.payload;
    await replay(this.#on.graph, { kind, identity, records, isDataset }, payload);
    return records.length === 0 ? 'deleted' : `replayed from ${records.length} signed records`;
  }

  /** The record of a fact, read from the archive and verified again. */
  async #record({ source, digest, kid, line, offset, length }: Fact): Promise<VerifiedRecord> {
    const log = this.#ledger.logOf(source);
    const bytes = await lineAt(this.#on.archive, { log, version: null, offset, length });
    if (bytes === null) throw archiveDamaged(`${log} is missing`);
    const envelope = openEnvelope(bytes);
    const keys = (await this.#keysOf(log, source)).filter((key) => key.kid === kid);
    const verified = isRefusal(envelope) ? envelope : verifyEnvelope(envelope, keys);
    const record = isRefusal(verified) ? verified : parseRecord(verified);
    if (isRefusal(record) || record.digest !== digest)
      throw archiveDamaged(`line ${line} of ${log} is not what it was`);
    return { record, kid, location: { log, line, offset, length } };
  }

  async #keysOf(log: string, source: number): Promise<readonly VerifyingKey[]> {
    const parked = this.#ledger.sourceAt(source)?.parked ?? null;
    const name = nameOf({ log, parked });
    const held = this.#keys.get(name);
    if (held !== undefined) return held;
    const text = await this.#on.archive.verdict({ log, parked });
    const rules = text === null ? null : parseVerdict(text);
    if (rules === null) throw archiveDamaged(`the verdict of ${log} is missing or unreadable`);
    this.#keys.set(name, rules.options.keys);
    return rules.options.keys;
  }

  async #setLog(identity: Identity): Promise<string> {
    const [log = ''] = identity;
    const verdicts = this.#verdictsOf(log);
    if (verdicts.length === 0) {
      await deleteUnsaid(this.#on.graph, 'log', identity);
      return 'deleted';
    }
    await setLog(this.#on.graph, log, verdicts);
    this.#touched.add(log);
    return 'set as the archive has it';
  }

  #verdictsOf(log: string): readonly ArchivedLog[] {
    return this.#ledger
      .sourcesOf(log)
      .filter(({ state }) => state === 'done')
      .map(({ source }) => ({ ...source, key: nameOf(source), offset: source.last.offset }));
  }

  async #setObject(identity: Identity): Promise<string> {
    const [uri = ''] = identity;
    const found = await this.#ledger.logOfObject(this.#on.graph, uri);
    const verdict =
      found === null ? undefined : this.#verdictsOf(found.log).find(({ key }) => key === found.key);
    if (found === null || verdict === undefined)
      return 'left as it is: which log it brought, nothing outside the graph tells';
    await setObject(this.#on.graph, uri, found.log, verdict);
    return 'set as the archive has it';
  }

  async #setWaiver(identity: Identity): Promise<string> {
    const statement = (await waiversOf(this.#on.store)).get(identity[0] ?? '');
    if (statement === undefined) {
      await deleteUnsaid(this.#on.graph, 'waiver', identity);
      return 'deleted';
    }
    await setWaiver(this.#on.graph, statement);
    return `set as ${statement.who} made it`;
  }
}
