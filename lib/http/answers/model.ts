import * as z from 'zod';
import { completeness, pageOf } from './completeness.ts';
import {
  contentCount,
  contents,
  count,
  instant,
  offsetSigned,
  recorded,
  signedJson,
} from './scalar.ts';
import { evidence } from './signed-at.ts';

export const modelName = z.object({ name: z.string(), commit: z.string() });

export type ModelName = z.output<typeof modelName>;

const usedDataset = z.object({
  hash: z.string(),
  path: z
    .string()
    .nullable()
    .describe(
      'Null where it is longer than 4,096 characters, or where another record held at `asOf`',
    ),
  contents: contentCount,
  evidence,
});

export const model = modelName.extend({
  hyperparameters: signedJson,
  environment: signedJson,
  timestamp: z.string().nullable().describe('As signed'),
  offsetSigned,
  recordedAt: instant,
  since: instant.describe('Recorded first'),
  datasets: z.array(usedDataset).describe('At most a hundred'),
  datasetCount: count,
  pending: z
    .array(z.string())
    .describe('Hashes of datasets that are declared and not recorded, at most a hundred'),
  pendingCount: count.describe('Now'),
  inferenceCount: count.describe('Now'),
  contents: contentCount,
  evidence,
});

export type Model = z.output<typeof model>;

export const modelsAnswer = pageOf(model);

export type ModelsAnswer = z.output<typeof modelsAnswer>;

export const modelAnswer = z.object({
  recorded,
  model: model.nullable().describe('Null where it is not recorded'),
  contents,
  ...completeness.shape,
});

export type ModelAnswer = z.output<typeof modelAnswer>;
