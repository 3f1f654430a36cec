import * as z from 'zod';
import { counted } from '../../counted.ts';
import type { Rest } from '../../graph/ask/behind.ts';
import { claimedNames, type ClaimedName } from '../../graph/ask/claimed.ts';
import { newestDatasets, type DatasetItem } from '../../graph/ask/datasets.ts';
import {
  beginning,
  walk,
  type LineageEdge,
  type LineageNode,
  type Question,
  type Start,
  type Unrecorded,
} from '../../graph/ask/lineage.ts';
import { newestModels, pendingLinks, type ModelItem } from '../../graph/ask/models.ts';
import type { Graph } from '../../graph/connection.ts';
import type { ModelName } from '../../graph/model-name.ts';
import { NOW } from '../../graph/place.ts';
import type { Incomplete } from '../answers/completeness.ts';
import { impactAnswer } from '../answers/impact.ts';
import {
  graphAnswer,
  lineageAnswer,
  type DrawnEdge,
  type DrawnNode,
  type GraphAnswer,
  type LineageAnswer,
} from '../answers/lineage.ts';
import { modelName } from '../answers/model.ts';
import { inferencePlace } from '../cursor.ts';
import { fit, pageEnd, readPage, TIME_IS_UP } from '../page.ts';
import { asOf, cursor, identity, limit, sha256, versionGiven } from '../parameters.ts';
import { RequestError } from '../problem.ts';
import { route, type Route, type RouteContext } from '../route.ts';
import { datasetPlace, datasetPlaceOf } from './datasets.ts';
import { impact, impactCsv } from './impact.ts';
import { basisOf, missingModels, tellInference } from './inferences.ts';
import { missingDatasets, modelPlace, modelPlaceOf, undescribed } from './models.ts';
import { missingBehind, notFound, tellsNear } from './near.ts';

const depth = z
  .string()
  .regex(/^[0-9]$/, 'a whole number from 0 to 9')
  .default('9')
  .transform(Number)
  .describe('Steps away from the start, 0 to 9; the graph has two')
  .meta({ examples: ['2'] });

/** Where a question may begin, beside an inference or a key. */
const subject = {
  dataset: identity.optional().describe('Hash of a dataset'),
  model: identity.optional().describe('Name of a model, together with commit'),
  commit: identity.optional(),
};

export const lineageRoute = route({
  path: '/v1/lineage',
  resource: 'lineage',
  summary: 'What a dataset, model version or inference rests on, and what rests on it',
  parameters: z.object({
    inference: identity.optional().describe('Id of an inference'),
    ...subject,
    direction: z
      .enum(['up', 'down', 'both'])
      .default('both')
      .describe('up: towards the datasets; down: towards the inferences'),
    depth,
    asOf,
    limit,
    cursor,
  }),
  answer: lineageAnswer,
  async handle(context, parameters) {
    const { graph, cursors, isTimeUp } = context;
    const { direction, depth: most, asOf: time } = parameters;
    const start = startOf(parameters);
    const question: Question = { start, direction, depth: most, asOf: time };
    const begun = await beginning(graph, question, parameters.limit);
    if (begun === null)
      throw start.kind === 'inference'
        ? new RequestError('NOT_FOUND', UNKNOWN)
        : await notFound(graph, start, UNKNOWN);
    const { node: first, rest } = begun;
    const from = cursors.open(parameters.cursor, lineagePlace);
    const tell = (node: LineageNode): LineageAnswer['nodes'][number] => nodeOf(node, context.may);
    const walked = await walk(graph, question, begun, from?.at ?? null, parameters.limit, isTimeUp);
    const page = fit(walked.steps, (step) => [tell(step.node), edgeOf(step.edge)] as const);
    const steps = walked.steps.slice(0, page.told.length);
    const isCut = page.missing.length > 0;
    const next = isCut ? (steps.at(-1)?.next ?? null) : walked.next;
    const isShort = !isCut && next !== null && steps.length < parameters.limit;
    const isUndescribed = first.kind === 'unrecorded' && first.subject.kind === 'dataset';
    const reached = steps.map((step) => step.node);
    const began = from === null ? [first] : [];
    const edges = page.told.map(([, told]) => told);
    const near = start.kind === 'inference' ? [] : await missingBehind(graph, start, from);
    const missing = [
      ...page.missing,
      ...(isShort ? [TIME_IS_UP] : []),
      ...(isUndescribed ? [undescribed(first.subject.hash)] : []),
      ...(await missingAmong(graph, [...began, ...reached], rest)),
      ...near,
    ];
    const sealed = next && { at: next, isNear: tellsNear(near) };
    return {
      start: tell(first).key,
      recorded: first.kind !== 'unrecorded',
      nodes: [...began.map(tell), ...page.told.map(([told]) => told)],
      edges,
      basis: basisOf(edges.flatMap((of) => (of.kind === 'GENERATED' ? [of.resolution] : []))),
      ...(await pageEnd(context, { next: sealed, missing }, time, rest?.writing)),
    };
  },
});

const UNKNOWN = 'Nothing that is recorded refers to where the question begins.';

const graphRoute = route({
  path: '/v1/graph',
  resource: 'lineage',
  summary:
    'The graph to look at: model versions with their datasets and how many inferences each has, newest first; then all datasets, also those that no model uses; then the names that inferences claim and no recorded version bears out',
  parameters: z.object({ limit, cursor }),
  answer: graphAnswer,
  async handle(context, { limit: most, cursor: after }) {
    const place = context.cursors.open(after, graphPlace) ?? { models: null };
    if ('models' in place) return drawModels(context, most, place.models);
    if ('datasets' in place) return drawDatasets(context, most, place.datasets);
    return drawClaimed(context, most, place.claimed);
  },
});

export const impactRoute = route({
  path: '/v1/impact',
  resource: 'lineage',
  summary:
    'A recall: all model versions and inferences that rest on a dataset, a model version or a key',
  parameters: z.object({
    ...subject,
    kid: sha256.optional().describe('A key, by the SHA-256 of its SubjectPublicKeyInfo'),
    asOf,
    limit,
    cursor,
  }),
  answer: impactAnswer,
  handle: impact,
  other: { mediaType: 'text/csv', handle: impactCsv },
});

export const LINEAGE_ROUTES: readonly Route[] = [lineageRoute, graphRoute, impactRoute];

/** Where a walk goes on, as the walk itself says. */
const position = z.object({
  phase: z.number().int().nonnegative(),
  dataset: z.string().exactOptional(),
  model: modelName.exactOptional(),
  place: inferencePlace.exactOptional(),
});

/** With whether the first page told a near spelling. */
const lineagePlace = z.object({ at: position, isNear: z.boolean() });

/** Where the picture goes on: among the versions, then the datasets, then behind a name that is claimed. */
const graphPlace = z.union([
  z.object({ models: modelPlace.nullable() }),
  z.object({ datasets: datasetPlace.nullable() }),
  z.object({ claimed: z.string() }),
]);

const EVERYTHING = {
  from: '0001-01-01T00:00:00Z',
  until: NOW,
  asOf: NOW,
  name: null,
  minDatasets: 0,
  orphan: null,
} as const;

async function drawModels(
  context: RouteContext,
  most: number,
  after: z.output<typeof modelPlace> | null,
): Promise<GraphAnswer> {
  const page = await readPage(
    most,
    (rows) => newestModels(context.graph, after, rows, EVERYTHING),
    drawModelAndDatasets,
    modelPlaceOf,
  );
  // A dataset of several versions is one node.
  const nodes = new Map(page.told.flatMap((one) => one.nodes.map((of) => [of.key, of] as const)));
  const next = page.next === null ? { datasets: null } : { models: page.next };
  const missing = [...page.missing, ...missingDatasets(page.items)];
  return {
    nodes: [...nodes.values()],
    edges: page.told.flatMap(({ edges }) => edges),
    ...(await pageEnd(context, { next, missing }, NOW)),
  };
}

/** All of them: one that got its first version meanwhile would be missed among the unused. */
async function drawDatasets(
  context: RouteContext,
  most: number,
  after: z.output<typeof datasetPlace> | null,
): Promise<GraphAnswer> {
  const page = await readPage(
    most,
    (rows) => newestDatasets(context.graph, after, rows, EVERYTHING),
    drawDataset,
    datasetPlaceOf,
  );
  const next = page.next === null ? { claimed: '' } : { datasets: page.next };
  return { nodes: page.told, edges: [], ...(await pageEnd(context, { ...page, next }, NOW)) };
}

/** What inferences claim and nobody recorded: without it they would be neither drawn nor counted. */
async function drawClaimed(
  context: RouteContext,
  most: number,
  after: string,
): Promise<GraphAnswer> {
  const { names, isEnd } = await claimedNames(context.graph, after, most);
  const last = names.at(-1);
  const next = isEnd || last === undefined ? null : { claimed: last.name };
  const end = await pageEnd(context, { next, missing: missingVersions(names) }, NOW);
  return { nodes: names.map(drawClaimedName), edges: [], ...end };
}

function drawClaimedName({ name, inferenceCount, isCut }: ClaimedName): DrawnNode {
  return { kind: 'claimed', key: claimedKey(name), name, inferenceCount, isCut };
}

function missingVersions(names: readonly ClaimedName[]): readonly Incomplete[] {
  const count = names.reduce((sum, { inferenceCount }) => sum + inferenceCount, 0);
  if (count === 0) return [];
  const least = names.some(({ isCut }) => isCut) ? 'at least ' : '';
  const what = counted(count, 'inference names', 'inferences name');
  const detail = `${least}${what} a model version that is not recorded`;
  return [{ reason: 'PENDING_LINKS', detail, count }];
}

function drawDataset({
  hash,
  path,
  contents,
  evidence: at,
}: Pick<DatasetItem, 'hash' | 'path' | 'contents' | 'evidence'>): DrawnNode {
  const told = { hash, path, ...(contents && { contents }), evidence: at };
  return { kind: 'dataset', key: datasetKey(hash), ...told };
}

/** A version with its datasets. */
function drawModelAndDatasets(item: ModelItem): {
  readonly nodes: readonly DrawnNode[];
  readonly edges: DrawnEdge[];
} {
  const to = modelKey(item);
  return {
    nodes: [...item.datasets.map(drawDataset), drawModel(item)],
    edges: item.datasets.map(({ hash }) => ({ kind: 'USED_IN', from: datasetKey(hash), to })),
  };
}

function drawModel(item: ModelItem): DrawnNode {
  const { name, commit, datasetCount, pendingCount, inferenceCount, evidence: at } = item;
  const { contents } = item;
  const counts = { datasetCount, pendingCount, inferenceCount, ...(contents && { contents }) };
  return { kind: 'model', key: modelKey(item), name, commit, ...counts, evidence: at };
}

/** Exactly one of what a question can begin at. */
function startOf(given: {
  readonly inference?: string | undefined;
  readonly dataset?: string | undefined;
  readonly model?: string | undefined;
  readonly commit?: string | undefined;
}): Start {
  const { inference: id, dataset: hash } = given;
  const model = versionGiven(given);
  const starts: Start[] = [];
  if (id !== undefined) starts.push({ kind: 'inference', id });
  if (hash !== undefined) starts.push({ kind: 'dataset', hash });
  if (model !== null) starts.push({ kind: 'model', model });
  const [start] = starts;
  if (start === undefined || starts.length > 1)
    throw new RequestError(
      'PARAMETER_INVALID',
      'The question begins at exactly one dataset, model with commit, or other subject.',
    );
  return start;
}

function datasetKey(hash: string): string {
  return `dataset:${hash}`;
}

/** A name can hold any character; JSON keeps name and commit apart. */
function modelKey({ name, commit }: ModelName): string {
  return `model:${JSON.stringify([name, commit])}`;
}

/** As a version's, without its commit. */
function claimedKey(name: string): string {
  return `claimed:${JSON.stringify([name, null])}`;
}

function nodeOf(found: LineageNode, may: RouteContext['may']): LineageAnswer['nodes'][number] {
  if (found.kind === 'dataset')
    return { kind: 'dataset', key: datasetKey(found.dataset.hash), ...found.dataset };
  if (found.kind === 'model') return { kind: 'model', key: modelKey(found.model), ...found.model };
  if (found.kind === 'unrecorded') return tellUnrecorded(found);
  const told = tellInference(found.inference, may, false);
  return { kind: 'inference', key: `inference:${found.inference.id}`, ...told };
}

function tellUnrecorded({ kind, subject }: Unrecorded): LineageAnswer['nodes'][number] {
  return subject.kind === 'dataset'
    ? { kind, key: datasetKey(subject.hash), subject }
    : { kind, key: modelKey(subject.model), subject };
}

function edgeOf(found: LineageEdge): LineageAnswer['edges'][number] {
  const model = modelKey(found.model);
  if (found.kind === 'USED_IN')
    return {
      kind: 'USED_IN',
      from: datasetKey(found.dataset),
      to: model,
      evidence: [...found.evidence],
    };
  const { inference: id, resolution } = found;
  return { kind: 'GENERATED', from: model, to: `inference:${id}`, resolution };
}

/** Datasets that the versions in an answer declare, and inferences whose version nobody recorded. */
async function missingAmong(
  graph: Graph,
  nodes: readonly LineageNode[],
  rest: Rest | null,
): Promise<readonly Incomplete[]> {
  const models = nodes.flatMap((found) => (found.kind === 'model' ? [found.model] : []));
  const inferences = nodes.flatMap((found) =>
    found.kind === 'inference' ? [found.inference] : [],
  );
  const pending =
    rest === null || models.length === 0 ? await pendingLinks(graph, models) : [rest.pending];
  return [...missingDatasets(pending), ...missingModels(inferences)];
}
