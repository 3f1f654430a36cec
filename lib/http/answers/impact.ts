import * as z from 'zod';
import { LINK_WORDS } from '../../links.ts';
import { pageOf } from './completeness.ts';
import { basis, resolution } from './inference.ts';
import { modelName } from './model.ts';
import { contentCount, count, instant } from './scalar.ts';
import { evidence, inferenceEvidence } from './signed-at.ts';

const spread = z.object({ count, first: instant.nullable(), last: instant.nullable() });

function spreadOf(basis: keyof typeof LINK_WORDS): string {
  return `Linked, in one word: ${LINK_WORDS[basis]}; null when the time did not suffice`;
}

const summary = z.object({
  modelCount: count,
  models: z
    .array(modelName.extend({ inferenceCount: count, contents: contentCount, evidence }))
    .describe('At most two hundred'),
  inferenceCount: count
    .nullable()
    .describe('Now, of those models; null where there are too many models to name'),
  signed: z
    .object({
      datasets: count,
      models: count,
      inferences: count,
      alone: count.describe('Of all those, what no other key signed'),
      onCompromisedKeys: count.describe('Of all those, what rests on compromised keys alone'),
    })
    .nullable()
    .describe('Of a key: the records that it signed itself; null when the time did not suffice'),
  elsewhereByTime: count
    .nullable()
    .describe(
      'Inferences that time alone has placed at other versions of these names; null when the time did not suffice',
    ),
  exact: spread.nullable().describe(spreadOf('signed')),
  onlyVersion: spread.nullable().describe(spreadOf('only-version')),
  inferred: spread.nullable().describe(spreadOf('by-time')),
  onCompromisedKeys: count
    .nullable()
    .describe(
      'Of the inferences of those models, what rests on compromised keys alone, by the keys as they are configured now; null when the time did not suffice',
    ),
});

export type ImpactSummary = z.output<typeof summary>;

const item = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('inference'),
    id: z.string(),
    model: modelName.nullable(),
    resolution,
    recordedAt: instant,
    contents: contentCount,
    evidence: inferenceEvidence,
  }),
  z
    .object({
      kind: z.literal('dataset'),
      hash: z.string(),
      recordedAt: instant,
      contents: contentCount,
      evidence,
    })
    .describe('Of a key: a record that it signed'),
  modelName
    .extend({ kind: z.literal('model'), recordedAt: instant, contents: contentCount, evidence })
    .describe('Of a key: a record that it signed'),
]);

export type ImpactItem = z.output<typeof item>;

export const impactAnswer = pageOf(item).extend({
  recorded: z
    .boolean()
    .describe('False where records refer to what it begins at, and none describes it'),
  summary: summary.nullable().describe('On the first page only'),
  basis,
});

export type ImpactAnswer = z.output<typeof impactAnswer>;
