import * as z from 'zod';
import type { Rest } from '../../graph/ask/behind.ts';
import { newestDatasets, type DatasetItem, type DatasetPlace } from '../../graph/ask/datasets.ts';
import {
  beginning,
  walk,
  type LineageEdge,
  type LineageNode,
  type Position,
  type Question,
  type Start,
} from '../../graph/ask/lineage.ts';
import {
  newestModels,
  pendingLinks,
  type ModelItem,
  type ModelName,
  type ModelPlace,
} from '../../graph/ask/models.ts';
import type { Graph } from '../../graph/connection.ts';
import { NOW } from '../../graph/place.ts';
import { completenessOf, fitting, TIME_IS_UP } from '../page.ts';
import { asOf, cursor, identity, limit, versionGiven } from '../parameters.ts';
import { RequestError } from '../problem.ts';
import { route, type Route } from '../route.ts';
import {
  basis,
  basisOf,
  completeness,
  count,
  dataset,
  datasetAnswer,
  evidence,
  inference,
  inferenceAnswer,
  instant,
  type Incomplete,
} from '../schemas.ts';
import { impact, impactCsv, impactItem, impactSummary } from './impact.ts';
import { unlinked } from './inferences.ts';
import { pendingOf } from './models.ts';

const key = z.string().describe('Names the node within answers: its kind and its identity');

const modelNode = z.object({
  kind: z.literal('model'),
  key,
  name: z.string(),
  commit: z.string(),
  recordedAt: instant,
  since: instant,
  inferenceCount: count,
  evidence,
});

const node = z.discriminatedUnion('kind', [
  dataset.extend({ kind: z.literal('dataset'), key }),
  modelNode,
  inference.omit({ input: true, output: true }).extend({ kind: z.literal('inference'), key }),
]);

const edge = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('USED_IN'),
    from: key,
    to: key,
    evidence: z
      .array(z.string())
      .describe('Digests of the records that declare it, at most a hundred'),
  }),
  z.object({
    kind: z.literal('GENERATED'),
    from: key,
    to: key,
    resolution: z.enum(['exact', 'only-version', 'as-of', 'before-model', 'pending']),
  }),
]);

const drawnNode = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('dataset'),
    key,
    hash: z.string(),
    path: z.string().nullable(),
    evidence,
  }),
  z.object({
    kind: z.literal('model'),
    key,
    name: z.string(),
    commit: z.string(),
    datasetCount: count.describe('Of which at most a hundred are drawn'),
    pendingCount: count,
    inferenceCount: count,
    evidence,
  }),
]);

const usedIn = z.object({ kind: z.literal('USED_IN'), from: key, to: key });

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

export const LINEAGE_ROUTES: readonly Route[] = [
  route({
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
    answer: z.object({
      start: key,
      nodes: z.array(node),
      edges: z.array(edge),
      next: z.string().nullable().describe('Cursor of the next page; null on the last'),
      basis,
      ...completeness,
    }),
    async handle(context, parameters) {
      const { graph, cursors, isTimeUp } = context;
      const { direction } = parameters;
      const start = startOf(parameters);
      const question: Question = {
        start,
        direction,
        depth: parameters.depth,
        asOf: parameters.asOf,
      };
      const begun = await beginning(graph, question, parameters.limit);
      if (begun === null)
        throw new RequestError('NOT_FOUND', 'Where the question begins had not been recorded.');
      const { node: first, rest } = begun;
      const after = parameters.cursor;
      const from = after === undefined ? null : (cursors.open(after) as Position);
      const walked = await walk(graph, question, begun, from, parameters.limit, isTimeUp);
      const page = fitting(walked.steps, (step) => [nodeOf(step.node), edgeOf(step.edge)] as const);
      const steps = walked.steps.slice(0, page.told.length);
      const isCut = page.missing.length > 0;
      const next = isCut ? (page.last?.next ?? null) : walked.next;
      const isShort = !isCut && next !== null && steps.length < parameters.limit;
      const reached = steps.map((step) => step.node);
      const began = from === null ? [first] : [];
      const edges = page.told.map(([, told]) => told);
      const missing = [
        ...page.missing,
        ...(isShort ? [TIME_IS_UP] : []),
        ...(await pendingAmong(graph, [...began, ...reached], rest)),
      ];
      return {
        start: nodeOf(first).key,
        nodes: [...began.map(nodeOf), ...page.told.map(([told]) => told)],
        edges,
        next: next === null ? null : cursors.seal(next),
        basis: basisOf(edges.flatMap((of) => (of.kind === 'GENERATED' ? [of.resolution] : []))),
        ...(await completenessOf(context, parameters.asOf, missing, rest?.writing)),
      };
    },
  }),
  route({
    path: '/v1/graph',
    resource: 'lineage',
    summary:
      'The graph to look at: model versions with their datasets and how many inferences each has, those recorded first last; then all datasets, those that no model uses among them',
    parameters: z.object({ limit, cursor }),
    answer: z.object({
      nodes: z.array(drawnNode),
      edges: z.array(usedIn),
      next: z.string().nullable().describe('Cursor of the next page; null on the last'),
      ...completeness,
    }),
    async handle(context, { limit: most, cursor: after }) {
      const { graph, cursors } = context;
      const place = after === undefined ? { models: null } : (cursors.open(after) as GraphPlace);
      if ('datasets' in place) {
        // All of them: one that got its first version meanwhile would be missed among the unused.
        const found = await newestDatasets(graph, place.datasets, most, EVERYTHING);
        const { told, last, missing } = fitting(found, drawnDataset);
        const isEnd = last === undefined || (missing.length === 0 && found.length < most);
        return {
          nodes: told,
          edges: [],
          next: isEnd ? null : cursors.seal({ datasets: { since: last.since, hash: last.hash } }),
          ...(await completenessOf(context, NOW, missing)),
        };
      }
      const found = await newestModels(graph, place.models, most, EVERYTHING);
      const { told, last, missing } = fitting(found, drawn);
      const isEnd = last === undefined || (missing.length === 0 && found.length < most);
      const next: GraphPlace = isEnd
        ? { datasets: null }
        : { models: { since: last.since, name: last.name, commit: last.commit } };
      // A dataset of several versions is one node.
      const nodes = new Map(told.flatMap((one) => one.nodes.map((of) => [of.key, of] as const)));
      const shown = found.slice(0, told.length);
      return {
        nodes: [...nodes.values()],
        edges: told.flatMap(({ edges }) => edges),
        next: cursors.seal(next),
        ...(await completenessOf(context, NOW, [...missing, ...pendingOf(shown)])),
      };
    },
  }),
  route({
    path: '/v1/impact',
    resource: 'lineage',
    summary:
      'A recall: all model versions and inferences that rest on a dataset, a model version or a key',
    parameters: z.object({
      ...subject,
      kid: z
        .string()
        .regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits')
        .optional()
        .describe('A key, by the SHA-256 of its SubjectPublicKeyInfo'),
      asOf,
      limit,
      cursor,
    }),
    answer: z.object({
      summary: impactSummary.nullable().describe('On the first page only'),
      items: z.array(impactItem),
      next: z.string().nullable().describe('Cursor of the next page; null on the last'),
      basis,
      ...completeness,
    }),
    handle: impact,
    other: { mediaType: 'text/csv', handle: impactCsv },
  }),
];

/** Where the picture goes on: among the versions, then among the datasets. */
type GraphPlace =
  { readonly models: ModelPlace | null } | { readonly datasets: DatasetPlace | null };

const EVERYTHING = {
  from: '0001-01-01T00:00:00Z',
  until: NOW,
  asOf: NOW,
  name: null,
  minDatasets: 0,
  orphan: null,
} as const;

function drawnDataset({
  hash,
  path,
  evidence: at,
}: Pick<DatasetItem, 'hash' | 'path' | 'evidence'>): z.input<typeof drawnNode> {
  return { kind: 'dataset', key: datasetKey(hash), hash, path, evidence: at };
}

/** A version with its datasets. */
function drawn(item: ModelItem): {
  readonly nodes: readonly z.input<typeof drawnNode>[];
  readonly edges: z.input<typeof usedIn>[];
} {
  const to = modelKey(item);
  return {
    nodes: [...item.datasets.map(drawnDataset), drawnModel(item)],
    edges: item.datasets.map(({ hash }) => ({ kind: 'USED_IN', from: datasetKey(hash), to })),
  };
}

function drawnModel(item: ModelItem): z.input<typeof drawnNode> {
  const { name, commit, datasetCount, pendingCount, inferenceCount, evidence: at } = item;
  const counts = { datasetCount, pendingCount, inferenceCount };
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

function nodeOf(found: LineageNode): z.input<typeof node> {
  if (found.kind === 'dataset')
    return {
      kind: 'dataset',
      key: datasetKey(found.dataset.hash),
      ...datasetAnswer(found.dataset),
    };
  if (found.kind === 'model') return { kind: 'model', key: modelKey(found.model), ...found.model };
  const told = inferenceAnswer(found.inference, false);
  return { kind: 'inference', key: `inference:${found.inference.id}`, ...told };
}

function edgeOf(found: LineageEdge): z.input<typeof edge> {
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
async function pendingAmong(
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
  return [...pendingOf(pending), ...unlinked(inferences)];
}
