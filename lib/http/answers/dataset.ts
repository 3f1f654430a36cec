import * as z from 'zod';
import { completeness, pageOf } from './completeness.ts';
import { modelName } from './model.ts';
import { contentCount, contents, count, instant, offsetSigned, recorded } from './scalar.ts';
import { evidence } from './signed-at.ts';

export const dataset = z.object({
  hash: z.string(),
  path: z
    .string()
    .nullable()
    .describe('Null where another record held at `asOf`: see its evidence'),
  description: z.string().nullable(),
  timestamp: z.string().nullable().describe('As signed'),
  offsetSigned,
  recordedAt: instant,
  since: instant.describe('Recorded first'),
  models: count.describe('Model versions that use it now'),
  contents: contentCount,
  evidence,
});

export const datasetsAnswer = pageOf(dataset);

export const datasetAnswer = z.object({
  recorded,
  dataset: dataset.nullable().describe('Null where it is not recorded'),
  contents,
  models: z
    .array(modelName.extend({ inferences: count }))
    .describe('That declare it, at most a hundred; /v1/lineage has all'),
  modelCount: count,
  inferenceCount: count
    .nullable()
    .describe('Of the models named here; null where they are not all'),
  ...completeness.shape,
});

export type DatasetAnswer = z.output<typeof datasetAnswer>;
