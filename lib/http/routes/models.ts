import * as z from 'zod';
import { counted } from '../../counted.ts';
import {
  newestModels,
  readModel,
  type ModelItem,
  type ModelPlace,
} from '../../graph/ask/models.ts';
import { NOW } from '../../graph/place.ts';
import { completenessOf, fitting, pageOf } from '../page.ts';
import { asOf, cursor, flag, identity, limit, since, until } from '../parameters.ts';
import { RequestError } from '../problem.ts';
import { route, type Route } from '../route.ts';
import { completeness, model, modelAnswer, type Incomplete } from '../schemas.ts';

const atLeast = z
  .string()
  .regex(/^\d{1,6}$/, 'a whole number')
  .default('0')
  .transform(Number)
  .meta({ examples: ['1'] });

export const MODEL_ROUTES: readonly Route[] = [
  route({
    path: '/v1/models',
    resource: 'models',
    summary: 'Model versions with their datasets, those recorded first last',
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
    answer: pageOf(model),
    async handle(context, { since: from, ...parameters }) {
      const { graph, cursors } = context;
      const { name = null, minDatasets, orphan = null } = parameters;
      const after =
        parameters.cursor === undefined ? null : (cursors.open(parameters.cursor) as ModelPlace);
      const filter = {
        from,
        until: parameters.until,
        asOf: parameters.asOf,
        name,
        minDatasets,
        orphan,
      };
      const found = await newestModels(graph, after, parameters.limit + 1, filter);
      const items = found.slice(0, parameters.limit);
      const { told, last, missing } = fitting(items, modelAnswer);
      const isEnd = last === undefined || told.length === found.length;
      const next = isEnd
        ? null
        : cursors.seal({ since: last.since, name: last.name, commit: last.commit });
      const all = [...missing, ...pendingOf(items)];
      return { items: told, next, ...(await completenessOf(context, parameters.asOf, all)) };
    },
  }),
  route({
    path: '/v1/model',
    resource: 'models',
    summary: 'One model version',
    parameters: z.object({ name: identity, commit: identity }),
    answer: z.object({ model, ...completeness }),
    async handle(context, name) {
      const found = await readModel(context.graph, name);
      if (found === null)
        throw new RequestError('NOT_FOUND', 'No model of this name and commit is recorded.');
      return {
        model: modelAnswer(found),
        ...(await completenessOf(context, NOW, pendingOf([found]))),
      };
    },
  }),
];

/** Datasets that are declared and not recorded make an answer about their models incomplete. */
export function pendingOf(
  models: readonly Pick<ModelItem, 'pending' | 'pendingCount'>[],
): readonly Incomplete[] {
  const count = models.reduce((sum, { pendingCount }) => sum + pendingCount, 0);
  if (count === 0) return [];
  return [
    {
      reason: 'PENDING_LINKS',
      detail: `${counted(count, 'dataset is', 'datasets are')} declared by these models and not recorded`,
      hashes: models.flatMap(({ pending }) => pending).slice(0, 100),
    },
  ];
}
