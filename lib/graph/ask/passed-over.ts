import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { count, text, texts } from '../rows.ts';

/** Names that were passed over for one reason. */
export interface PassedOverCount {
  readonly why: string;
  /** Each name once. */
  readonly count: number;
  /** The first of them, at most five. */
  readonly first: readonly string[];
}

const PASSED_OVER = `
MATCH (c:PassedOverCount)
USING INDEX SEEK c:PassedOverCount(why)
WHERE c.why > ''
RETURN c.why AS why, c.count AS count, c.first AS first
ORDER BY c.why
`;

/** By reason, of which there are as many as `whyNoLog` knows. */
export async function passedOver(graph: Graph): Promise<readonly PassedOverCount[]> {
  const found = await graph[database].ask(PASSED_OVER);
  return found.map((row) => ({
    why: text(row, 'why'),
    count: count(row, 'count'),
    first: texts(row, 'first'),
  }));
}
