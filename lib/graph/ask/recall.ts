import { OutOfTimeError } from '../../errors.ts';
import type { Compromise } from '../../trust/key-policy.ts';
import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { modelName, type ModelName } from '../model-name.ts';
import { earlierOf, isBy, OLDEST, type Place } from '../place.ts';
import { RESOLUTIONS, type Resolution } from '../resolve.ts';
import { count, only, time, word } from '../rows.ts';
import { RESTS_ON_COMPROMISED } from '../signing.ts';
import type { LineageModel } from './behind.ts';
import { doubtsOf, type Doubts } from './doubts.ts';
import { inferencesOfVersion, resolutionsAt, type InferenceItem } from './inferences.ts';
import {
  readVersions,
  startNode,
  versionsBehind,
  versionsRestingOn,
  type Subject,
} from './lineage.ts';
import { scan, type Bounds, type Part, type Scanned } from './scan.ts';
import {
  countSigned,
  FIRST_SIGNED,
  signedRecords,
  type RecalledInference,
  type SignedCounts,
  type SignedPlace,
  type SignedRecord,
} from './signed.ts';

/** Of the affected versions, those that a summary names. */
const MAX_NAMED = 200;

/** Where a recall begins. */
export type RecallStart = Subject | { readonly kind: 'key'; readonly kid: string };

/** Everything that rests on a dataset, a model version or a key. */
export interface Recall {
  readonly start: RecallStart;
  /** False where records refer to what it begins at, and none describes it. */
  readonly isRecorded: boolean;
  /** All affected versions, in the order of names. */
  readonly versions: readonly ModelName[];
  /** Where it begins at a key, which may have signed inferences of other versions, too. */
  readonly kid: string | null;
  readonly asOf: string;
}

/** Where a recall goes on: within a version, or among what a key signed itself. */
export type RecallPlace =
  { readonly model: ModelName; readonly place: Place } | { readonly signed: SignedPlace };

/** An inference that rests on where a recall begins, or what a key signed itself. */
export type Recalled = RecalledInference | SignedRecord;

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
  readonly models: readonly Pick<
    LineageModel,
    'name' | 'commit' | 'inferenceCount' | 'contents' | 'evidence'
  >[];
  /** Of those models; null where not all are named, or one is not recorded. */
  readonly inferenceCount: number | null;
  /** What a key signed itself; null of anything else, and where that was not counted. */
  readonly signed: SignedCounts | null;
  /** By what they are linked by: as signed, to the only version, by time alone. Null where that was not counted. */
  readonly exact: Spread | null;
  readonly onlyVersion: Spread | null;
  readonly inferred: Spread | null;
  /** Of the inferences of those models, what rests on compromised keys alone; null where that was not counted. */
  readonly onCompromisedKeys: number | null;
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

const ON_COMPROMISED_KEYS = `
UNWIND $versions AS version
MATCH (m:Model {name: version.name, commit: version.commit})-[:GENERATED]->(i:Inference)
WHERE i.recordedAt <= datetime($asOf)
OPTIONAL MATCH (head:Record {digest: i.digest})
WITH coalesce(head, i) AS r
WHERE ${RESTS_ON_COMPROMISED}
RETURN count(r) AS count
`;

/** Null where nothing is known of what it begins at; of a key nothing need be. */
export async function recallOf(
  graph: Graph,
  start: RecallStart,
  asOf: string,
): Promise<Recall | null> {
  if (start.kind === 'key') {
    const { kid } = start;
    const versions = await versionsRestingOn(graph, { kid }, asOf);
    return { start, isRecorded: true, versions, kid, asOf };
  }
  const node = await startNode(graph, start, asOf);
  if (node === null) return null;
  const versions =
    start.kind === 'dataset' ? await versionsRestingOn(graph, start, asOf) : [start.model];
  return { start, isRecorded: node.kind !== 'unrecorded', versions, kid: null, asOf };
}

/** How many inferences may rest on it and are not in the recall; null where that could not be told in time. */
export async function doubtsAbout(
  graph: Graph,
  { isRecorded, versions, asOf }: Recall,
): Promise<Doubts | null> {
  return doubtsOf(graph, versions, isRecorded, asOf);
}

/** Tells how much a recall affects, and how surely. */
export async function summarize(
  graph: Graph,
  { versions, kid, asOf }: Recall,
  compromised: readonly Compromise[],
): Promise<RecallSummary> {
  const named = await readVersions(graph, versions.slice(0, MAX_NAMED), null, asOf);
  const isAll = versions.length <= MAX_NAMED;
  const models = named.map(({ model }) => {
    const { recordedAt: _, since: __, ...told } = model;
    return told;
  });
  let signed: SignedCounts | null = null;
  let spreads: readonly Linked[] | null = null;
  let onCompromisedKeys: number | null = null;
  let isCounted = true;
  try {
    if (kid !== null) signed = await countSigned(graph, kid, compromised, asOf);
    if (isAll) spreads = await spreadOf(graph, versions, asOf);
    if (isAll) onCompromisedKeys = await restingOn(graph, versions, compromised, asOf);
  } catch (error) {
    if (!(error instanceof OutOfTimeError)) throw error;
    isCounted = false;
  }
  const linkedBy = (...all: readonly Resolution[]): Spread | null =>
    spreads && together(spreads.filter(({ resolution }) => all.includes(resolution)));
  return {
    modelCount: versions.length,
    models,
    inferenceCount:
      named.length === versions.length
        ? models.reduce((sum, of) => sum + of.inferenceCount, 0)
        : null,
    signed,
    exact: linkedBy('exact'),
    onlyVersion: linkedBy('only-version'),
    inferred: linkedBy('as-of', 'before-model'),
    onCompromisedKeys,
    isCounted,
  };
}

/** The inferences of one affected version after the other, then what a key signed and they did not bring. */
export async function affected(
  graph: Graph,
  recall: Recall,
  from: RecallPlace | null,
  limit: number,
  bounds: Bounds<Recalled>,
): Promise<Part<Recalled, RecallPlace>> {
  const items: Recalled[] = [];
  let at = from ?? placeIn(recall, recall.versions[0]);
  let isFurther = false;
  while (at !== null) {
    if (items.length === limit) return { items, next: at, cut: null };
    if (isFurther && bounds.isTimeUp()) return { items, next: at, cut: 'time' };
    isFurther = true;
    const page = await partAt(graph, recall, at, limit - items.length, bounds);
    items.push(...page.items);
    if (page.next !== null) return { items, next: page.next, cut: page.cut };
    at = 'model' in at ? placeIn(recall, versionsBehind(recall.versions, at.model)[0]) : null;
  }
  return { items, next: null, cut: null };
}

/** Of one version, or of what a key signed; `next` is null at its end. */
async function partAt(
  graph: Graph,
  recall: Recall,
  at: RecallPlace,
  limit: number,
  bounds: Bounds<Recalled>,
): Promise<Part<Recalled, RecallPlace>> {
  if ('model' in at) {
    const { model } = at;
    const read = async (place: Place, rows: number): Promise<Scanned<Recalled, Place>[]> => {
      const found = await inferencesOfVersion(graph, model, place, rows, recall.asOf);
      return found.map((row) => ({ place: row.place, item: row.item && recalled(row.item) }));
    };
    const { next, ...page } = await scan(at.place, limit, true, read, bounds);
    return { ...page, next: next && { model, place: next } };
  }
  const read = (
    place: SignedPlace,
    rows: number,
  ): Promise<readonly Scanned<Recalled, SignedPlace>[]> => readSigned(graph, recall, place, rows);
  const { next, ...page } = await scan(at.signed, limit, false, read, bounds);
  return { ...page, next: next && { signed: next } };
}

function recalled(item: InferenceItem): Recalled {
  const { claimed: _, timestamp: __, offsetSigned: ___, payloads: ____, ...told } = item;
  return { kind: 'inference', ...told };
}

/** What a key signed; the heads of its versions' inferences have been told. */
async function readSigned(
  graph: Graph,
  { versions, kid, asOf }: Recall,
  place: SignedPlace,
  rows: number,
): Promise<readonly Scanned<Recalled, SignedPlace>[]> {
  const told = new Set(versions.map(({ name, commit }) => JSON.stringify([name, commit])));
  const signed = await signedRecords(graph, kid ?? '', place, rows, asOf);
  return signed.map(({ place: at, item }) => {
    const model = item?.kind === 'inference' && item.isHead ? item.model : null;
    const isTold = model !== null && told.has(JSON.stringify([model.name, model.commit]));
    return { place: at, item: isTold ? null : item };
  });
}

/** Where a version's inferences begin; without one, where what a key signed does. */
function placeIn({ kid }: Recall, model: ModelName | undefined): RecallPlace | null {
  if (model !== undefined) return { model, place: OLDEST };
  return kid === null ? null : { signed: FIRST_SIGNED };
}

/** How many inferences rest on compromised keys alone. Rejects with `OutOfTimeError` as {@link spreadOf} does. */
async function restingOn(
  graph: Graph,
  versions: readonly ModelName[],
  compromised: readonly Compromise[],
  asOf: string,
): Promise<number> {
  // No inference has to be looked at where there is no such key.
  if (compromised.length === 0) return 0;
  const names = versions.map(({ name, commit }) => ({ name, commit }));
  const parameters = { versions: names, compromised, asOf };
  return count(only(await graph[database].ask(ON_COMPROMISED_KEYS, parameters)), 'count');
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
