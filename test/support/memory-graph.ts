import { inOrder, resolve, type Link } from '../../lib/graph/resolve.ts';
import type { Row } from '../../lib/graph/rows.ts';
import {
  decide,
  leastOf,
  linkKey,
  standingOf,
  type Changes,
  type Standing,
  type Stored,
  type StoredEntity,
  type Verified,
} from '../../lib/graph/write/changes.ts';
import { contentOf } from '../../lib/graph/write/write-changes.ts';
import type { DatasetRecord, InferenceRecord, ModelRecord } from '../../lib/trust/record.ts';
import type { Instant } from '../../lib/trust/timestamp.ts';
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
  readonly #records = new Map<
    string,
    { standing: Standing; type: string; asserts: string; content: Row }
  >();
  readonly #usedIn = new Map<string, readonly string[]>();
  readonly #pending = new Map<string, readonly string[]>();

  apply(batch: readonly VerifiedRecord[]): Changes {
    const changes = decide(batch, this.#stored(batch));
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
    for (const { standing, type, asserts } of changes.records) {
      const identity = {
        dataset: () => ['Dataset', (asserts as DatasetRecord).hash],
        model: () => ['Model', (asserts as ModelRecord).name, (asserts as ModelRecord).commit],
        inference: () => ['Inference', (asserts as InferenceRecord).id],
      }[type]();
      this.#records.set(standing.digest, {
        standing,
        type,
        asserts: JSON.stringify(identity),
        content: contentOf(asserts),
      });
    }
    for (const hash of changes.newDatasets) this.#makeLinks(hash);
    for (const name of changes.changedNames) this.#relink(name);
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
    for (const { standing, type, asserts, content } of this.#records.values())
      lines.push(lineOf('Record', { type, asserts, ...content, ...placed(standing) }));
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
      ...standingOf(head),
      since,
    });
    const asserted = new Set([...this.#records.values()].map(({ asserts }) => asserts));
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
          { ...standingOf(head), hasRecords: asserted.has(JSON.stringify(['Inference', id])) },
        ]),
      ),
      records: new Map(Array.from(this.#records, ([digest, { standing }]) => [digest, standing])),
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

  #relink(name: string): void {
    const versions = inOrder(
      Array.from(this.#models.get(name) ?? [], ([commit, { since }]) => ({ commit, since })),
    );
    for (const held of this.#inferences.values()) {
      const { record } = held.head;
      if (record.modelName === name)
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

function placed(standing: Standing): Record<string, unknown> {
  const { digest, kid, source, line, offset, length } = standing;
  return { digest, kid, source, line, offset, length, recordedAt: nanos(standing.recordedAt) };
}

function described(head: VerifiedRecord): Record<string, unknown> {
  return { ...head.record, type: null, ...placed(standingOf(head)) };
}
