import { DECLARED_BY, heldAt, IS_DECLARED, RECORD_OF_DATASET, RECORD_OF_MODEL } from '../as-of.ts';
import type { Graph } from '../connection.ts';
import {
  CONTENTS_OF_DATASET,
  CONTENTS_OF_INFERENCE,
  CONTENTS_OF_MODEL,
  contentsIn,
  type WithContents,
} from '../content-count.ts';
import { modelName, type ModelName } from '../model-name.ts';
import { count, maybe, node, nodes, texts, time, type Row } from '../rows.ts';
import {
  evidenceOf,
  SIGNINGS_OF_INFERENCE,
  SIGNINGS_OF_RECORD,
  type Evidence,
} from '../signing.ts';
import { datasetItem, type DatasetItem } from './datasets.ts';
import { inferenceItem, linkedAt, type InferenceItem } from './inferences.ts';
import { PENDING_OF_MODEL, pendingOf, type ModelItem } from './models.ts';
import { BEING_WRITTEN, beingWritten, type BeingWritten } from './objects.ts';
import { askWholeOne } from './whole.ts';

/** A model version on the way from datasets to inferences. */
export interface LineageModel extends ModelName, WithContents {
  readonly recordedAt: string;
  readonly since: string;
  readonly inferenceCount: number;
  readonly evidence: Evidence;
}

/** A dataset that a model version uses. */
export interface DeclaredDataset {
  readonly dataset: DatasetItem;
  /** Digests of the records that declare it, at most a hundred. */
  readonly declared: readonly string[];
}

/** An inference, and what stands behind it where that is no more than one answer holds. */
export interface Behind {
  /** Without its payloads. */
  readonly inference: InferenceItem;
  /** Null where it is more. */
  readonly rest: Rest | null;
}

/** All that an inference rests on, and how complete that is. */
export interface Rest {
  /** The version that it is linked to; null while that is not recorded. */
  readonly model: LineageModel | null;
  /** The version's datasets, in no order. */
  readonly datasets: readonly DeclaredDataset[];
  /** What the version declares and nobody recorded. */
  readonly pending: Pick<ModelItem, 'pending' | 'pendingCount'>;
  readonly writing: BeingWritten;
}

// One round trip for what the steps of lib/graph/ask/lineage.ts ask for in six, each part as it is there.
// Neither payloads nor opaque JSON: no lineage shows them, and they are most of what a node holds.
const BEHIND_INFERENCE = `
MATCH (i:Inference {id: $id})
OPTIONAL MATCH (m:Model)-[:GENERATED]->(i)
WITH i, m, COUNT { (m)<-[:USED_IN]-() } AS datasetCount
${RECORD_OF_MODEL}
CALL (m, datasetCount) {
  MATCH (d:Dataset)-[u:USED_IN]->(m)
  WHERE datasetCount <= $mostDatasets AND d.since <= datetime($asOf) AND ${IS_DECLARED}
  ${RECORD_OF_DATASET}
  WITH d, u, record, COUNT { (d)-[:USED_IN]->() } AS models,
    ${DECLARED_BY} AS declared, coalesce(record, d) AS said
  RETURN collect({dataset: d {.*}, record: record, models: models, declared: declared,
    signings: ${SIGNINGS_OF_RECORD}, contents: ${CONTENTS_OF_DATASET}}) AS datasets
}
${PENDING_OF_MODEL}
CALL () {${BEING_WRITTEN}}
WITH *, coalesce(record, m) AS said
RETURN i {.id, .model, .commit, .resolution, .timestamp, .recordedAt, .inputSha256, .inputBytes,
    .outputSha256, .outputBytes, .digest, signings: ${SIGNINGS_OF_INFERENCE},
    contents: ${CONTENTS_OF_INFERENCE}} AS inference,
  m {.name, .commit, .since, .recordedAt, .digest} AS model,
  record, ${SIGNINGS_OF_RECORD} AS signings, COUNT { (m)-[:GENERATED]->() } AS inferenceCount,
  ${CONTENTS_OF_MODEL} AS contents, datasetCount, datasets, pending, pendingCount, count, uris
`;

/** What stands behind an inference at a time, where that is no more than so many datasets; null where there is none of that id. */
export async function behindInference(
  graph: Graph,
  id: string,
  asOf: string,
  mostDatasets: number,
): Promise<Behind | null> {
  const parameters = { id, ...heldAt(asOf), mostDatasets: BigInt(mostDatasets) };
  const found = await askWholeOne(graph, BEHIND_INFERENCE, parameters, (row) => {
    const inference = inferenceItem(row, asOf);
    const isAll = count(row, 'datasetCount') <= mostDatasets;
    return { inference, rest: isAll ? restOf(row, inference) : null };
  });
  if (found === null) return null;
  const [inference = found.inference] = await linkedAt(graph, [found.inference], asOf);
  return { ...found, inference };
}

function restOf(row: Row, { model }: InferenceItem): Rest {
  const writing = beingWritten(row);
  // A version that came later than the time that is asked about is not behind it yet.
  if (model === null)
    return { model, datasets: [], pending: { pending: [], pendingCount: 0 }, writing };
  return {
    model: lineageModel(row),
    datasets: nodes(row, 'datasets').map(declaredDataset),
    pending: pendingOf(row),
    writing,
  };
}

/** Of a row that tells a dataset, its record at a time before its head, and who declared its use by then. */
export function declaredDataset(row: Row): DeclaredDataset {
  return { dataset: datasetItem(row), declared: texts(row, 'declared') };
}

/** Of a row that tells a version, its record at a time before its head, and how many inferences it has. */
export function lineageModel(row: Row): LineageModel {
  const model = node(row, 'model');
  // A head that came later than the time that is asked about does not tell what held then.
  const said = maybe(node, row, 'record') ?? model;
  return {
    ...modelName(model),
    recordedAt: time(said, 'recordedAt'),
    since: time(model, 'since'),
    inferenceCount: count(row, 'inferenceCount'),
    ...contentsIn(row),
    evidence: evidenceOf(said, row),
  };
}
