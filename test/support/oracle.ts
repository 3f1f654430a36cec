import { createHash } from 'node:crypto';
import type {
  InferenceRecord,
  LineageRecord,
  ModelRecord,
} from '../../lib/trust/lineage-record.ts';
import type { Instant } from '../../lib/trust/timestamp.ts';
import type { VerifiedRecord } from '../../lib/trust/verify.ts';

/** A graph as lines of text, one for each node and relationship: two graphs are equal when their lines are. */
export type Snapshot = readonly string[];

const bytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const nanos = ({ epochSeconds, nanoseconds }: Instant): bigint =>
  BigInt(epochSeconds) * 1_000_000_000n + BigInt(nanoseconds);
function later(a: VerifiedRecord, b: VerifiedRecord): number {
  const order = nanos(b.record.recordedAt) - nanos(a.record.recordedAt);
  if (order !== 0n) return order < 0n ? -1 : 1;
  return bytes(b.record.digest, a.record.digest);
}

function entityOf(record: LineageRecord): string {
  switch (record.type) {
    case 'dataset':
      return JSON.stringify(['Dataset', record.hash]);
    case 'model':
      return JSON.stringify(['Model', record.name, record.commit]);
    case 'inference':
      return JSON.stringify(['Inference', record.id]);
  }
}

/** What decides which record speaks for its entity. */
function claim({ record }: VerifiedRecord): Record<string, unknown> {
  return { digest: record.digest, recordedAt: nanos(record.recordedAt) };
}

/** What tells two records of one entity apart, beside their time. */
function saidOf(record: LineageRecord): Record<string, unknown> {
  if (record.type === 'inference')
    return { type: record.type, model: record.modelName, commit: record.commit };
  const said =
    record.type === 'dataset'
      ? [record.path, record.description]
      : [
          record.hyperparameters,
          record.environment,
          [...new Set(record.datasetHashes)].sort((a, b) => bytes(a, b)),
        ];
  const content = createHash('sha256').update(JSON.stringify(said)).digest('hex');
  return { type: record.type, content };
}

function payload(name: string, text: string, inlineBytes: number): Record<string, unknown> {
  const utf8 = Buffer.from(text);
  if (utf8.length <= inlineBytes) return { [name]: text };
  const sha256 = createHash('sha256').update(utf8).digest('hex');
  return { [`${name}Sha256`]: sha256, [`${name}Bytes`]: utf8.length };
}

/** One line of a snapshot. */
export function lineOf(kind: string, members: Record<string, unknown>): string {
  const present = Object.entries(members).filter(([, value]) => value !== null);
  return JSON.stringify([kind, ...present.sort(([a], [b]) => bytes(a, b))], (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

/**
 * The graph that a set of records means, computed from all of them at once and without any code of
 * lib/graph: what every order, split and repetition of writing them has to end in.
 */
export function expectedGraph(records: readonly VerifiedRecord[], inlineBytes = 4_096): Snapshot {
  const lines: string[] = [];
  const entities = Map.groupBy(records, ({ record }) => entityOf(record));
  const sinceOf = (key: string): bigint | undefined => {
    const all = entities.get(key)?.map(({ record }) => nanos(record.recordedAt));
    return all?.reduce((a, b) => (b < a ? b : a));
  };
  const models = records.map(({ record }) => record).filter((record) => record.type === 'model');

  for (const [key, claims] of entities) {
    const head = claims.toSorted(later)[0];
    if (head === undefined) continue;
    const { record } = head;
    const { type, digest: _digest, recordedAt: _at, ...described } = record;
    const digests = Map.groupBy(claims, (claim) => claim.record.digest);
    const isNode = type !== 'inference' || digests.size > 1;
    for (const [digest, same] of digests) {
      const first = same[0];
      if (isNode && first !== undefined)
        lines.push(lineOf('Record', { ...saidOf(first.record), ...claim(first), asserts: key }));
      // One relationship for each key that signed the record, whoever else did.
      const signed = isNode ? ['Record', digest] : (JSON.parse(key) as string[]);
      for (const kid of new Set(same.map((of) => of.kid)))
        lines.push(lineOf('SIGNED_IN', { signed: JSON.stringify(signed), kid }));
    }
    if (record.type === 'inference') {
      const { modelName, input, output, ...rest } = record;
      const { type: _t, recordedAt: _r, ...properties } = rest;
      const link = linkOf(record, models, sinceOf);
      lines.push(
        lineOf('Inference', {
          ...properties,
          ...payload('input', input, inlineBytes),
          ...payload('output', output, inlineBytes),
          model: modelName,
          resolution: link.resolution,
          ...claim(head),
        }),
      );
      if (link.commit !== null)
        lines.push(lineOf('GENERATED', { name: modelName, commit: link.commit, id: record.id }));
    } else {
      const properties = {
        ...described,
        datasetHashes: null,
        since: sinceOf(key),
        ...claim(head),
      };
      lines.push(lineOf(record.type === 'dataset' ? 'Dataset' : 'Model', properties));
    }
  }

  const pairs = models.flatMap((model) => model.datasetHashes.map((hash) => ({ hash, model })));
  const keyOf = (pair: { hash: string; model: ModelRecord }): string =>
    JSON.stringify([pair.hash, pair.model.name, pair.model.commit]);
  for (const [key, same] of Map.groupBy(pairs, keyOf)) {
    const [hash, name, commit] = JSON.parse(key) as [string, string, string];
    const evidence = [...new Set(same.map(({ model }) => model.digest))].sort(bytes).slice(0, 100);
    const isThere = entities.has(JSON.stringify(['Dataset', hash]));
    lines.push(lineOf(isThere ? 'USED_IN' : 'PendingLink', { hash, name, commit, evidence }));
  }
  return lines.sort(bytes);
}

function linkOf(
  { modelName, commit, recordedAt }: InferenceRecord,
  models: readonly ModelRecord[],
  sinceOf: (key: string) => bigint | undefined,
): { commit: string | null; resolution: string } {
  const commits = new Set(models.filter(({ name }) => name === modelName).map((m) => m.commit));
  if (commit !== null)
    return commits.has(commit)
      ? { commit, resolution: 'exact' }
      : { commit: null, resolution: 'pending' };
  const versions = [...commits]
    .map((of) => ({ of, since: sinceOf(JSON.stringify(['Model', modelName, of])) ?? 0n }))
    .sort((a, b) => (a.since === b.since ? bytes(a.of, b.of) : a.since < b.since ? -1 : 1));
  const first = versions[0];
  if (first === undefined) return { commit: null, resolution: 'pending' };
  const before = versions.filter(({ since }) => since <= nanos(recordedAt)).at(-1);
  if (before === undefined) return { commit: first.of, resolution: 'before-model' };
  return { commit: before.of, resolution: versions.length === 1 ? 'only-version' : 'as-of' };
}
