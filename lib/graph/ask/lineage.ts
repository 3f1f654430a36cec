import { once } from '../../once.ts';
import { DECLARED_BY, heldAt, IS_DECLARED, RECORD_OF_DATASET, RECORD_OF_MODEL } from '../as-of.ts';
import type { Graph } from '../connection.ts';
import { CONTENTS_OF_DATASET, CONTENTS_OF_MODEL } from '../content-count.ts';
import { database } from '../database.ts';
import { modelName, type ModelName } from '../model-name.ts';
import { compareText } from '../order.ts';
import { isBy, OLDEST, type Place } from '../place.ts';
import type { Resolution } from '../resolve.ts';
import { maybe, text, texts } from '../rows.ts';
import { SIGNINGS_OF_RECORD } from '../signing.ts';
import {
  behindInference,
  declaredDataset,
  lineageModel,
  type DeclaredDataset,
  type LineageModel,
  type Rest,
} from './behind.ts';
import { readDataset, type DatasetItem } from './datasets.ts';
import { inferencesOfVersion, type InferenceItem, type ScannedInference } from './inferences.ts';
import { scan, type Bounds } from './scan.ts';
import { askWhole } from './whole.ts';

export type LineageNode =
  | { readonly kind: 'dataset'; readonly dataset: DatasetItem }
  | { readonly kind: 'model'; readonly model: LineageModel }
  | { readonly kind: 'inference'; readonly inference: InferenceItem }
  | Unrecorded;

/** A dataset or a version that records refer to, and that no record describes. */
export interface Unrecorded {
  readonly kind: 'unrecorded';
  readonly subject: Subject;
}

export type LineageEdge =
  | {
      readonly kind: 'USED_IN';
      readonly dataset: string;
      readonly model: ModelName;
      /** Digests of the records that declare it, at most a hundred. */
      readonly evidence: readonly string[];
    }
  | {
      readonly kind: 'GENERATED';
      readonly model: ModelName;
      readonly inference: string;
      readonly resolution: Resolution;
    };

/** One step away from where the question begins. */
export interface Step {
  /** Where the walk goes on behind it. */
  readonly next: Position;
  readonly node: LineageNode;
  readonly edge: LineageEdge;
}

/** What others rest on. */
export type Subject =
  | { readonly kind: 'dataset'; readonly hash: string }
  | { readonly kind: 'model'; readonly model: ModelName };

export type Start = Subject | { readonly kind: 'inference'; readonly id: string };

export interface Question {
  readonly start: Start;
  readonly direction: 'up' | 'down' | 'both';
  /** Steps from the start. */
  readonly depth: number;
  readonly asOf: string;
}

/** Where a walk goes on: behind a dataset or a version, or behind an inference of a version. */
export interface Position {
  readonly phase: number;
  readonly dataset?: string;
  readonly model?: ModelName;
  readonly place?: Place;
}

export interface Walked {
  readonly steps: readonly Step[];
  /** Null at the end. */
  readonly next: Position | null;
}

const HASHES_OF_MODEL = `
MATCH (d:Dataset)-[u:USED_IN]->(:Model {name: $name, commit: $commit})
WHERE d.since <= datetime($asOf) AND ${IS_DECLARED}
RETURN d.hash AS hash
`;

const DATASETS_OF_MODEL = `
UNWIND $hashes AS hash
MATCH (d:Dataset {hash: hash})-[u:USED_IN]->(:Model {name: $name, commit: $commit})
${RECORD_OF_DATASET}
WITH d, u, record, coalesce(record, d) AS said
RETURN d {.*} AS dataset, record, COUNT { (d)-[:USED_IN]->() } AS models,
  ${DECLARED_BY} AS declared, ${SIGNINGS_OF_RECORD} AS signings, ${CONTENTS_OF_DATASET} AS contents
`;

const VERSIONS_OF_DATASET = `
CALL () {
  MATCH (:Dataset {hash: $hash})-[u:USED_IN]->(m:Model)
  WHERE ${IS_DECLARED}
  RETURN m
  UNION
  MATCH (u:PendingLink)
  WHERE u.hash = $hash AND u.name IS NOT NULL AND u.commit IS NOT NULL AND ${IS_DECLARED}
  MATCH (m:Model {name: u.name, commit: u.commit})
  RETURN m
}
WITH m
WHERE m.since <= datetime($asOf)
RETURN m.name AS name, m.commit AS commit
`;

// What a key signed about a version itself, and about the datasets that it uses. Only records have a type;
// with their label, too, the planner would begin at all of them in a new database.
const VERSIONS_OF_KEY = `
MATCH (s:Stretch)
USING INDEX SEEK s:Stretch(kid, log, number)
WHERE s.kid = $kid AND s.log IS NOT NULL AND s.number IS NOT NULL
MATCH (r)-[:SIGNED_IN]->(s)
WHERE r.type <> 'inference' AND r.recordedAt <= datetime($asOf)
MATCH (r)-[:ASSERTS]->(e)
WITH DISTINCT e
CALL (e) {
  WITH e
  WHERE e:Model
  RETURN e AS m
  UNION
  WITH e
  MATCH (e:Dataset)-[u:USED_IN]->(m:Model)
  WHERE ${IS_DECLARED}
  RETURN m
}
WITH DISTINCT m
WHERE m.since <= datetime($asOf)
RETURN m.name AS name, m.commit AS commit
`;

const NAMES_VERSION = `
CALL () {
  MATCH (i:Inference)
  WHERE i.resolution = 'pending' AND i.model = $name AND i.commit = $commit
    AND i.recordedAt <= datetime($asOf)
  RETURN i
  LIMIT 1
  UNION ALL
  MATCH (:Model {name: $name, commit: $commit})-[:GENERATED]->(i:Inference)
  WHERE i.commit = $commit AND i.recordedAt <= datetime($asOf)
  RETURN i
  LIMIT 1
}
RETURN i.id AS id
LIMIT 1
`;

const VERSIONS = `
UNWIND $versions AS version
MATCH (m:Model {name: version.name, commit: version.commit})
OPTIONAL MATCH (:Dataset {hash: $hash})-[used:USED_IN]->(m)
OPTIONAL MATCH (pending:PendingLink {hash: $hash, name: m.name, commit: m.commit})
${RECORD_OF_MODEL}
WITH m, coalesce(used, pending) AS u, record, coalesce(record, m) AS said
RETURN m {.*} AS model, record, COUNT { (m)-[:GENERATED]->() } AS inferenceCount,
  ${DECLARED_BY} AS declared, ${SIGNINGS_OF_RECORD} AS signings, ${CONTENTS_OF_MODEL} AS contents
`;

/** What model versions rest on: a dataset that they use, or a key that signed for them or their datasets. */
export type Source = { readonly hash: string } | { readonly kid: string };

/** The names of all versions that rest on a source, in order; also on a dataset that is declared and not recorded. */
export async function versionsRestingOn(
  graph: Graph,
  source: Source,
  asOf: string,
): Promise<readonly ModelName[]> {
  const statement = 'hash' in source ? VERSIONS_OF_DATASET : VERSIONS_OF_KEY;
  const parameters = { ...source, ...heldAt(asOf) };
  const found = await graph[database].ask(statement, parameters);
  return found.map(modelName).sort(compareNames);
}

export interface SourcedModel {
  readonly model: LineageModel;
  /** Digests of the records that declare that it uses the dataset. */
  readonly declared: readonly string[];
}

/** Those versions in the same order; `hash` names the dataset whose use of them is to be told. */
export async function readVersions(
  graph: Graph,
  versions: readonly ModelName[],
  hash: string | null,
  asOf: string,
): Promise<readonly SourcedModel[]> {
  const parameters = { versions: versions.map(nameOf), hash, ...heldAt(asOf) };
  const found = await askWhole(graph, VERSIONS, parameters, (read) =>
    read.map((row) => ({
      model: lineageModel(row),
      declared: maybe(texts, row, 'declared') ?? [],
    })),
  );
  return found.sort((a, b) => compareNames(a.model, b.model));
}

/** By code points, as everything that orders names (docs/graph.md, G-1). */
function compareNames(a: ModelName, b: ModelName): number {
  return compareText(a.name, b.name) || compareText(a.commit, b.commit);
}

/** Null where it had not been recorded by then. */
async function readVersion(
  graph: Graph,
  name: ModelName,
  asOf: string,
): Promise<LineageModel | null> {
  const [found] = await readVersions(graph, [name], null, asOf);
  return found !== undefined && isBy(found.model.since, asOf) ? found.model : null;
}

/** Where a question begins, and how much of its answer came with that. */
export interface Beginning {
  readonly node: LineageNode;
  /** All that an inference rests on; null where the walk has to ask for it. */
  readonly rest: Rest | null;
}

/** Null where nothing is known of that; `most` is how many datasets may come with it. */
export async function beginning(
  graph: Graph,
  { start, asOf }: Question,
  most: number,
): Promise<Beginning | null> {
  if (start.kind !== 'inference') {
    const node = await startNode(graph, start, asOf);
    return node && { node, rest: null };
  }
  const behind = await behindInference(graph, start.id, asOf, most);
  if (behind === null || !isBy(behind.inference.recordedAt, asOf)) return null;
  return { node: { kind: 'inference', inference: behind.inference }, rest: behind.rest };
}

/** A dataset or a version, recorded or only referred to; null where nothing is known of it. */
export async function startNode(
  graph: Graph,
  start: Subject,
  asOf: string,
): Promise<LineageNode | null> {
  if (start.kind === 'model') {
    const model = await readVersion(graph, start.model, asOf);
    if (model !== null) return { kind: 'model', model };
  } else {
    const dataset = await readDataset(graph, start.hash, asOf);
    if (dataset !== null) return { kind: 'dataset', dataset };
  }
  return (await isReferredTo(graph, start, asOf)) ? { kind: 'unrecorded', subject: start } : null;
}

async function isReferredTo(graph: Graph, start: Subject, asOf: string): Promise<boolean> {
  if (start.kind === 'dataset') return (await versionsRestingOn(graph, start, asOf)).length > 0;
  const { name, commit } = start.model;
  return (await graph[database].ask(NAMES_VERSION, { name, commit, asOf })).length > 0;
}

/** At most `limit` steps from `from` on; fewer when the time is up, with `next` then not null and further on than `from`. */
export async function walk(
  graph: Graph,
  question: Question,
  begun: Beginning,
  from: Position | null,
  limit: number,
  isTimeUp: () => boolean,
): Promise<Walked> {
  const phases = phasesOf(graph, question, begun);
  const steps: Step[] = [];
  let position: Position = from ?? { phase: 0 };
  let isFurther = false;
  for (;;) {
    const phase = phases[position.phase];
    if (phase === undefined) return { steps, next: null };
    if (steps.length >= limit || (isFurther && isTimeUp())) return { steps, next: position };
    const taken = await phase(position, limit - steps.length);
    isFurther = true;
    steps.push(...taken.steps);
    position = taken.next ?? { phase: position.phase + 1 };
  }
}

/** One kind of step; `next` is null when there are no more of them. */
type Phase = (at: Position, limit: number) => Promise<Walked>;

function phasesOf(graph: Graph, question: Question, { node, rest }: Beginning): readonly Phase[] {
  const { start, direction, depth, asOf } = question;
  const isUp = direction !== 'down';
  const isDown = direction !== 'up';
  if (depth < 1) return [];
  if (start.kind === 'model')
    return [
      ...(isUp ? [datasetsOf(graph, start.model, asOf)] : []),
      ...(isDown ? [inferencesOf(graph, start.model, asOf)] : []),
    ];
  if (start.kind === 'dataset') {
    if (!isDown) return [];
    const versions = once(() => versionsRestingOn(graph, start, asOf));
    const models = modelsUsing(graph, start.hash, versions, asOf);
    return depth === 1 ? [models] : [models, inferencesOfAll(graph, versions, asOf)];
  }
  if (!isUp || node.kind !== 'inference' || node.inference.model === null) return [];
  const { inference } = node;
  const name = node.inference.model;
  const model = modelOf(inference, name, async () =>
    rest === null ? readVersion(graph, name, asOf) : rest.model,
  );
  return depth === 1 ? [model] : [model, datasetsOf(graph, name, asOf, rest?.datasets)];
}

function modelOf(
  inference: InferenceItem,
  name: ModelName,
  read: () => Promise<LineageModel | null>,
): Phase {
  return async ({ phase }) => {
    const model = await read();
    if (model === null) return { steps: [], next: null };
    const node = { kind: 'model', model } as const;
    const step = { next: { phase: phase + 1 }, node, edge: generatedEdge(inference, name) };
    return { steps: [step], next: null };
  };
}

/** `known` has all of them, where they have been read. */
function datasetsOf(
  graph: Graph,
  { name, commit }: ModelName,
  asOf: string,
  known?: readonly DeclaredDataset[],
): Phase {
  return async ({ phase, dataset: after }, limit) => {
    const parameters = { name, commit, ...heldAt(asOf) };
    const all =
      known?.map(({ dataset }) => dataset.hash) ??
      (await graph[database].ask(HASHES_OF_MODEL, parameters)).map((row) => text(row, 'hash'));
    const behind = all
      .filter((hash) => after === undefined || compareText(hash, after) > 0)
      .sort(compareText);
    const hashes = behind.slice(0, limit);
    const found =
      known?.filter(({ dataset }) => hashes.includes(dataset.hash)) ??
      (await askWhole(graph, DATASETS_OF_MODEL, { hashes, ...parameters }, (rows) =>
        rows.map(declaredDataset),
      ));
    const steps = found
      .toSorted((a, b) => compareText(a.dataset.hash, b.dataset.hash))
      .map(({ dataset, declared }): Step => {
        const model = { name, commit };
        return {
          next: { phase, dataset: dataset.hash },
          node: { kind: 'dataset', dataset },
          edge: { kind: 'USED_IN', dataset: dataset.hash, model, evidence: declared },
        };
      });
    const last = hashes.at(-1);
    const isEnd = behind.length <= limit || last === undefined;
    return { steps, next: isEnd ? null : { phase, dataset: last } };
  };
}

function modelsUsing(
  graph: Graph,
  hash: string,
  versions: () => Promise<readonly ModelName[]>,
  asOf: string,
): Phase {
  return async ({ phase, model: after }, limit) => {
    const behind = versionsBehind(await versions(), after);
    const names = behind.slice(0, limit);
    const found = await readVersions(graph, names, hash, asOf);
    const steps = found.map(({ model, declared }): Step => {
      const name = nameOf(model);
      const edge = { kind: 'USED_IN', dataset: hash, model: name, evidence: declared } as const;
      return { next: { phase, model: name }, node: { kind: 'model', model }, edge };
    });
    const last = names.at(-1);
    const isEnd = behind.length <= limit || last === undefined;
    return { steps, next: isEnd ? null : { phase, model: last } };
  };
}

/** Those that come after a version in the order of names. */
export function versionsBehind(
  versions: readonly ModelName[],
  after: ModelName | undefined,
): readonly ModelName[] {
  return after === undefined
    ? versions
    : versions.filter((version) => compareNames(version, after) > 0);
}

/** A walk looks at the time after each statement itself. */
const ONE_STATEMENT: Bounds<InferenceItem> = { isTimeUp: () => true, takes: () => true };

function inferencesOf(graph: Graph, model: ModelName, asOf: string): Phase {
  return async ({ phase, place = OLDEST }, limit) => {
    const read = (at: Place, rows: number): Promise<readonly ScannedInference[]> =>
      inferencesOfVersion(graph, model, at, rows, asOf);
    const { items, next } = await scan(place, limit, true, read, ONE_STATEMENT);
    const steps = items.map((inference): Step => {
      const { recordedAt: at, evidence } = inference;
      const behind = { phase, model: nameOf(model), place: { at, digest: evidence.digest } };
      const edge = generatedEdge(inference, model);
      return { next: behind, node: { kind: 'inference', inference }, edge };
    });
    return { steps, next: next === null ? null : { phase, place: next } };
  };
}

/** Those of one version after the other. */
function inferencesOfAll(
  graph: Graph,
  versions: () => Promise<readonly ModelName[]>,
  asOf: string,
): Phase {
  return async (at, limit) => {
    const all = await versions();
    // A place without a version stands before the first one.
    const model = at.model ?? all[0];
    if (model === undefined) return { steps: [], next: null };
    const { steps, next } = await inferencesOf(graph, model, asOf)(at, limit);
    if (next !== null) return { steps, next: { ...next, model } };
    const following = versionsBehind(all, model)[0];
    return { steps, next: following === undefined ? null : { phase: at.phase, model: following } };
  };
}

function generatedEdge(inference: InferenceItem, model: ModelName): LineageEdge {
  const { id, resolution } = inference;
  return { kind: 'GENERATED', model: nameOf(model), inference: id, resolution };
}

function nameOf({ name, commit }: ModelName): ModelName {
  return { name, commit };
}
