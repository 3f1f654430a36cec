import { setTimeout } from 'node:timers/promises';
import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import type { Row } from '../rows.ts';
import { TornReadError } from '../signing.ts';

/** A commit shows in milliseconds; what is still torn after these was written by somebody else. */
const PAUSES_MS = [2, 10, 50, 250];

/**
 * Asks one question whose rows tell evidence, and again while `read` finds it torn. What is torn to the
 * end rejects with {@link TornReadError}: no answer shows a fact with another's evidence.
 */
export async function askWhole<T>(
  graph: Graph,
  statement: string,
  parameters: Row,
  read: (rows: readonly Row[]) => T,
): Promise<T> {
  for (const pause of PAUSES_MS) {
    try {
      return read(await graph[database].ask(statement, parameters));
    } catch (error) {
      if (!(error instanceof TornReadError)) throw error;
      await setTimeout(pause);
    }
  }
  return read(await graph[database].ask(statement, parameters));
}

/** What `read` makes of the first row, or null where there is none. */
export async function askWholeOne<T>(
  graph: Graph,
  statement: string,
  parameters: Row,
  read: (row: Row) => T,
): Promise<T | null> {
  return askWhole(graph, statement, parameters, ([row]) => (row === undefined ? null : read(row)));
}
