import type {
  DatasetRecord,
  InferenceRecord,
  LineageRecord,
  ModelRecord,
} from '../../trust/record.ts';
import { compareInstants, type Instant } from '../../trust/timestamp.ts';
import type { VerifiedRecord } from '../../trust/verify.ts';
import { isBefore, isLater, type Claim, type Place } from '../order.ts';
import { inOrder, resolve, type Link, type Version } from '../resolve.ts';

/** Evidence lists hold the least this many digests (docs/graph.md, G-10). */
const MAX_EVIDENCE = 100;

/** A record as a node names it. */
export interface Standing extends Claim, Place {
  readonly kid: string;
  readonly offset: number;
  readonly length: number;
}

/** A stored dataset or model. */
export interface StoredEntity extends Claim, Place {
  readonly since: Instant;
}

export interface StoredInference extends Standing {
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
  readonly records: ReadonlyMap<string, Place>;
  /** By {@link linkKey}. */
  readonly links: ReadonlyMap<string, StoredLink>;
}

/** An entity whose node is to be written: its new head, its new `since`, or both. */
export interface EntityChange<R extends LineageRecord> {
  readonly head: Verified<R> | null;
  readonly since: Instant | null;
}

export interface RecordChange {
  readonly standing: Standing;
  readonly type: LineageRecord['type'];
  readonly asserts: LineageRecord;
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
  readonly records: readonly RecordChange[];
  readonly links: readonly LinkChange[];
  readonly createdInferences: readonly InferenceChange[];
  readonly changedInferences: readonly InferenceChange[];
  /** Datasets that were not there: their pending links may now be made. */
  readonly newDatasets: readonly string[];
  /** Model names whose versions or their `since` changed: their older inferences may now link elsewhere. */
  readonly changedNames: readonly string[];
  readonly accepted: number;
  readonly duplicate: number;
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

/** Where and by whom a verified record was signed, and when it claims to be made. */
export function standingOf({ record, kid, location }: VerifiedRecord): Standing {
  return { recordedAt: record.recordedAt, digest: record.digest, kid, ...location };
}

/**
 * What a batch changes, decided from what the graph holds. Pure: the same records in any order and
 * any number of times lead to the same graph (docs/graph.md, G-1 to G-12).
 */
export function decide(batch: readonly VerifiedRecord[], stored: Stored): Changes {
  const records = new Records(stored.records);
  const { datasets, models, declared, duplicate } = decideEntities(batch, stored, records);
  const versions = versionsAfter(stored, models);
  const inferences = decideInferences(batch, stored, records, (record) =>
    resolve(record.commit, record.recordedAt, versions.get(record.modelName) ?? []),
  );
  return {
    datasets: new Map(changesOf(datasets)),
    models: [...models].flatMap(([name, entities]) =>
      changesOf(entities).map(([commit, change]) => ({ name, commit, ...change })),
    ),
    records: records.changes(),
    links: decideLinks(declared, stored, datasets),
    createdInferences: inferences.created,
    changedInferences: inferences.changed,
    newDatasets: [...datasets].filter(([, entity]) => entity.isNew).map(([hash]) => hash),
    changedNames: [...models]
      .filter(([, entities]) => [...entities.values()].some((entity) => entity.sinceChanged))
      .map(([name]) => name),
    accepted: batch.length - duplicate - inferences.duplicate,
    duplicate: duplicate + inferences.duplicate,
  };
}

/** A use of a dataset, and the digests of the batch's new records that declare it. */
interface Declared extends Pick<LinkChange, 'hash' | 'name' | 'commit'> {
  readonly digests: string[];
}

function decideEntities(
  batch: readonly VerifiedRecord[],
  stored: Stored,
  records: Records,
): {
  readonly datasets: ReadonlyMap<string, Entity<DatasetRecord>>;
  readonly models: ReadonlyMap<string, ReadonlyMap<string, Entity<ModelRecord>>>;
  /** By {@link linkKey}. */
  readonly declared: ReadonlyMap<string, Declared>;
  readonly duplicate: number;
} {
  const datasets = new Map<string, Entity<DatasetRecord>>();
  const models = new Map<string, Map<string, Entity<ModelRecord>>>();
  const declared = new Map<string, Declared>();
  let duplicate = 0;
  for (const verified of batch) {
    if (isOf('inference', verified)) continue;
    const isNew = records.add(verified);
    if (!isNew) duplicate += 1;
    if (isOf('dataset', verified)) {
      const { hash } = verified.record;
      const entity = datasets.get(hash) ?? new Entity<DatasetRecord>(stored.datasets.get(hash));
      datasets.set(hash, entity.claim(verified));
    } else if (isOf('model', verified)) {
      const { name, commit, datasetHashes, digest } = verified.record;
      const versions = models.get(name) ?? new Map<string, Entity<ModelRecord>>();
      const entity =
        versions.get(commit) ?? new Entity<ModelRecord>(stored.models.get(name)?.get(commit));
      models.set(name, versions.set(commit, entity.claim(verified)));
      if (!isNew) continue;
      for (const hash of datasetHashes) {
        const key = linkKey(hash, name, commit);
        const use = declared.get(key) ?? { hash, name, commit, digests: [] };
        use.digests.push(digest);
        declared.set(key, use);
      }
    }
  }
  return { datasets, models, declared, duplicate };
}

function decideLinks(
  declared: ReadonlyMap<string, Declared>,
  stored: Stored,
  datasets: ReadonlyMap<string, unknown>,
): LinkChange[] {
  return Array.from(declared, ([key, { digests, ...use }]) => {
    const held = stored.links.get(key);
    const pending = held?.datasetExists !== true && !datasets.has(use.hash);
    return { ...use, pending, evidence: leastOf(pending ? held?.pending : held?.usedIn, digests) };
  });
}

/** The least {@link MAX_EVIDENCE} of both lists, sorted; digests are ASCII, so `sort` orders them. */
export function leastOf(
  held: readonly string[] | null | undefined,
  added: readonly string[],
): string[] {
  return [...new Set([...(held ?? []), ...added])].sort().slice(0, MAX_EVIDENCE);
}

/** A dataset or model while a batch is applied to it. */
class Entity<R extends LineageRecord> {
  readonly isNew: boolean;
  #standing: (Claim & Place) | null;
  #since: Instant | null;
  #head: Verified<R> | null = null;
  sinceChanged = false;

  constructor(stored: StoredEntity | undefined) {
    this.isNew = stored === undefined;
    this.#standing = stored ?? null;
    this.#since = stored?.since ?? null;
  }

  claim(verified: Verified<R>): this {
    const standing = standingOf(verified);
    if (this.#since === null || compareInstants(standing.recordedAt, this.#since) < 0) {
      this.#since = standing.recordedAt;
      this.sinceChanged = true;
    }
    if (this.#standing === null || replaces(standing, this.#standing)) {
      this.#standing = standing;
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

/** True when `a` is to stand on the node instead of `b`: a later record, or the same one from a lesser place. */
function replaces(a: Claim & Place, b: Claim & Place): boolean {
  return a.digest === b.digest ? isBefore(a, b) : isLater(a, b);
}

function changesOf<R extends LineageRecord>(
  entities: Iterable<[string, Entity<R>]>,
): [string, EntityChange<R>][] {
  const changes: [string, EntityChange<R>][] = [];
  for (const [key, { change }] of entities) if (change !== null) changes.push([key, change]);
  return changes;
}

/** The `Record` nodes of a batch. */
class Records {
  readonly #stored: ReadonlyMap<string, Place>;
  readonly #fresh = new Map<string, RecordChange>();

  constructor(stored: ReadonlyMap<string, Place>) {
    this.#stored = stored;
  }

  /** True when the record was not known; a known one only moves to a lesser place. */
  add(verified: VerifiedRecord): boolean {
    return this.put(standingOf(verified), verified.record);
  }

  put(standing: Standing, asserts: LineageRecord): boolean {
    const held = this.#fresh.get(standing.digest)?.standing ?? this.#stored.get(standing.digest);
    if (held === undefined || isBefore(standing, held))
      this.#fresh.set(standing.digest, { standing, type: asserts.type, asserts });
    return held === undefined;
  }

  changes(): RecordChange[] {
    return [...this.#fresh.values()];
  }
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

function decideInferences(
  batch: readonly VerifiedRecord[],
  stored: Stored,
  records: Records,
  link: (record: InferenceRecord) => Link,
): { created: InferenceChange[]; changed: InferenceChange[]; duplicate: number } {
  interface State {
    standing: Standing;
    head: Verified<InferenceRecord> | null;
    hasRecords: boolean;
  }
  const states = new Map<string, State>();
  let duplicate = 0;
  for (const verified of batch) {
    if (!isOf('inference', verified)) continue;
    const { record } = verified;
    const standing = standingOf(verified);
    const held = stored.inferences.get(record.id);
    const state =
      states.get(record.id) ??
      (held && { standing: held, head: null, hasRecords: held.hasRecords });
    if (state === undefined) {
      states.set(record.id, { standing, head: verified, hasRecords: false });
      continue;
    }
    states.set(record.id, state);
    // A second record that claims the same id: from now on every one of them is a node of its own.
    if (!state.hasRecords && standing.digest !== state.standing.digest) {
      records.put(state.standing, record);
      state.hasRecords = true;
    }
    const isNew = state.hasRecords ? records.add(verified) : false;
    if (!isNew) duplicate += 1;
    if (replaces(standing, state.standing)) {
      state.standing = standing;
      state.head = verified;
    }
  }
  const created: InferenceChange[] = [];
  const changes: InferenceChange[] = [];
  for (const [id, { head }] of states) {
    if (head === null) continue;
    (stored.inferences.has(id) ? changes : created).push({ head, link: link(head.record) });
  }
  return { created, changed: changes, duplicate };
}
