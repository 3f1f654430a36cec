import neo4j from 'neo4j-driver';
import { compareInstants } from '../../trust/timestamp.ts';
import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { toDateTime } from '../instant.ts';
import type { Row } from '../rows.ts';
import { stretchOf, type StretchName } from '../stretch.ts';
import type { Signing } from './changes.ts';

/** So many are made at once: no batch then waits for a transaction that makes its own alone. */
const AHEAD = 16;

const MAKE_AHEAD = `
MATCH (l:Log {sha256: $log})
UNWIND range($first, $last) AS number
UNWIND $kids AS kid
MERGE (s:Stretch {log: $log, number: number, kid: kid})
ON CREATE SET s.count = 0
MERGE (s)-[:PART_OF]->(l)
`;

/** Of a batch that has none yet: a log's first, or one that is applied alone. */
export const MAKE_STRETCHES = `
MATCH (l:Log {sha256: $log})
UNWIND $rows AS row
MERGE (s:Stretch {log: $log, number: $number, kid: row.kid})
ON CREATE SET s.count = 0
MERGE (s)-[:PART_OF]->(l)
`;

// Sent last: from here to its COMMIT no other batch can count what it adds to the stretch.
export const COUNT_SIGNINGS = `
UNWIND $rows AS row
MATCH (s:Stretch {log: $log, number: $number, kid: row.kid})
SET s.count = s.count + row.count,
  s.first = CASE WHEN s.first <= row.first THEN s.first ELSE row.first END,
  s.last = CASE WHEN s.last >= row.last THEN s.last ELSE row.last END
`;

/**
 * The stretches of one log, made in transactions of their own, so that batches that run side by side
 * never wait for each other's, and a constraint that fails in a batch is the inference's id.
 */
export class Stretches {
  readonly #graph: Graph;
  readonly #kids = new Set<string>();
  /** The first that is not made yet. */
  #next = 0;

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** Sees to it that a stretch is there for each of these keys; the log is there already. */
  async need({ log, number }: StretchName, lines: number, kids: Iterable<string>): Promise<void> {
    const all = new Set([...this.#kids, ...kids]);
    if (number < this.#next && all.size === this.#kids.size) return;
    const last = Math.min(number + AHEAD - 1, stretchOf(Math.max(lines, 1)));
    const parameters = {
      log,
      first: neo4j.int(number),
      last: neo4j.int(last),
      kids: [...all].sort(),
    };
    await this.#graph[database].write((tx) => tx.run(MAKE_AHEAD, parameters));
    for (const kid of all) this.#kids.add(kid);
    this.#next = last + 1;
  }
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
