import * as z from 'zod';
import { LINK_WORDS, linkText } from '../../links.ts';
import { completeness, pageOf } from './completeness.ts';
import { model, modelName } from './model.ts';
import { contentCount, contents, count, instant, offsetSigned, signedJson } from './scalar.ts';
import { inferenceEvidence } from './signed-at.ts';

const RESOLUTIONS = ['exact', 'only-version', 'as-of', 'before-model', 'pending'] as const;

export const resolution = z
  .enum(RESOLUTIONS)
  .describe(RESOLUTIONS.map((of) => `${of} is ${linkText(of)}`).join('; '));

export type Resolution = z.output<typeof resolution>;

export const basis = z
  .object({ exact: count, onlyVersion: count, inferred: count })
  .describe(
    `How many links from models to inferences in this answer are ${LINK_WORDS.signed} (exact), ${LINK_WORDS['only-version']} (onlyVersion) and ${LINK_WORDS['by-time']} (inferred)`,
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
  offsetSigned,
  recordedAt: instant,
  input: signedJson.optional().describe('With include=payload, where it is kept'),
  output: signedJson.optional().describe('With include=payload, where it is kept'),
  inputKept: kept
    .nullable()
    .optional()
    .describe('Hash and size, where only they are kept; takes the permission payload:read'),
  outputKept: kept.nullable().optional(),
  contents: contentCount,
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
