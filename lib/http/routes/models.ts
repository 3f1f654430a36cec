import * as z from 'zod';
import { counted } from '../../counted.ts';
import { contentsOf, type Contents } from '../../graph/ask/contents.ts';
import { countNaming, newestModels, readModel, type ModelItem } from '../../graph/ask/models.ts';
import type { ModelName } from '../../graph/model-name.ts';
import { NOW } from '../../graph/place.ts';
import { opaque } from '../answer.ts';
import type { Incomplete } from '../answers/completeness.ts';
import {
  modelAnswer,
  modelName,
  modelsAnswer,
  type Model,
  type ModelAnswer,
} from '../answers/model.ts';
import type { contents as contentsAnswer } from '../answers/scalar.ts';
import { completenessOf, pageEnd, readPage } from '../page.ts';
import { asOf, cursor, flag, identity, limit, since, until } from '../parameters.ts';
import { route, type Route, type RouteContext } from '../route.ts';
import { missingByName, missingBySpelling, notFound } from './near.ts';

const atLeast = z
  .string()
  .regex(/^\d{1,6}$/, 'a whole number')
  .default('0')
  .transform(Number)
  .meta({ examples: ['1'] });

/** A place in the list of model versions. */
export const modelPlace = modelName.extend({ since: z.string() });

export const MODEL_ROUTES: readonly Route[] = [
  route({
    path: '/v1/models',
    resource: 'models',
    summary: 'Model versions with their datasets, newest first',
    parameters: z.object({
      name: identity.optional(),
      minDatasets: atLeast.describe('Only versions that use at least so many datasets'),
      orphan: flag
        .optional()
        .describe('true: only versions without any dataset; false: only those with one'),
      since,
      until,
      asOf,
      limit,
      cursor,
    }),
    answer: modelsAnswer,
    async handle(context, { since: from, ...parameters }) {
      const { name = null, minDatasets, orphan = null, until: to, asOf: time } = parameters;
      const after = context.cursors.open(parameters.cursor, modelPlace);
      const filter = { from, until: to, asOf: time, name, minDatasets, orphan };
      const page = await readPage(
        parameters.limit,
        (rows) => newestModels(context.graph, after, rows, filter),
        tellModel,
        modelPlaceOf,
      );
      const isNone = after === null && page.items.length === 0;
      const missing = [
        ...page.missing,
        ...missingDatasets(page.items),
        ...(isNone && name !== null ? await missingByName(context.graph, name) : []),
      ];
      return { items: page.told, ...(await pageEnd(context, { ...page, missing }, time)) };
    },
  }),
  route({
    path: '/v1/model',
    resource: 'models',
    summary: 'One model version, recorded or only named by inferences',
    parameters: z.object({ name: identity, commit: identity }),
    answer: modelAnswer,
    async handle(context, name) {
      const found = await readModel(context.graph, name);
      if (found === null) return tellUnrecorded(context, name);
      return {
        recorded: true,
        model: tellModel(found),
        contents: tellContents(await contentsOf(context.graph, { kind: 'model', ...name })),
        ...(await completenessOf(context, NOW, missingDatasets([found]))),
      };
    },
  }),
];

/** A version that inferences name, and that no record describes. */
async function tellUnrecorded(context: RouteContext, name: ModelName): Promise<ModelAnswer> {
  const subject = { kind: 'model', model: name } as const;
  const count = await countNaming(context.graph, name);
  if (count === 0)
    throw await notFound(
      context.graph,
      subject,
      'No model of this name and commit is recorded, and no recorded inference names it.',
    );
  const naming = counted(count, 'inference names', 'inferences name');
  const detail = `${naming} this version, which is not recorded`;
  const missing: readonly Incomplete[] = [
    { reason: 'PENDING_LINKS', detail, count },
    ...(await missingBySpelling(context.graph, subject)),
  ];
  return {
    recorded: false,
    model: null,
    contents: null,
    ...(await completenessOf(context, NOW, missing)),
  };
}

/** As an answer tells it. */
export function tellContents(contents: Contents | null): z.output<typeof contentsAnswer> {
  return contents && { count: contents.count, digests: [...contents.digests] };
}

/** As an answer tells it. */
export function tellModel(item: ModelItem): Model {
  return {
    ...item,
    datasets: [...item.datasets],
    pending: [...item.pending],
    hyperparameters: opaque(item.hyperparameters),
    environment: opaque(item.environment),
  };
}

export function modelPlaceOf({ since: at, name, commit }: ModelItem): z.output<typeof modelPlace> {
  return { since: at, name, commit };
}

/** A dataset that is asked about, that models declare and no record describes. */
export function undescribed(hash: string): Incomplete {
  return {
    reason: 'PENDING_LINKS',
    detail: 'The dataset is declared by models and not recorded',
    count: 1,
    hashes: [hash],
  };
}

/** Datasets that are declared and not recorded make an answer about their models incomplete. */
export function missingDatasets(
  models: readonly Pick<ModelItem, 'pending' | 'pendingCount'>[],
): readonly Incomplete[] {
  const count = models.reduce((sum, { pendingCount }) => sum + pendingCount, 0);
  if (count === 0) return [];
  return [
    {
      reason: 'PENDING_LINKS',
      detail: `${counted(count, 'dataset is', 'datasets are')} declared by these models and not recorded`,
      count,
      hashes: models.flatMap(({ pending }) => pending).slice(0, 100),
    },
  ];
}
