import { inOrder, resolve, type Link } from '../../lib/graph/resolve.ts';
import {
  decide,
  leastOf,
  linkKey,
  type Changes,
  type Stored,
  type StoredEntity,
  type Verified,
} from '../../lib/graph/write/changes.ts';
import { saidOf } from '../../lib/graph/write/write-changes.ts';
import type {
  DatasetRecord,
  InferenceRecord,
  LineageRecord,
  ModelRecord,
} from '../../lib/trust/lineage-record.ts';
import { compareInstants, type Instant } from '../../lib/trust/timestamp.ts';
import type { VerifiedRecord } from '../../lib/trust/verify.ts';
import { lineOf, type Snapshot } from './oracle.ts';

interface Entity<R extends DatasetRecord | ModelRecord> {
  head: Verified<R>;
  since: Instant;
}

/**
 * What lib/graph/write/writer.ts does with the decisions of lib/graph/write/changes.ts, in memory: thousands of
 * record sets a minute, where the real database takes a tenth of a second each.
 */
export class MemoryGraph {
  readonly #datasets = new Map<string, Entity<DatasetRecord>>();
  readonly #models = new Map<string, Map<string, Entity<ModelRecord>>>();
  readonly #inferences = new Map<string, { head: Verified<InferenceRecord>; link: Link }>();
  /** By digest. */
  readonly #records = new Map<string, LineageRecord>();
  /** The kids that signed it, by digest. */
  readonly #signers = new Map<string, Set<string>>();
  readonly #usedIn = new Map<string, readonly string[]>();
  readonly #pending = new Map<string, readonly string[]>();

  apply(batch: readonly VerifiedRecord[]): Changes {
    const changes = decide(batch, this.#stored(batch));
    for (const id of changes.contested) {
      const sole = this.#inferences.get(id)?.head.record;
      if (sole !== undefined) this.#records.set(sole.digest, sole);
    }
    for (const [hash, { head, since }] of changes.datasets)
      this.#datasets.set(hash, merged(this.#datasets.get(hash), head, since));
    for (const { name, commit, head, since } of changes.models) {
      const versions = this.#models.get(name) ?? new Map<string, Entity<ModelRecord>>();
      versions.set(commit, merged(versions.get(commit), head, since));
      this.#models.set(name, versions);
    }
    for (const { hash, name, commit, evidence, pending } of changes.links)
      (pending ? this.#pending : this.#usedIn).set(linkKey(hash, name, commit), evidence);
    for (const change of [...changes.createdInferences, ...changes.changedInferences])
      this.#inferences.set(change.head.record.id, change);
    for (const record of changes.records) this.#records.set(record.digest, record);
    for (const { digest, kid } of changes.signings)
      this.#signers.set(digest, (this.#signers.get(digest) ?? new Set()).add(kid));
    for (const hash of changes.newDatasets) this.#makeLinks(hash);
    for (const { name, from } of changes.changedNames) this.#relink(name, from);
    return changes;
  }

  snapshot(): Snapshot {
    const lines: string[] = [];
    for (const { head, since } of this.#datasets.values())
      lines.push(lineOf('Dataset', { ...described(head), since: nanos(since) }));
    for (const versions of this.#models.values())
      for (const { head, since } of versions.values())
        lines.push(
          lineOf('Model', { ...described(head), datasetHashes: null, since: nanos(since) }),
        );
    for (const { head, link } of this.#inferences.values()) {
      const { modelName: model, ...rest } = described(head) as Record<string, unknown> & {
        modelName: string;
      };
      lines.push(lineOf('Inference', { ...rest, model, resolution: link.resolution }));
      if (link.commit !== null)
        lines.push(lineOf('GENERATED', { name: model, commit: link.commit, id: head.record.id }));
    }
    for (const record of this.#records.values())
      lines.push(
        lineOf('Record', {
          type: record.type,
          ...saidOf(record),
          ...claim(record),
          asserts: JSON.stringify(entityOf(record)),
        }),
      );
    for (const [digest, kids] of this.#signers) {
      const sole = [...this.#inferences.values()].find(({ head }) => head.record.digest === digest);
      const signed =
        this.#records.has(digest) || sole === undefined
          ? ['Record', digest]
          : ['Inference', sole.head.record.id];
      for (const kid of kids)
        lines.push(lineOf('SIGNED_IN', { signed: JSON.stringify(signed), kid }));
    }
    for (const [kind, links] of [
      ['USED_IN', this.#usedIn],
      ['PendingLink', this.#pending],
    ] as const)
      for (const [key, evidence] of links) {
        const [hash, name, commit] = JSON.parse(key) as string[];
        lines.push(lineOf(kind, { hash, name, commit, evidence }));
      }
    return lines.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  #stored(batch: readonly VerifiedRecord[]): Stored {
    const entity = ({ head, since }: Entity<DatasetRecord | ModelRecord>): StoredEntity => ({
      recordedAt: head.record.recordedAt,
      digest: head.record.digest,
      since,
    });
    const contested = new Set(
      [...this.#records.values()].flatMap((of) => (of.type === 'inference' ? [of.id] : [])),
    );
    const wanted = batch.flatMap(({ record }) =>
      record.type === 'model'
        ? record.datasetHashes.map((hash) => linkKey(hash, record.name, record.commit))
        : [],
    );
    return {
      datasets: new Map(Array.from(this.#datasets, ([hash, of]) => [hash, entity(of)])),
      models: new Map(
        Array.from(this.#models, ([name, versions]) => [
          name,
          new Map(Array.from(versions, ([commit, of]) => [commit, entity(of)])),
        ]),
      ),
      inferences: new Map(
        Array.from(this.#inferences, ([id, { head }]) => [
          id,
          {
            recordedAt: head.record.recordedAt,
            digest: head.record.digest,
            hasRecords: contested.has(id),
          },
        ]),
      ),
      signers: this.#signers,
      links: new Map(
        Array.from(wanted, (key) => [
          key,
          {
            usedIn: this.#usedIn.get(key) ?? null,
            pending: this.#pending.get(key) ?? null,
            datasetExists: this.#datasets.has((JSON.parse(key) as string[])[0] ?? ''),
          },
        ]),
      ),
    };
  }

  #makeLinks(hash: string): void {
    for (const [key, evidence] of this.#pending) {
      if ((JSON.parse(key) as string[])[0] !== hash) continue;
      this.#pending.delete(key);
      this.#usedIn.set(key, leastOf(this.#usedIn.get(key), evidence));
    }
  }

  #relink(name: string, from: Instant | null): void {
    const versions = inOrder(
      Array.from(this.#models.get(name) ?? [], ([commit, { since }]) => ({ commit, since })),
    );
    const all = [...this.#inferences.values()].filter(({ head }) => head.record.modelName === name);
    const isAll = from === null || all.some(({ link }) => link.resolution === 'pending');
    for (const held of all) {
      const { record } = held.head;
      if (isAll || compareInstants(record.recordedAt, from) >= 0)
        held.link = resolve(record.commit, record.recordedAt, versions);
    }
  }
}

function merged<R extends DatasetRecord | ModelRecord>(
  held: Entity<R> | undefined,
  head: Verified<R> | null,
  since: Instant | null,
): Entity<R> {
  const after = { head: head ?? held?.head, since: since ?? held?.since };
  if (after.head === undefined || after.since === undefined)
    throw new Error('a new entity came without its head or its since');
  return { head: after.head, since: after.since };
}

function nanos({ epochSeconds, nanoseconds }: Instant): bigint {
  return BigInt(epochSeconds) * 1_000_000_000n + BigInt(nanoseconds);
}

function claim({ digest, recordedAt }: LineageRecord): Record<string, unknown> {
  return { digest, recordedAt: nanos(recordedAt) };
}

function entityOf(record: LineageRecord): string[] {
  switch (record.type) {
    case 'dataset':
      return ['Dataset', record.hash];
    case 'model':
      return ['Model', record.name, record.commit];
    case 'inference':
      return ['Inference', record.id];
  }
}

function described({ record }: VerifiedRecord): Record<string, unknown> {
  return { ...record, type: null, ...claim(record) };
}
