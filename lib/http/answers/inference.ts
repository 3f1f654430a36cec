import * as z from 'zod';
import { completeness, pageOf } from './completeness.ts';
import { model, modelName } from './model.ts';
import { contents, count, instant, signedJson } from './scalar.ts';
import { inferenceEvidence } from './signed-at.ts';

export const resolution = z.enum(['exact', 'only-version', 'as-of', 'before-model', 'pending']);

export type Resolution = z.output<typeof resolution>;

export const basis = z
  .object({ exact: count, onlyVersion: count, inferred: count })
  .describe(
    'How the links from models to inferences in this answer were found: signed, unambiguous, inferred',
  );

export type Basis = z.output<typeof basis>;

const kept = z.object({ sha256: z.string(), bytes: count });

export const inference = z.object({
  id: z.string(),
  claimed: z
    .object({ name: z.string(), commit: z.string().nullable() })
    .describe('What the record says of its model'),
  model: modelName.nullable().describe('The version that it is linked to'),
  resolution,
  timestamp: z.string().describe('As signed'),
  recordedAt: instant,
  input: signedJson.optional().describe('With include=payload, where it is kept'),
  output: signedJson.optional().describe('With include=payload, where it is kept'),
  inputKept: kept
    .nullable()
    .optional()
    .describe('Hash and size, where only they are kept; takes the permission payload:read'),
  outputKept: kept.nullable().optional(),
  evidence: inferenceEvidence,
});

export type Inference = z.output<typeof inference>;

export const inferencesAnswer = pageOf(inference).extend({ basis });

export const inferenceAnswer = z.object({
  inference,
  contents,
  model: model.nullable().describe('With at most a hundred datasets; /v1/lineage has all'),
  basis,
  ...completeness.shape,
});

export type InferenceAnswer = z.output<typeof inferenceAnswer>;
