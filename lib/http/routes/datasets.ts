import * as z from 'zod';
import { contentsOf } from '../../graph/ask/contents.ts';
import { newestDatasets, readDataset, type DatasetItem } from '../../graph/ask/datasets.ts';
import { readVersions, versionsRestingOn } from '../../graph/ask/lineage.ts';
import { NOW } from '../../graph/place.ts';
import { datasetAnswer, datasetsAnswer } from '../answers/dataset.ts';
import { completenessOf, pageEnd, readPage } from '../page.ts';
import { asOf, cursor, identity, limit, since, until } from '../parameters.ts';
import { route, type Route } from '../route.ts';
import { tellContents, undescribed } from './models.ts';
import { missingBySpelling, notFound } from './near.ts';

/** Of the versions that use a dataset, those that its answer names; /v1/lineage pages through all. */
const MAX_MODELS = 100;

/** A place in the list of datasets. */
export const datasetPlace = z.object({ since: z.string(), hash: z.string() });

export const DATASET_ROUTES: readonly Route[] = [
  route({
    path: '/v1/datasets',
    resource: 'datasets',
    summary: 'Datasets, newest first',
    parameters: z.object({ since, until, asOf, limit, cursor }),
    answer: datasetsAnswer,
    async handle(context, { since: from, until: to, asOf: time, ...parameters }) {
      const after = context.cursors.open(parameters.cursor, datasetPlace);
      const within = { from, until: to, asOf: time };
      const page = await readPage(
        parameters.limit,
        (rows) => newestDatasets(context.graph, after, rows, within),
        (item) => item,
        datasetPlaceOf,
      );
      return { items: page.told, ...(await pageEnd(context, page, time)) };
    },
  }),
  route({
    path: '/v1/dataset',
    resource: 'datasets',
    summary: 'One dataset, recorded or only declared, with the model versions that use it',
    parameters: z.object({ hash: identity }),
    answer: datasetAnswer,
    async handle(context, { hash }) {
      const { graph } = context;
      const found = await readDataset(graph, hash);
      const subject = { kind: 'dataset', hash } as const;
      const versions = await versionsRestingOn(graph, { hash }, NOW);
      if (found === null && versions.length === 0)
        throw await notFound(
          graph,
          subject,
          'No dataset of this hash is recorded, and no recorded model declares it.',
        );
      const models = await readVersions(graph, versions.slice(0, MAX_MODELS), hash, NOW);
      const named = models.map(({ model: { name, commit, inferenceCount } }) => ({
        name,
        commit,
        inferences: inferenceCount,
      }));
      const isAll = versions.length <= MAX_MODELS;
      const missing = [
        ...(found === null ? [undescribed(hash)] : []),
        ...(await missingBySpelling(graph, subject)),
      ];
      return {
        recorded: found !== null,
        dataset: found,
        contents: tellContents(await contentsOf(graph, subject)),
        models: named,
        modelCount: versions.length,
        inferenceCount: isAll ? named.reduce((sum, { inferences }) => sum + inferences, 0) : null,
        ...(await completenessOf(context, NOW, missing)),
      };
    },
  }),
];

export function datasetPlaceOf({ since: at, hash }: DatasetItem): z.output<typeof datasetPlace> {
  return { since: at, hash };
}
