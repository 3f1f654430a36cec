import * as z from 'zod';
import { count, instant } from './scalar.ts';

const incomplete = z.object({
  reason: z.enum([
    'OBJECT_IN_PROGRESS',
    'PENDING_LINKS',
    'PLACED_BY_TIME',
    'CONTESTED',
    'NEAR_SPELLING',
    'TIME_BUDGET',
    'SIZE_BUDGET',
  ]),
  detail: z.string(),
  objects: z.array(z.string()).optional().describe('Of OBJECT_IN_PROGRESS: at most ten'),
  count: count
    .optional()
    .describe('Of PENDING_LINKS, PLACED_BY_TIME and CONTESTED: how many, where that was counted'),
  hashes: z
    .array(z.string())
    .optional()
    .describe('Of PENDING_LINKS: datasets that are declared and not recorded, at most a hundred'),
});

export type Incomplete = z.output<typeof incomplete>;

/** What every answer about the graph says of itself. */
export const completeness = z.object({
  complete: z
    .boolean()
    .describe('True where all that is known of this question is here or behind `next`'),
  incomplete: z.array(incomplete).optional().describe('What is missing, where `complete` is false'),
  asOf: instant.describe('The time that was asked for, else that of the answer'),
});

export type Completeness = z.output<typeof completeness>;

/** What every page of something longer says of itself. */
export const paged = z.object({
  next: z.string().nullable().describe('Cursor of the next page; null on the last'),
  ...completeness.shape,
});

export type Paged = z.output<typeof paged>;

/** A page of a list. */
export function pageOf<Item extends z.ZodType>(
  item: Item,
): z.ZodObject<{ items: z.ZodArray<Item> } & typeof paged.shape> {
  return z.object({ items: z.array(item), ...paged.shape });
}
