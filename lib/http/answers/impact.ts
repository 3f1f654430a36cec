import * as z from 'zod';
import { LINK_WORDS } from '../../links.ts';
import { pageOf } from './completeness.ts';
import { basis, resolution } from './inference.ts';
import { modelName } from './model.ts';
import { count, instant } from './scalar.ts';
import { evidence, inferenceEvidence } from './signed-at.ts';

const spread = z.object({ count, first: instant.nullable(), last: instant.nullable() });

function spreadOf(basis: keyof typeof LINK_WORDS): string {
  return `Linked, in one word: ${LINK_WORDS[basis]}; null when the time did not suffice`;
}

const summary = z.object({
  modelCount: count,
  models: z
    .array(modelName.extend({ inferenceCount: count, evidence }))
    .describe('At most two hundred'),
  inferenceCount: count
    .nullable()
    .describe('Now, of those models; null where there are too many models to name'),
  signedInferenceCount: count.nullable().describe('Of a key: inferences that it signed itself'),
  exact: spread.nullable().describe(spreadOf('signed')),
  onlyVersion: spread.nullable().describe(spreadOf('only-version')),
  inferred: spread.nullable().describe(spreadOf('by-time')),
});

export type ImpactSummary = z.output<typeof summary>;

const item = z.object({
  id: z.string(),
  model: modelName.nullable(),
  resolution,
  recordedAt: instant,
  evidence: inferenceEvidence,
});

export type ImpactItem = z.output<typeof item>;

export const impactAnswer = pageOf(item).extend({
  summary: summary.nullable().describe('On the first page only'),
  basis,
});

export type ImpactAnswer = z.output<typeof impactAnswer>;
