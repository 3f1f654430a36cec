import type {
  DatasetRecord,
  InferenceRecord,
  LineageRecord,
  ModelRecord,
} from '../../trust/lineage-record.ts';
import { compareInstants, type Instant } from '../../trust/timestamp.ts';
import type { VerifiedRecord } from '../../trust/verify.ts';
import { isLater, type Claim } from '../order.ts';
import { inOrder, resolve, type Link, type Version } from '../resolve.ts';

/** Evidence lists hold the least this many digests (docs/graph.md, G-10). */
const MAX_EVIDENCE = 100;

/** A stored dataset or model: its head's claim, and since when it is recorded. */
export interface StoredEntity extends Claim {
  readonly since: Instant;
}

export interface StoredInference extends Claim {
  /** More than one record asserts it, and each of them is a node of its own (G-6). */
  readonly hasRecords: boolean;
}

export interface StoredLink {
  readonly usedIn: readonly string[] | null;
  readonly pending: readonly string[] | null;
  readonly datasetExists: boolean;
}

/** What the graph holds of everything that a batch names, read under the write lock. */
export interface Stored {
  readonly datasets: ReadonlyMap<string, StoredEntity>;
  /** Every version of every model name of the batch, by name and commit. */
  readonly models: ReadonlyMap<string, ReadonlyMap<string, StoredEntity>>;
  readonly inferences: ReadonlyMap<string, StoredInference>;
  /** The kids that signed it, of each record of the batch that the graph holds. */
  readonly signers: ReadonlyMap<string, ReadonlySet<string>>;
  /** By {@link linkKey}. */
  readonly links: ReadonlyMap<string, StoredLink>;
}

/** An entity whose node is to be written: its new head, its new `since`, or both. */
export interface EntityChange<R extends LineageRecord> {
  readonly head: Verified<R> | null;
  readonly since: Instant | null;
}

/** A key's first signing of a record, at the place where it was accepted (G-5). */
export interface Signing {
  readonly digest: string;
  /** The inference that it hangs on while this record alone asserts it; null where it hangs on the Record. */
  readonly inference: string | null;
  readonly kid: string;
  readonly recordedAt: Instant;
  readonly line: number;
  readonly offset: number;
  readonly length: number;
}

export interface LinkChange {
  readonly hash: string;
  readonly name: string;
  readonly commit: string;
  readonly evidence: readonly string[];
  readonly pending: boolean;
}

export interface InferenceChange {
  readonly head: Verified<InferenceRecord>;
  readonly link: Link;
}

/** Everything that one batch changes; empty lists throughout when the graph holds it all already. */
export interface Changes {
  readonly datasets: ReadonlyMap<string, EntityChange<DatasetRecord>>;
  readonly models: readonly (EntityChange<ModelRecord> & {
    readonly name: string;
    readonly commit: string;
  })[];
  /** Records that become nodes of their own. */
  readonly records: readonly LineageRecord[];
  /** Stored inferences whose one record becomes a node of its own, with its signings, before all else. */
  readonly contested: readonly string[];
  readonly signings: readonly Signing[];
  readonly links: readonly LinkChange[];
  /** New ones that one record alone asserts: each comes with its first signing. */
  readonly createdInferences: readonly InferenceChange[];
  /** Stored ones with another head, and new ones that several records assert. */
  readonly changedInferences: readonly InferenceChange[];
  /** Datasets that were not there: their pending links may now be made. */
  readonly newDatasets: readonly string[];
  /** Model names whose versions or their `since` changed: their older inferences may now link elsewhere. */
  readonly changedNames: readonly ChangedName[];
  readonly accepted: number;
  readonly duplicate: number;
}

/** A name of which inferences may link elsewhere now, those from an instant on; null: all of them. */
export interface ChangedName {
  readonly name: string;
  readonly from: Instant | null;
}

/** A verified record of one type. */
export type Verified<R extends LineageRecord> = VerifiedRecord & { readonly record: R };

/** The identity of a link between a dataset and a model version. */
export function linkKey(hash: string, name: string, commit: string): string {
  return JSON.stringify([hash, name, commit]);
}

/** True for a verified record of that type. */
export function isOf<T extends LineageRecord['type']>(
  type: T,
  verified: VerifiedRecord,
): verified is Verified<Extract<LineageRecord, { type: T }>> {
  return verified.record.type === type;
}

/**
 * What a batch changes, decided from what the graph holds. Pure: the same records in any order and
 * any number of times lead to the same graph (docs/graph.md, G-1 to G-12).
 */
export function decide(batch: readonly VerifiedRecord[], stored: Stored): Changes {
  const signings = new Signings(stored.signers);
  const datasets = new Map<string, Entity<DatasetRecord>>();
  const models = new Map<string, Map<string, Entity<ModelRecord>>>();
  const records: LineageRecord[] = [];
  const declared: ModelRecord[] = [];
  for (const verified of batch) {
    if (isOf('inference', verified)) continue;
    const isNewRecord = !signings.holds(verified);
    if (!signings.add(verified, null)) continue;
    if (isNewRecord) records.push(verified.record);
    if (isOf('dataset', verified)) {
      const { hash } = verified.record;
      const entity = datasets.get(hash) ?? new Entity<DatasetRecord>(stored.datasets.get(hash));
      datasets.set(hash, entity.claim(verified));
    } else if (isOf('model', verified)) {
      const { name, commit } = verified.record;
      const versions = models.get(name) ?? new Map<string, Entity<ModelRecord>>();
      const held = stored.models.get(name)?.get(commit);
      const entity = versions.get(commit) ?? new Entity<ModelRecord>(held);
      models.set(name, versions.set(commit, entity.claim(verified)));
      if (isNewRecord) declared.push(verified.record);
    }
  }
  const versions = versionsAfter(stored, models);
  const inferences = decideInferences(batch, stored, signings, (record) =>
    resolve(record.commit, record.recordedAt, versions.get(record.modelName) ?? []),
  );
  return {
    datasets: new Map(changed(datasets)),
    models: [...models].flatMap(([name, entities]) =>
      changed(entities).map(([commit, change]) => ({ name, commit, ...change })),
    ),
    links: linksOf(declared, stored, (hash) => datasets.has(hash)),
    newDatasets: [...datasets].filter(([, entity]) => entity.isNew).map(([hash]) => hash),
    changedNames: changedNames(stored, models, versions),
    ...inferences,
    records: [...records, ...inferences.records],
    signings: signings.added,
    accepted: signings.added.length,
    duplicate: batch.length - signings.added.length,
  };
}

/** The least {@link MAX_EVIDENCE} of both lists, sorted; digests are ASCII, so `sort` orders them. */
export function leastOf(
  held: readonly string[] | null | undefined,
  added: readonly string[],
): string[] {
  return [...new Set([...(held ?? []), ...added])].sort().slice(0, MAX_EVIDENCE);
}

/** The signings of a batch that the graph does not hold, each at the first place that it has there. */
class Signings {
  readonly added: Signing[] = [];
  readonly #stored: Stored['signers'];
  readonly #fresh = new Map<string, Set<string>>();

  constructor(stored: Stored['signers']) {
    this.#stored = stored;
  }

  /** True when the graph, or this batch before it, has the record by whatever key. */
  holds({ record: { digest } }: VerifiedRecord): boolean {
    return this.#stored.has(digest) || this.#fresh.has(digest);
  }

  /** False for a duplicate: the same text by the same key. */
  add({ record, kid, location }: VerifiedRecord, inference: string | null): boolean {
    const { digest, recordedAt } = record;
    const fresh = this.#fresh.get(digest) ?? new Set();
    if (fresh.has(kid) || this.#stored.get(digest)?.has(kid) === true) return false;
    this.#fresh.set(digest, fresh.add(kid));
    const { line, offset, length } = location;
    this.added.push({ digest, inference, kid, recordedAt, line, offset, length });
    return true;
  }
}

/** A dataset or model while a batch is applied to it. */
class Entity<R extends LineageRecord> {
  readonly isNew: boolean;
  #claim: Claim | null;
  #since: Instant | null;
  #head: Verified<R> | null = null;
  sinceChanged = false;

  constructor(stored: StoredEntity | undefined) {
    this.isNew = stored === undefined;
    this.#claim = stored ?? null;
    this.#since = stored?.since ?? null;
  }

  claim(verified: Verified<R>): this {
    const { record } = verified;
    if (this.#since === null || compareInstants(record.recordedAt, this.#since) < 0) {
      this.#since = record.recordedAt;
      this.sinceChanged = true;
    }
    if (this.#claim === null || isLater(record, this.#claim)) {
      this.#claim = record;
      this.#head = verified;
    }
    return this;
  }

  get since(): Instant | null {
    return this.#since;
  }

  get change(): EntityChange<R> | null {
    if (this.#head === null && !this.sinceChanged) return null;
    return { head: this.#head, since: this.sinceChanged ? this.#since : null };
  }
}

function changed<R extends LineageRecord>(
  entities: Iterable<[string, Entity<R>]>,
): [string, EntityChange<R>][] {
  const changes: [string, EntityChange<R>][] = [];
  for (const [key, { change }] of entities) if (change !== null) changes.push([key, change]);
  return changes;
}

/** What new model records declare, with the digests that declared it before. */
function linksOf(
  declared: readonly ModelRecord[],
  stored: Stored,
  isBrought: (hash: string) => boolean,
): LinkChange[] {
  const digests = new Map<
    string,
    { link: Pick<LinkChange, 'hash' | 'name' | 'commit'>; of: string[] }
  >();
  for (const { name, commit, datasetHashes, digest } of declared)
    for (const hash of datasetHashes) {
      const key = linkKey(hash, name, commit);
      const entry = digests.get(key) ?? { link: { hash, name, commit }, of: [] };
      entry.of.push(digest);
      digests.set(key, entry);
    }
  return [...digests].map(([key, { link, of }]): LinkChange => {
    const held = stored.links.get(key);
    const pending = held?.datasetExists !== true && !isBrought(link.hash);
    return { ...link, pending, evidence: leastOf(pending ? held?.pending : held?.usedIn, of) };
  });
}

function versionsAfter(
  stored: Stored,
  models: ReadonlyMap<string, ReadonlyMap<string, Entity<ModelRecord>>>,
): ReadonlyMap<string, readonly Version[]> {
  const versions = new Map<string, readonly Version[]>();
  for (const name of new Set([...stored.models.keys(), ...models.keys()])) {
    const since = new Map<string, Instant>();
    for (const [commit, entity] of stored.models.get(name) ?? []) since.set(commit, entity.since);
    for (const [commit, entity] of models.get(name) ?? [])
      if (entity.since !== null) since.set(commit, entity.since);
    versions.set(name, inOrder(Array.from(since, ([commit, at]) => ({ commit, since: at }))));
  }
  return versions;
}

/**
 * Which names' inferences may link elsewhere, and from when on. Where there were several versions and
 * the oldest stays the oldest, what was recorded before the changed ones stays where it is.
 */
function changedNames(
  stored: Stored,
  models: ReadonlyMap<string, ReadonlyMap<string, Entity<ModelRecord>>>,
  versions: ReadonlyMap<string, readonly Version[]>,
): ChangedName[] {
  return [...models].flatMap(([name, entities]): ChangedName[] => {
    const moved = [...entities.values()].filter(({ sinceChanged }) => sinceChanged);
    if (moved.length === 0) return [];
    const before = stored.models.get(name) ?? new Map<string, StoredEntity>();
    const [oldest] = inOrder(Array.from(before, ([commit, { since }]) => ({ commit, since })));
    const isAll = before.size < 2 || oldest?.commit !== versions.get(name)?.[0]?.commit;
    const starts = moved.flatMap(({ since }) => since ?? []).sort(compareInstants);
    return [{ name, from: isAll ? null : (starts[0] ?? null) }];
  });
}

function decideInferences(
  batch: readonly VerifiedRecord[],
  stored: Stored,
  signings: Signings,
  link: (record: InferenceRecord) => Link,
): Pick<Changes, 'records' | 'contested' | 'createdInferences' | 'changedInferences'> {
  const changes = { records: [], contested: [], createdInferences: [], changedInferences: [] } as {
    records: LineageRecord[];
    contested: string[];
    createdInferences: InferenceChange[];
    changedInferences: InferenceChange[];
  };
  const claims = Map.groupBy(
    batch.filter((verified) => isOf('inference', verified)),
    ({ record }) => record.id,
  );
  for (const [id, all] of claims) {
    const held = stored.inferences.get(id);
    const digest = held?.digest ?? all[0]?.record.digest;
    const isAlone =
      !(held?.hasRecords ?? false) && all.every(({ record }) => record.digest === digest);
    // A second record that claims the same id: from now on every one of them is a node of its own.
    if (!isAlone && held?.hasRecords === false) changes.contested.push(id);
    let head: Verified<InferenceRecord> | null = null;
    for (const verified of all) {
      const { record } = verified;
      const isKnown = signings.holds(verified);
      signings.add(verified, isAlone ? id : null);
      if (!isAlone && !isKnown) changes.records.push(record);
      if (isLater(record, head?.record ?? held ?? EARLIEST)) head = verified;
    }
    if (head === null) continue;
    const change = { head, link: link(head.record) };
    (held === undefined && isAlone ? changes.createdInferences : changes.changedInferences).push(
      change,
    );
  }
  return changes;
}

/** Before every claim. */
const EARLIEST: Claim = { recordedAt: { epochSeconds: -Infinity, nanoseconds: 0 }, digest: '' };
