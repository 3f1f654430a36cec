import { OutOfTimeError } from '../../errors.ts';
import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { earlierOf, isBy, OLDEST, type Place } from '../place.ts';
import { RESOLUTIONS, type Resolution } from '../resolve.ts';
import { count, only, time, word } from '../rows.ts';
import type { Evidence } from '../signing.ts';
import {
  inferencesOfKey,
  inferencesOfVersion,
  resolutionsAt,
  type InferenceItem,
  type Scanned,
} from './inferences.ts';
import {
  readVersions,
  startNode,
  versionsBehind,
  versionsRestingOn,
  type Subject,
} from './lineage.ts';
import { modelName, type ModelName } from './models.ts';
import { scan, type Bounds, type Part } from './scan.ts';

/** Of the affected versions, those that a summary names. */
const MAX_NAMED = 200;

/** Where a recall begins. */
export type RecallStart = Subject | { readonly kind: 'key'; readonly kid: string };

/** Everything that rests on a dataset, a model version or a key. */
export interface Recall {
  /** All affected versions, in the order of names. */
  readonly versions: readonly ModelName[];
  /** Where it begins at a key, which may have signed inferences of other versions, too. */
  readonly kid: string | null;
  readonly asOf: string;
}

/** Where a recall goes on: within a version, or among what a key signed itself. */
export type RecallPlace =
  { readonly model: ModelName; readonly place: Place } | { readonly signed: Place };

/** How many inferences, and the time of the first and the last. */
export interface Spread {
  readonly count: number;
  readonly first: string | null;
  readonly last: string | null;
}

/** A recall in numbers. */
export interface RecallSummary {
  readonly modelCount: number;
  /** The first {@link MAX_NAMED}. */
  readonly models: readonly (ModelName & {
    readonly inferenceCount: number;
    readonly evidence: Evidence;
  })[];
  /** Of those models; null where not all are named. */
  readonly inferenceCount: number | null;
  /** Of a key: inferences whose head it signed. */
  readonly signedInferenceCount: number | null;
  /** By what they are linked by: as signed, to the only version, by time alone. Null where that was not counted. */
  readonly exact: Spread | null;
  readonly onlyVersion: Spread | null;
  readonly inferred: Spread | null;
  /** False when the time for a question did not suffice to count the inferences by their links. */
  readonly isCounted: boolean;
}

// It goes through all inferences of these versions; the caller gives it the time for that.
const SPREAD = `
UNWIND $versions AS version
MATCH (m:Model {name: version.name, commit: version.commit})-[:GENERATED]->(i:Inference)
WHERE i.recordedAt <= datetime($asOf)
RETURN m.name AS name, m.commit AS commit, i.resolution AS resolution,
  count(i) AS count, min(i.recordedAt) AS first, max(i.recordedAt) AS last
`;

const SIGNED_INFERENCES = `
MATCH (i:Inference)
USING INDEX SEEK i:Inference(kid, recordedAt, digest)
WHERE i.kid = $kid AND i.recordedAt <= datetime($asOf) AND i.digest IS NOT NULL
RETURN count(i) AS count
`;

/** Null where what it begins at had not been recorded; of a key nothing need have been. */
export async function recallOf(
  graph: Graph,
  start: RecallStart,
  asOf: string,
): Promise<Recall | null> {
  if (start.kind === 'key') {
    const { kid } = start;
    return { versions: await versionsRestingOn(graph, { kid }, asOf), kid, asOf };
  }
  if ((await startNode(graph, start, asOf)) === null) return null;
  const versions =
    start.kind === 'dataset' ? await versionsRestingOn(graph, start, asOf) : [start.model];
  return { versions, kid: null, asOf };
}

/** Tells how much a recall affects, and how surely. */
export async function summarize(
  graph: Graph,
  { versions, kid, asOf }: Recall,
): Promise<RecallSummary> {
  const isAll = versions.length <= MAX_NAMED;
  const named = await readVersions(graph, versions.slice(0, MAX_NAMED), null, asOf);
  const models = named.map(({ model: { name, commit, inferenceCount, evidence } }) => {
    return { name, commit, inferenceCount, evidence };
  });
  let signedInferenceCount: number | null = null;
  let spreads: readonly Linked[] | null = null;
  let isCounted = true;
  try {
    if (kid !== null) signedInferenceCount = await countSigned(graph, kid, asOf);
    if (isAll) spreads = await spreadOf(graph, versions, asOf);
  } catch (error) {
    if (!(error instanceof OutOfTimeError)) throw error;
    isCounted = false;
  }
  const linkedBy = (...all: readonly Resolution[]): Spread | null =>
    spreads && together(spreads.filter(({ resolution }) => all.includes(resolution)));
  return {
    modelCount: versions.length,
    models,
    inferenceCount: isAll ? models.reduce((sum, of) => sum + of.inferenceCount, 0) : null,
    signedInferenceCount,
    exact: linkedBy('exact'),
    onlyVersion: linkedBy('only-version'),
    inferred: linkedBy('as-of', 'before-model'),
    isCounted,
  };
}

/** The inferences of one affected version after the other, then those that a key signed for other versions. */
export async function affected(
  graph: Graph,
  recall: Recall,
  from: RecallPlace | null,
  limit: number,
  bounds: Bounds,
): Promise<Part<RecallPlace>> {
  const items: InferenceItem[] = [];
  let at = from ?? placeIn(recall, recall.versions[0]);
  let isFurther = false;
  while (at !== null) {
    if (items.length === limit) return { items, next: at, cut: null };
    if (isFurther && bounds.isTimeUp()) return { items, next: at, cut: 'time' };
    isFurther = true;
    const here: RecallPlace = at;
    const page = await scan(
      'model' in here ? here.place : here.signed,
      limit - items.length,
      true,
      (place, rows) => readAffected(graph, recall, here, place, rows),
      bounds,
    );
    items.push(...page.items);
    if (page.next !== null) {
      const next = 'model' in here ? { ...here, place: page.next } : { signed: page.next };
      return { items, next, cut: page.cut };
    }
    at = 'model' in here ? placeIn(recall, versionsBehind(recall.versions, here.model)[0]) : null;
  }
  return { items, next: null, cut: null };
}

/** The next rows behind a place; of those that a key signed, what its versions have brought already is not wanted. */
async function readAffected(
  graph: Graph,
  { versions, kid, asOf }: Recall,
  here: RecallPlace,
  place: Place,
  rows: number,
): Promise<readonly Scanned[]> {
  if ('model' in here) return inferencesOfVersion(graph, here.model, place, rows, asOf);
  const brought = new Set(versions.map(({ name, commit }) => JSON.stringify([name, commit])));
  const scanned = await inferencesOfKey(graph, kid ?? '', place, rows, asOf);
  return scanned.map(({ place: at, item }) => {
    const model = item?.model ?? null;
    const isBrought = model !== null && brought.has(JSON.stringify([model.name, model.commit]));
    return { place: at, item: isBrought ? null : item };
  });
}

/** Where a version's inferences begin; without one, where those that a key signed do. */
function placeIn({ kid }: Recall, model: ModelName | undefined): RecallPlace | null {
  if (model !== undefined) return { model, place: OLDEST };
  return kid === null ? null : { signed: OLDEST };
}

/** Inferences of a version that were linked to it in one way. */
interface Linked extends ModelName {
  readonly resolution: Resolution;
  readonly count: number;
  readonly first: string;
  readonly last: string;
}

/** Rejects with `OutOfTimeError` where that takes longer than one answer may. */
async function spreadOf(
  graph: Graph,
  versions: readonly ModelName[],
  asOf: string,
): Promise<readonly Linked[]> {
  const names = versions.map(({ name, commit }) => ({ name, commit }));
  const found = await graph[database].ask(SPREAD, { versions: names, asOf });
  const spreads = found.map((row) => ({
    ...modelName(row),
    resolution: word(RESOLUTIONS)(row, 'resolution'),
    count: count(row, 'count'),
    first: time(row, 'first'),
    last: time(row, 'last'),
  }));
  const resolutions = await resolutionsAt(graph, spreads, asOf);
  return spreads.map((spread, index) => ({
    ...spread,
    resolution: resolutions[index] ?? spread.resolution,
  }));
}

/** How many inferences have a head that a key signed. */
async function countSigned(graph: Graph, kid: string, asOf: string): Promise<number> {
  return count(only(await graph[database].ask(SIGNED_INFERENCES, { kid, asOf })), 'count');
}

function together(spreads: readonly Linked[]): Spread {
  let first: string | null = null;
  let last: string | null = null;
  let total = 0;
  for (const one of spreads) {
    total += one.count;
    first = first === null ? one.first : earlierOf(first, one.first);
    last = last === null || isBy(last, one.last) ? one.last : last;
  }
  return { count: total, first, last };
}
