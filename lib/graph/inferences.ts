import type { Graph, Row } from './connection.ts';
import type { ModelName } from './models.ts';
import { evidenceOf, placeOf, timeOf, type Evidence, type Place } from './place.ts';

/** How an inference found its model version (docs/graph.md, G-12). */
export type Resolution = 'exact' | 'only-version' | 'as-of' | 'before-model' | 'pending';

/** A payload as kept: its text, its hash and size, or nothing. */
export interface Payloads {
  readonly input: string | null;
  readonly inputSha256: string | null;
  readonly inputBytes: number | null;
  readonly output: string | null;
  readonly outputSha256: string | null;
  readonly outputBytes: number | null;
}

export interface InferenceItem {
  readonly id: string;
  /** As signed. */
  readonly claimed: { readonly name: string; readonly commit: string | null };
  /** The version it is linked to; null while that is not recorded. */
  readonly model: ModelName | null;
  readonly resolution: Resolution;
  readonly timestamp: string;
  readonly recordedAt: string;
  readonly payloads: Payloads;
  readonly evidence: Evidence;
}

/** One step of a list: an item, or a row that was looked at and is not wanted. */
export interface Scanned {
  readonly place: Place;
  readonly item: InferenceItem | null;
}

export interface InferenceFilter {
  readonly since: string;
  /** The signed model name. */
  readonly model: string | null;
  /** Of the version it is linked to. */
  readonly commit: string | null;
}

const MODELS_OF_DATASET = `
MATCH (:Dataset {hash: $dataset})-[:USED_IN]->(m:Model)
RETURN collect([m.name, m.commit]) AS models
`;

// The index gives the order; what is not wanted is told by its place alone, so that each statement's
// cost is bounded whatever is asked for.
const NEWEST_INFERENCES = `
MATCH (i:Inference)
WHERE i.recordedAt <= datetime($at) AND i.recordedAt >= datetime($since) AND i.digest IS NOT NULL
  AND (i.recordedAt < datetime($at) OR i.digest < $digest)
WITH i
ORDER BY i.recordedAt DESC, i.digest DESC
LIMIT $scan
OPTIONAL MATCH (m:Model)-[:GENERATED]->(i)
WITH i, m, ($commit IS NULL OR m.commit = $commit)
  AND ($models IS NULL OR [m.name, m.commit] IN $models) AS isWanted
RETURN i.recordedAt AS recordedAt, i.digest AS digest,
  CASE WHEN isWanted THEN i {.*} END AS inference, m {.name, .commit} AS model
ORDER BY recordedAt DESC, digest DESC
`;

const NEWEST_INFERENCES_OF_NAME = `
MATCH (i:Inference)
WHERE i.model = $model
  AND i.recordedAt <= datetime($at) AND i.recordedAt >= datetime($since) AND i.digest IS NOT NULL
  AND (i.recordedAt < datetime($at) OR i.digest < $digest)
WITH i
ORDER BY i.recordedAt DESC, i.digest DESC
LIMIT $scan
OPTIONAL MATCH (m:Model)-[:GENERATED]->(i)
WITH i, m, ($commit IS NULL OR m.commit = $commit)
  AND ($models IS NULL OR [m.name, m.commit] IN $models) AS isWanted
RETURN i.recordedAt AS recordedAt, i.digest AS digest,
  CASE WHEN isWanted THEN i {.*} END AS inference, m {.name, .commit} AS model
ORDER BY recordedAt DESC, digest DESC
`;

const OLDEST_INFERENCES_OF_VERSION = `
MATCH (i:Inference)
WHERE i.model = $name
  AND i.recordedAt >= datetime($at) AND i.recordedAt <= datetime($asOf) AND i.digest IS NOT NULL
  AND (i.recordedAt > datetime($at) OR i.digest > $digest)
WITH i
ORDER BY i.recordedAt, i.digest
LIMIT $scan
OPTIONAL MATCH (m:Model {name: $name, commit: $commit})-[:GENERATED]->(i)
RETURN i.recordedAt AS recordedAt, i.digest AS digest,
  CASE WHEN m IS NOT NULL THEN i {.*} END AS inference, m {.name, .commit} AS model
ORDER BY recordedAt, digest
`;

const OLDEST_INFERENCES_OF_KEY = `
MATCH (i:Inference)
WHERE i.kid = $kid
  AND i.recordedAt >= datetime($at) AND i.recordedAt <= datetime($asOf) AND i.digest IS NOT NULL
  AND (i.recordedAt > datetime($at) OR i.digest > $digest)
WITH i
ORDER BY i.recordedAt, i.digest
LIMIT $scan
OPTIONAL MATCH (m:Model)-[:GENERATED]->(i)
RETURN i.recordedAt AS recordedAt, i.digest AS digest, i {.*} AS inference, m {.name, .commit} AS model
ORDER BY recordedAt, digest
`;

const ONE_INFERENCE = `
MATCH (i:Inference {id: $id})
OPTIONAL MATCH (m:Model)-[:GENERATED]->(i)
RETURN i {.*} AS inference, m {.name, .commit} AS model
`;

/** The version names that use a dataset, to be matched with those of inferences. */
export async function versionsUsing(graph: Graph, dataset: string): Promise<string[][]> {
  const [row] = await graph.ask(MODELS_OF_DATASET, { dataset });
  return row?.['models'] as string[][];
}

/** The next `scan` inferences behind a place, newest first, those that are not wanted by their place alone. */
export async function newestInferences(
  graph: Graph,
  place: Place,
  scan: number,
  { since, model, commit }: InferenceFilter,
  /** Names and commits of the versions whose inferences are wanted; null for all. */
  models: string[][] | null,
): Promise<readonly Scanned[]> {
  const parameters = { ...place, scan: BigInt(scan), since, model, commit, models };
  const statement = model === null ? NEWEST_INFERENCES : NEWEST_INFERENCES_OF_NAME;
  return scanned(graph, statement, parameters);
}

/** Those that are linked to one model version, oldest first. */
export async function inferencesOfVersion(
  graph: Graph,
  { name, commit }: ModelName,
  place: Place,
  scan: number,
  asOf: string,
): Promise<readonly Scanned[]> {
  const parameters = { ...place, name, commit, asOf, scan: BigInt(scan) };
  return scanned(graph, OLDEST_INFERENCES_OF_VERSION, parameters);
}

/** Those whose head was signed with a key, oldest first. */
export async function inferencesOfKey(
  graph: Graph,
  kid: string,
  place: Place,
  scan: number,
  asOf: string,
): Promise<readonly Scanned[]> {
  return scanned(graph, OLDEST_INFERENCES_OF_KEY, { ...place, kid, asOf, scan: BigInt(scan) });
}

export async function readInference(graph: Graph, id: string): Promise<InferenceItem | null> {
  const [row] = await graph.ask(ONE_INFERENCE, { id });
  return row === undefined ? null : inferenceItem(row);
}

async function scanned(graph: Graph, statement: string, parameters: Row): Promise<Scanned[]> {
  const found = await graph.ask(statement, parameters);
  return found.map((row) => ({
    place: placeOf(row),
    item: row['inference'] === null ? null : inferenceItem(row),
  }));
}

function inferenceItem(row: Row): InferenceItem {
  const inference = row['inference'] as Row;
  const or = <T>(name: string): T | null => (inference[name] ?? null) as T | null;
  return {
    id: inference['id'] as string,
    claimed: { name: inference['model'] as string, commit: or('commit') },
    model: (row['model'] ?? null) as ModelName | null,
    resolution: inference['resolution'] as Resolution,
    timestamp: inference['timestamp'] as string,
    recordedAt: timeOf(inference['recordedAt']),
    payloads: {
      input: or('input'),
      inputSha256: or('inputSha256'),
      inputBytes: or('inputBytes'),
      output: or('output'),
      outputSha256: or('outputSha256'),
      outputBytes: or('outputBytes'),
    },
    evidence: evidenceOf(inference),
  };
}
