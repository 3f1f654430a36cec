import * as z from 'zod';
import type { Graph } from '../graph/connection.ts';
import type { Cursors } from './cursor.ts';

/** The Lambda function that answers a route; the name of its file in functions/. */
export type Resource = 'objects';

/** What a handler may use. */
export interface RouteContext {
  readonly graph: Graph;
  /** Of this route and these parameters. */
  readonly cursors: Cursors;
}

/** One row of the table that handlers, local server, OpenAPI document and deployment follow. */
export interface Route {
  readonly path: string;
  readonly resource: Resource;
  readonly summary: string;
  /** Each one is a string, as it stands in the query. */
  readonly parameters: z.ZodObject;
  readonly answer: z.ZodType;
  handle(context: RouteContext, parameters: Record<string, unknown>): Promise<unknown>;
}

/** A route whose handler is given what `parameters` describes, and has to answer what `answer` does. */
export function route<P extends z.ZodObject, A extends z.ZodType>(of: {
  path: string;
  resource: Resource;
  summary: string;
  parameters: P;
  answer: A;
  handle: (context: RouteContext, parameters: z.output<P>) => Promise<z.input<A>>;
}): Route {
  return of as unknown as Route;
}

/** Of one page. */
export const limit = z
  .string()
  .regex(/^(?:[1-9]\d?|1\d\d|200)$/, 'a whole number from 1 to 200')
  .transform(Number)
  .default(50)
  .describe('Items of one page, 1 to 200; 50 unless named');

export const cursor = z.string().max(8_192).optional().describe('`next` of the page before');

/** A page of a list. */
export function listOf<Item extends z.ZodType>(
  item: Item,
): z.ZodObject<{
  items: z.ZodArray<Item>;
  next: z.ZodNullable<z.ZodString>;
  complete: z.ZodBoolean;
  asOf: z.ZodString;
}> {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().describe('Cursor of the next page; null on the last'),
    complete: z.boolean().describe('True where all that is known is here or behind `next`'),
    asOf: z.string().describe('When it was answered'),
  });
}
