import { randomUUID } from 'node:crypto';
import type { ManagedTransaction } from 'neo4j-driver';
import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { count, only, rows, text } from '../rows.ts';

/** A name that can't be a log's: what bears it was not read. */
export interface PassedOver {
  /** Without a version: no content of it is known. */
  readonly uri: string;
  /** By `whyNoLog` of lib/object/log-name.ts. */
  readonly why: string;
}

/** What came of telling the graph of such names. */
export interface Noted {
  /** Those that had not been counted before. */
  readonly fresh: readonly string[];
  /** All that are counted by now. */
  readonly total: number;
}

/** Of a reason, the names that an answer tells. */
const MAX_NAMED = 5n;

const NOTE_NAMES = `
UNWIND $names AS row
MERGE (n:PassedOver {uri: row.uri})
ON CREATE SET n.why = row.why, n.notedIn = $attempt
WITH n
WHERE n.notedIn = $attempt
RETURN n.uri AS uri, n.why AS why
`;

const COUNT_NAMES = `
UNWIND $reasons AS row
MERGE (c:PassedOverCount {why: row.why})
ON CREATE SET c.count = 0, c.first = [], c.firstSeenAt = datetime.transaction()
SET c.count = c.count + row.count, c.first = (c.first + row.uris)[..$most], c.lastSeenAt = datetime.transaction()
`;

const TOTAL = `
MATCH (c:PassedOverCount)
USING INDEX SEEK c:PassedOverCount(why)
WHERE c.why > ''
RETURN sum(c.count) AS total
`;

/**
 * Counts names that were passed over, each once however often it comes. They have one node each and are
 * told as a number by reason, so that a million of them crowd out nothing.
 */
export async function notePassedOver(graph: Graph, names: readonly PassedOver[]): Promise<Noted> {
  // In one order, so that two writers don't wait for each other's.
  const sorted = names.toSorted((a, b) => (a.uri < b.uri ? -1 : 1));
  const sent = sorted.map(({ uri, why }) => ({ uri, why }));
  return graph[database].write((tx) => note(tx, sent));
}

async function note(tx: ManagedTransaction, names: readonly PassedOver[]): Promise<Noted> {
  // Of each attempt its own: one whose COMMIT took effect unheard finds nothing new.
  const attempt = randomUUID();
  const fresh = rows(await tx.run(NOTE_NAMES, { names, attempt }));
  const reasons = [...Map.groupBy(fresh, (row) => text(row, 'why'))]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([why, of]) => ({
      why,
      count: BigInt(of.length),
      uris: of.slice(0, Number(MAX_NAMED)).map((row) => text(row, 'uri')),
    }));
  if (reasons.length > 0) await tx.run(COUNT_NAMES, { reasons, most: MAX_NAMED });
  const total = count(only(rows(await tx.run(TOTAL))), 'total');
  return { fresh: fresh.map((row) => text(row, 'uri')), total };
}
