import * as z from 'zod';
import { paged } from './completeness.ts';
import { dataset } from './dataset.ts';
import { basis, inference, resolution } from './inference.ts';
import { modelName } from './model.ts';
import { contentCount, count, instant } from './scalar.ts';
import { evidence } from './signed-at.ts';

const key = z.string().describe('Names the node within answers: its kind and its identity');

const node = z.discriminatedUnion('kind', [
  dataset.extend({ kind: z.literal('dataset'), key }),
  modelName.extend({
    kind: z.literal('model'),
    key,
    recordedAt: instant,
    since: instant,
    inferenceCount: count,
    contents: contentCount,
    evidence,
  }),
  inference.omit({ input: true, output: true }).extend({ kind: z.literal('inference'), key }),
  z
    .object({
      kind: z.literal('unrecorded'),
      key,
      subject: z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('dataset'), hash: z.string() }),
        z.object({ kind: z.literal('model'), model: modelName }),
      ]),
    })
    .describe('Where the question begins, where no record describes it'),
]);

export type LineageNode = z.output<typeof node>;

const edge = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('USED_IN'),
    from: key,
    to: key,
    evidence: z
      .array(z.string())
      .describe('Digests of the records that declare it, at most a hundred'),
  }),
  z.object({ kind: z.literal('GENERATED'), from: key, to: key, resolution }),
]);

export type LineageEdge = z.output<typeof edge>;

export const lineageAnswer = z.object({
  start: key,
  recorded: z
    .boolean()
    .describe('False where records refer to where it begins, and none describes it'),
  nodes: z.array(node),
  edges: z.array(edge),
  basis,
  ...paged.shape,
});

export type LineageAnswer = z.output<typeof lineageAnswer>;

const drawnNode = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('dataset'),
    key,
    hash: z.string(),
    path: z.string().nullable(),
    contents: contentCount,
    evidence,
  }),
  modelName.extend({
    kind: z.literal('model'),
    key,
    datasetCount: count.describe('Of which at most a hundred are drawn'),
    pendingCount: count,
    inferenceCount: count,
    contents: contentCount,
    evidence,
  }),
  z
    .object({
      kind: z.literal('claimed'),
      key,
      name: z.string(),
      inferenceCount: count,
      isCut: z.boolean().describe('True where at least so many, and more were not counted'),
    })
    .describe('A model’s name that inferences claim, with no recorded version to link them to'),
]);

export type DrawnNode = z.output<typeof drawnNode>;

const drawnEdge = z.object({ kind: z.literal('USED_IN'), from: key, to: key });

export type DrawnEdge = z.output<typeof drawnEdge>;

export const graphAnswer = z.object({
  nodes: z.array(drawnNode),
  edges: z.array(drawnEdge),
  ...paged.shape,
});

export type GraphAnswer = z.output<typeof graphAnswer>;
