import * as z from 'zod';
import { pageOf } from './completeness.ts';
import { count } from './scalar.ts';

const rejection = z.object({
  line: z.number().int().describe('From 1'),
  code: z.string().describe('One of docs/envelope.md, or what another release called it'),
  detail: z.string(),
});

export const object = z.object({
  object: z.string().describe('URI, version included'),
  status: z.enum(['accepted', 'partial', 'rejected', 'empty', 'abandoned', 'verifying', 'writing']),
  complete: z.boolean().describe('False while the object is verified or written'),
  lines: z.number().int().nullable().describe('Null until it was read to its end'),
  linesDone: z.number().int().describe('Lines whose records are in the graph'),
  accepted: z.number().int(),
  duplicate: z.number().int(),
  withheld: z
    .number()
    .int()
    .describe(
      'Lines that were not refused and are not in the graph: all of a rejected object, the rest of an abandoned one',
    ),
  rejectedTotal: z.number().int(),
  rejectedAtLeast: z
    .boolean()
    .describe(
      'True where more may be refused: behind a thousand of a rejected object no line is judged',
    ),
  rejected: z.array(rejection).describe('The first 100'),
  bytes: z.number().int().nullable(),
  sha256: z.string().nullable(),
  problem: z.string().nullable().describe('Why nothing of it could be read'),
  problemCode: z.string().nullable().describe('The same as a code: docs/operations.md'),
  firstSeenAt: z.string(),
  lastSeenAt: z.string(),
});

/** What became of one dropped file. */
export type ObjectAnswer = z.output<typeof object>;

const passedOver = z.object({
  count: count.describe('Names, each once however often it came'),
  reasons: z.array(
    z.object({
      why: z.string(),
      count,
      first: z.array(z.string()).describe('URIs of the first of them, at most five'),
    }),
  ),
});

export const objectsAnswer = pageOf(object).extend({
  passedOver: passedOver
    .nullable()
    .describe(
      'What can’t be a log by its name: it was not read and is no item, and counts as a dropped file all the same. On the first page only',
    ),
});

export type ObjectsAnswer = z.output<typeof objectsAnswer>;
