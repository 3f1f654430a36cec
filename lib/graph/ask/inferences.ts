import { offsetSigned, type OffsetSigned } from '../../trust/timestamp.ts';
import type { Graph } from '../connection.ts';
import { CONTENTS_OF_INFERENCE, contentsIn, type WithContents } from '../content-count.ts';
import { database } from '../database.ts';
import { modelName, type ModelName } from '../model-name.ts';
import { isBy, NOW, placeOf, type Place } from '../place.ts';
import { RESOLUTIONS, type Resolution } from '../resolve.ts';
import { count, maybe, node, text, time, word, type Row } from '../rows.ts';
import { evidenceOf, SIGNINGS_OF_INFERENCE, type Evidence } from '../signing.ts';
import type { Scanned } from './scan.ts';
import { askWhole, askWholeOne } from './whole.ts';

/** A payload as kept: its text, its hash and size, or nothing. */
export interface Payloads {
  readonly input: string | null;
  readonly inputSha256: string | null;
  readonly inputBytes: number | null;
  readonly output: string | null;
  readonly outputSha256: string | null;
  readonly outputBytes: number | null;
}

export interface InferenceItem extends WithContents, OffsetSigned {
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

/** A row of a list of inferences. */
export type ScannedInference = Scanned<InferenceItem, Place>;

export interface InferenceFilter {
  readonly since: string;
  /** The signed model name. */
  readonly model: string | null;
  /** Of the version that it is linked to, or names. */
  readonly commit: string | null;
  readonly asOf: string;
}

const IS_BEFORE_PLACE = `i.recordedAt <= datetime($at) AND i.recordedAt >= datetime($since) AND i.digest IS NOT NULL
  AND CASE WHEN i.recordedAt = datetime($at) THEN i.digest < $digest ELSE true END`;

const IS_AFTER_PLACE = `i.recordedAt >= datetime($at) AND i.recordedAt <= datetime($asOf) AND i.digest IS NOT NULL
  AND CASE WHEN i.recordedAt = datetime($at) THEN i.digest > $digest ELSE true END`;

const INFERENCE = `i {.*, signings: ${SIGNINGS_OF_INFERENCE}, contents: ${CONTENTS_OF_INFERENCE}}`;

/** Tells what is not wanted by its place alone. */
const TELL_WANTED = `OPTIONAL MATCH (m:Model)-[:GENERATED]->(i)
WITH i, m, ($commit IS NULL OR i.commit = $commit OR (m.commit = $commit AND m.since <= datetime($asOf)))
  AND ($models IS NULL OR [m.name, m.commit] IN $models) AS isWanted
RETURN i.recordedAt AS recordedAt, i.digest AS digest,
  CASE WHEN isWanted THEN ${INFERENCE} END AS inference, m {.name, .commit, .since} AS model`;

// The index gives the order; what is not wanted is told by its place alone, so that each statement's
// cost is bounded whatever is asked for. What all have in common stands in the order, too: without it
// the planner does not take the index for sorted, and reads all there are. The hints are for a new
// database: of an index that it has no statistics of, it would rather read all than seek. So is CASE: an
// OR becomes two seeks whose rows have to be sorted.
const NEWEST_INFERENCES = `
MATCH (i:Inference)
USING INDEX SEEK i:Inference(recordedAt, digest)
WHERE ${IS_BEFORE_PLACE}
WITH i
ORDER BY i.recordedAt DESC, i.digest DESC
LIMIT $scan
${TELL_WANTED}
ORDER BY recordedAt DESC, digest DESC
`;

const NEWEST_INFERENCES_OF_NAME = `
MATCH (i:Inference)
USING INDEX SEEK i:Inference(model, recordedAt, digest)
WHERE i.model = $model
  AND ${IS_BEFORE_PLACE}
WITH i
ORDER BY i.model DESC, i.recordedAt DESC, i.digest DESC
LIMIT $scan
${TELL_WANTED}
ORDER BY i.model DESC, recordedAt DESC, digest DESC
`;

const OLDEST_INFERENCES_OF_VERSION = `
MATCH (i:Inference)
USING INDEX SEEK i:Inference(model, recordedAt, digest)
WHERE i.model = $name
  AND ${IS_AFTER_PLACE}
WITH i
ORDER BY i.model, i.recordedAt, i.digest
LIMIT $scan
OPTIONAL MATCH (m:Model {name: $name, commit: $commit})-[:GENERATED]->(i)
RETURN i.recordedAt AS recordedAt, i.digest AS digest,
  CASE WHEN m IS NOT NULL OR i.commit = $commit THEN ${INFERENCE} END AS inference, m {.name, .commit, .since} AS model
ORDER BY i.model, recordedAt, digest
`;

const ONE_INFERENCE = `
MATCH (i:Inference {id: $id})
OPTIONAL MATCH (m:Model)-[:GENERATED]->(i)
RETURN ${INFERENCE} AS inference, m {.name, .commit, .since} AS model
`;

const NAMES_OF_SEVERAL = `
UNWIND $names AS name
CALL (name) {
  MATCH (m:Model)
  WHERE m.name = name AND m.commit IS NOT NULL AND m.since <= datetime($asOf)
  RETURN m
  LIMIT 2
}
WITH name, count(m) AS versions
WHERE versions > 1
RETURN name
`;

/** The next `scan` inferences behind a place, newest first, those that are not wanted by their place alone. */
export async function newestInferences(
  graph: Graph,
  place: Place,
  scan: number,
  filter: InferenceFilter,
  /** The versions whose inferences are wanted; null for all. */
  versions: readonly ModelName[] | null,
): Promise<readonly ScannedInference[]> {
  const models = versions?.map(({ name, commit }) => [name, commit]) ?? null;
  const { model } = filter;
  const parameters = { ...place, ...filter, scan: BigInt(scan), models };
  const statement = model === null ? NEWEST_INFERENCES : NEWEST_INFERENCES_OF_NAME;
  return readRows(graph, statement, parameters);
}

/** Those that are linked to one model version, or name it while it is not recorded, oldest first. */
export async function inferencesOfVersion(
  graph: Graph,
  { name, commit }: ModelName,
  place: Place,
  scan: number,
  asOf: string,
): Promise<readonly ScannedInference[]> {
  const parameters = { ...place, name, commit, asOf, scan: BigInt(scan) };
  return readRows(graph, OLDEST_INFERENCES_OF_VERSION, parameters);
}

/** Null where there is none of that id. */
export async function readInference(graph: Graph, id: string): Promise<InferenceItem | null> {
  return askWholeOne(graph, ONE_INFERENCE, { id }, (row) => inferenceItem(row, NOW));
}

async function readRows(
  graph: Graph,
  statement: string,
  parameters: Row & { readonly asOf: string },
): Promise<ScannedInference[]> {
  const { asOf } = parameters;
  const found = await askWhole(graph, statement, parameters, (read) =>
    read.map((row) => ({
      place: placeOf(row),
      // A row may tell no more than its place.
      item: row['inference'] === null ? null : inferenceItem(row, asOf),
    })),
  );
  const told = found.flatMap(({ item }) => item ?? []);
  const linked = (await linkedAt(graph, told, asOf)).values();
  return found.map(({ place, item }) => ({
    place,
    item: item && (linked.next().value ?? null),
  }));
}

/** The same inferences, each with its link as it was at `asOf`. */
export async function linkedAt(
  graph: Graph,
  items: readonly InferenceItem[],
  asOf: string,
): Promise<readonly InferenceItem[]> {
  const links = items.map(({ claimed, resolution }) => ({ name: claimed.name, resolution }));
  const resolutions = await resolutionsAt(graph, links, asOf);
  return items.map((item, index) => ({
    ...item,
    resolution: resolutions[index] ?? item.resolution,
  }));
}

/**
 * How inferences of those names, linked so by now, were linked at a time: while no other version had
 * been recorded, what is now the version of the time was the only one.
 */
export async function resolutionsAt(
  graph: Graph,
  links: readonly { readonly name: string; readonly resolution: Resolution }[],
  asOf: string,
): Promise<readonly Resolution[]> {
  const all = links.map(({ resolution }) => resolution);
  const byTime = links.filter(({ resolution }) => resolution === 'as-of').map(({ name }) => name);
  if (asOf === NOW || byTime.length === 0) return all;
  const found = await graph[database].ask(NAMES_OF_SEVERAL, { names: [...new Set(byTime)], asOf });
  const several = new Set(found.map((row) => text(row, 'name')));
  return links.map(({ name, resolution }) =>
    resolution === 'as-of' && !several.has(name) ? 'only-version' : resolution,
  );
}

const resolution = word(RESOLUTIONS);

/** The inference of a row that tells it and its version; {@link linkedAt} tells its link at a time. */
export function inferenceItem(row: Row, asOf: string): InferenceItem {
  const inference = node(row, 'inference');
  const model = maybe(node, row, 'model');
  // A version that came later was not there to be linked to.
  const isThere = model !== null && isBy(time(model, 'since'), asOf);
  return {
    id: text(inference, 'id'),
    claimed: { name: text(inference, 'model'), commit: maybe(text, inference, 'commit') },
    model: isThere ? modelName(model) : null,
    resolution: isThere ? resolution(inference, 'resolution') : 'pending',
    timestamp: text(inference, 'timestamp'),
    ...offsetSigned(text(inference, 'timestamp')),
    recordedAt: time(inference, 'recordedAt'),
    payloads: {
      input: maybe(text, inference, 'input'),
      inputSha256: maybe(text, inference, 'inputSha256'),
      inputBytes: maybe(count, inference, 'inputBytes'),
      output: maybe(text, inference, 'output'),
      outputSha256: maybe(text, inference, 'outputSha256'),
      outputBytes: maybe(count, inference, 'outputBytes'),
    },
    ...contentsIn(inference),
    evidence: evidenceOf(inference, inference),
  };
}
