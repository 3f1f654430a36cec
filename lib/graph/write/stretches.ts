import neo4j from 'neo4j-driver';
import { compareInstants } from '../../trust/timestamp.ts';
import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { toDateTime } from '../instant.ts';
import type { Row } from '../rows.ts';
import type { Signing } from './changes.ts';

/** Lines that a stretch spans: number n holds those from 1,000·n + 1 on (docs/graph.md, G-7). */
const STRETCH_LINES = 1_000;

/** Which thousand lines of which log. */
export interface StretchName {
  readonly log: string;
  readonly number: number;
}

/** The number of the stretch that a line is in; lines count from 1. */
export function stretchOf(line: number): number {
  return Math.floor((line - 1) / STRETCH_LINES);
}

const MAKE_STRETCHES = `
MATCH (l:Log {sha256: $log})
UNWIND $kids AS kid
MERGE (s:Stretch {log: $log, number: $number, kid: kid})
ON CREATE SET s.count = 0
MERGE (s)-[:PART_OF]->(l)
`;

/** Makes the nodes where they are missing, and counts the signings that a batch adds to each. */
export const WRITE_STRETCHES = `
MATCH (l:Log {sha256: $log})
UNWIND $rows AS row
MERGE (s:Stretch {log: $log, number: $number, kid: row.kid})
ON CREATE SET s.count = 0
MERGE (s)-[:PART_OF]->(l)
SET s.count = s.count + row.count,
  s.first = CASE WHEN s.first <= row.first THEN s.first ELSE row.first END,
  s.last = CASE WHEN s.last >= row.last THEN s.last ELSE row.last END
`;

/**
 * Makes a stretch's nodes in a transaction of its own, so that batches that run side by side never
 * wait for each other's, and a constraint that fails in a batch is the inference's id.
 */
export async function makeStretches(
  graph: Graph,
  { log, number }: StretchName,
  kids: Iterable<string>,
): Promise<void> {
  await graph[database].run(MAKE_STRETCHES, {
    log,
    number: neo4j.int(number),
    kids: [...kids].sort(),
  });
}

/** What a batch adds to the stretch of each key, in the order of kids. */
export function stretchRows(signings: readonly Signing[]): Row[] {
  return [...Map.groupBy(signings, ({ kid }) => kid)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kid, all]) => {
      const times = all.map(({ recordedAt }) => recordedAt).sort(compareInstants);
      const [first] = times;
      const last = times.at(-1);
      return {
        kid,
        count: neo4j.int(all.length),
        first: first === undefined ? null : toDateTime(first),
        last: last === undefined ? null : toDateTime(last),
      };
    });
}
