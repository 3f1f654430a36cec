import { offsetSigned, type OffsetSigned } from '../../trust/timestamp.ts';
import { heldAt, IS_DECLARED, RECORD_OF_DATASET, RECORD_OF_MODEL } from '../as-of.ts';
import type { Graph } from '../connection.ts';
import {
  CONTENTS_OF_DATASET,
  CONTENTS_OF_MODEL,
  contentsIn,
  type WithContents,
} from '../content-count.ts';
import { database } from '../database.ts';
import { modelName, type ModelName } from '../model-name.ts';
import { earlierOf, LAST_TEXT, NOW } from '../place.ts';
import { count, maybe, node, nodes, only, text, texts, time, type Row } from '../rows.ts';
import { evidenceOf, SIGNINGS_OF_RECORD, type Evidence } from '../signing.ts';
import type { Within } from './datasets.ts';
import { askWhole, askWholeOne } from './whole.ts';

/** A dataset as an answer about a model names it. */
export interface UsedDataset extends WithContents {
  readonly hash: string;
  /** Null where it is longer than 4,096 characters, or where another record held at the time asked about. */
  readonly path: string | null;
  readonly evidence: Evidence;
}

/** A model version as its head says, or as what held at a time says. */
export interface ModelItem extends ModelName, WithContents, OffsetSigned {
  /** The text as signed; null in an answer about a time before the head, whose record is at `evidence`. */
  readonly hyperparameters: string | null;
  readonly environment: string | null;
  readonly timestamp: string | null;
  readonly recordedAt: string;
  readonly since: string;
  /** At most a hundred; {@link datasetCount} has all. */
  readonly datasets: readonly UsedDataset[];
  readonly datasetCount: number;
  /** Declared, and never recorded; at most a hundred, {@link pendingCount} has all. */
  readonly pending: readonly string[];
  readonly pendingCount: number;
  readonly inferenceCount: number;
  readonly evidence: Evidence;
}

export interface ModelFilter extends Within {
  readonly name: string | null;
  readonly minDatasets: number;
  /** True: only versions without any dataset; false: only those with one. */
  readonly orphan: boolean | null;
}

/** A place in a list of versions, which is ordered by (since, name, commit): none of them changes when a version is recorded again. */
export interface ModelPlace extends ModelName {
  readonly since: string;
}

/** Gives what the version `m` declares and nobody recorded. */
export const PENDING_OF_MODEL = `CALL (m) {
  OPTIONAL MATCH (p:PendingLink {name: m.name, commit: m.commit})
  WITH p.hash AS hash
  ORDER BY hash
  RETURN collect(hash)[..100] AS pending, count(hash) AS pendingCount
}`;

// Three seeks, hinted at, as for datasets: only a seek compares names with parameters by code points.
const NEWEST_MODELS = `
CALL () {
  MATCH (m:Model)
  USING INDEX SEEK m:Model(since, name, commit)
  WHERE m.since = datetime($since) AND m.name = $nameBefore AND m.commit < $commitBefore
    AND datetime($since) >= datetime($from)
  RETURN m
  UNION ALL
  MATCH (m:Model)
  USING INDEX SEEK m:Model(since, name, commit)
  WHERE m.since = datetime($since) AND m.name < $nameBefore AND m.commit IS NOT NULL
    AND datetime($since) >= datetime($from)
  RETURN m
  UNION ALL
  MATCH (m:Model)
  USING INDEX SEEK m:Model(since, name, commit)
  WHERE m.since < datetime($since) AND m.since >= datetime($from)
    AND m.name IS NOT NULL AND m.commit IS NOT NULL
  RETURN m
}
WITH m, CASE WHEN $isNow THEN COUNT { (m)<-[:USED_IN]-() } ELSE COUNT {
  MATCH (d:Dataset)-[u:USED_IN]->(m)
  WHERE d.since <= datetime($asOf) AND ${IS_DECLARED}
} END AS datasetCount
WHERE ($name IS NULL OR m.name = $name) AND datasetCount >= $minDatasets
  AND ($orphan IS NULL OR (datasetCount = 0) = $orphan)
WITH m, datasetCount
ORDER BY m.since DESC, m.name DESC, m.commit DESC
LIMIT $limit
${RECORD_OF_MODEL}
CALL (m) {
  OPTIONAL MATCH (d:Dataset)-[u:USED_IN]->(m)
  WHERE d.since <= datetime($asOf) AND ${IS_DECLARED}
  WITH d
  ORDER BY d.hash
  LIMIT 100
  ${RECORD_OF_DATASET}
  WITH d, record, coalesce(record, d) AS said
  RETURN collect(said {hash: d.hash, path: CASE WHEN record IS NULL AND size(d.path) <= 4096 THEN d.path END,
    .digest, signings: ${SIGNINGS_OF_RECORD}, contents: ${CONTENTS_OF_DATASET}}) AS datasets
}
${PENDING_OF_MODEL}
WITH m, record, datasets, pending, pendingCount, datasetCount, coalesce(record, m) AS said
RETURN m {.*} AS model, record, datasets, pending, pendingCount, datasetCount,
  COUNT { (m)-[:GENERATED]->() } AS inferenceCount, ${SIGNINGS_OF_RECORD} AS signings,
  ${CONTENTS_OF_MODEL} AS contents
ORDER BY model.since DESC, model.name DESC, model.commit DESC
`;

const ONE_MODEL = `
MATCH (m:Model {name: $name, commit: $commit})
CALL (m) {
  OPTIONAL MATCH (d:Dataset)-[:USED_IN]->(m)
  WITH d, d AS said
  ORDER BY d.hash
  LIMIT 100
  RETURN collect(d {.hash, path: CASE WHEN size(d.path) <= 4096 THEN d.path END,
    .digest, signings: ${SIGNINGS_OF_RECORD}, contents: ${CONTENTS_OF_DATASET}}) AS datasets
}
${PENDING_OF_MODEL}
WITH m, m AS said, datasets, pending, pendingCount
RETURN m {.*} AS model, null AS record, datasets, pending, pendingCount,
  COUNT { (m)<-[:USED_IN]-() } AS datasetCount, COUNT { (m)-[:GENERATED]->() } AS inferenceCount,
  ${SIGNINGS_OF_RECORD} AS signings, ${CONTENTS_OF_MODEL} AS contents
`;

const PENDING_LINKS = `
UNWIND $versions AS version
MATCH (p:PendingLink {name: version.name, commit: version.commit})
WITH version, p.hash AS hash
ORDER BY hash
RETURN collect(hash)[..100] AS pending, count(hash) AS pendingCount
`;

const COUNT_NAMING = `
MATCH (i:Inference)
USING INDEX SEEK i:Inference(resolution, model)
WHERE i.resolution = 'pending' AND i.model = $name AND i.commit = $commit
RETURN count(i) AS count
`;

/** At most `limit` versions behind a place, or from the newest on that had been recorded by `asOf`. */
export async function newestModels(
  graph: Graph,
  after: ModelPlace | null,
  limit: number,
  filter: ModelFilter,
): Promise<readonly ModelItem[]> {
  const { until, asOf, ...rest } = filter;
  const place = after ?? { since: earlierOf(until, asOf), name: LAST_TEXT, commit: LAST_TEXT };
  const parameters = {
    ...rest,
    ...heldAt(asOf),
    since: place.since,
    nameBefore: place.name,
    commitBefore: place.commit,
    limit: BigInt(limit),
  };
  return askWhole(graph, NEWEST_MODELS, parameters, (found) => found.map(modelItem));
}

export async function readModel(graph: Graph, model: ModelName): Promise<ModelItem | null> {
  const { name, commit } = model;
  return askWholeOne(graph, ONE_MODEL, { name, commit, asOf: NOW }, modelItem);
}

/** How many inferences name by its commit a version that is not recorded. */
export async function countNaming(graph: Graph, { name, commit }: ModelName): Promise<number> {
  return count(only(await graph[database].ask(COUNT_NAMING, { name, commit })), 'count');
}

/** What versions declare and nobody recorded, for each of those versions that has any. */
export async function pendingLinks(
  graph: Graph,
  versions: readonly ModelName[],
): Promise<readonly Pick<ModelItem, 'pending' | 'pendingCount'>[]> {
  if (versions.length === 0) return [];
  const names = versions.map(({ name, commit }) => ({ name, commit }));
  const found = await graph[database].ask(PENDING_LINKS, { versions: names });
  return found.map(pendingOf);
}

/** What a version declares and nobody recorded. */
export function pendingOf(row: Row): Pick<ModelItem, 'pending' | 'pendingCount'> {
  return { pending: texts(row, 'pending'), pendingCount: count(row, 'pendingCount') };
}

function modelItem(row: Row): ModelItem {
  const model = node(row, 'model');
  const earlier = maybe(node, row, 'record');
  const head = earlier === null ? model : null;
  const timestamp = head && text(head, 'timestamp');
  return {
    ...modelName(model),
    hyperparameters: head && text(head, 'hyperparameters'),
    environment: head && text(head, 'environment'),
    timestamp,
    ...offsetSigned(timestamp),
    recordedAt: time(earlier ?? model, 'recordedAt'),
    since: time(model, 'since'),
    datasets: nodes(row, 'datasets').map((dataset) => ({
      hash: text(dataset, 'hash'),
      path: maybe(text, dataset, 'path'),
      ...contentsIn(dataset),
      evidence: evidenceOf(dataset, dataset),
    })),
    datasetCount: count(row, 'datasetCount'),
    ...pendingOf(row),
    inferenceCount: count(row, 'inferenceCount'),
    ...contentsIn(row),
    evidence: evidenceOf(earlier ?? model, row),
  };
}
