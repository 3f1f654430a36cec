import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { count, maybe, text, time } from '../rows.ts';

/** What a key has signed, by its stretches: no record is looked at. */
export interface KeyCounts {
  readonly signings: number;
  readonly logs: number;
  readonly first: string | null;
  readonly last: string | null;
}

const COUNTS_OF_KEYS = `
UNWIND $kids AS kid
CALL (kid) {
  MATCH (s:Stretch)
  USING INDEX SEEK s:Stretch(kid, log, number)
  WHERE s.kid = kid AND s.log IS NOT NULL AND s.number IS NOT NULL AND s.count > 0
  RETURN sum(s.count) AS signings, count(DISTINCT s.log) AS logs, min(s.first) AS first, max(s.last) AS last
}
RETURN kid, signings, logs, first, last
`;

const NEXT_KID = `
MATCH (s:Stretch)
USING INDEX SEEK s:Stretch(kid, log, number)
WHERE s.kid > $after AND s.log IS NOT NULL AND s.number IS NOT NULL
RETURN s.kid AS kid
ORDER BY s.kid
LIMIT 1
`;

/** By kid. */
export async function countsOfKeys(
  graph: Graph,
  kids: readonly string[],
): Promise<ReadonlyMap<string, KeyCounts>> {
  const found = await graph[database].ask(COUNTS_OF_KEYS, { kids });
  return new Map(
    found.map((row) => [
      text(row, 'kid'),
      {
        signings: count(row, 'signings'),
        logs: count(row, 'logs'),
        first: maybe(time, row, 'first'),
        last: maybe(time, row, 'last'),
      },
    ]),
  );
}

/** The next key that signed anything, in the order of kids; null behind the last. One seek each. */
export async function nextKid(graph: Graph, after: string): Promise<string | null> {
  const [row] = await graph[database].ask(NEXT_KID, { after });
  return row === undefined ? null : text(row, 'kid');
}
