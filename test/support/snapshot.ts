import { isDateTime } from 'neo4j-driver';
import type { Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import type { Row } from '../../lib/graph/rows.ts';
import type { VerifiedRecord } from '../../lib/trust/verify.ts';
import { lineOf, type Snapshot } from './oracle.ts';

const NODES = `
MATCH (n)
WHERE n:Dataset OR n:Model OR n:Inference OR n:PendingLink OR n:Record OR n:Relink
OPTIONAL MATCH (n)-[:ASSERTS]->(e)
RETURN labels(n)[0] AS kind, properties(n) AS properties,
  CASE WHEN e IS NULL THEN [] ELSE [labels(e)[0]] + CASE labels(e)[0]
    WHEN 'Dataset' THEN [e.hash] WHEN 'Model' THEN [e.name, e.commit] ELSE [e.id] END END AS asserts
`;

const EDGES = `
MATCH (a)-[r:USED_IN|GENERATED]->(b)
RETURN type(r) AS kind, a.hash AS hash, coalesce(a.name, b.name) AS name,
  coalesce(a.commit, b.commit) AS modelCommit, b.id AS id, r.evidence AS evidence
`;

const WIPE = `
MATCH (n)
WHERE NOT n:Schema AND NOT n:WriteLock
DETACH DELETE n
`;

// A stretch tells of its signings, whatever of them came first.
const MISTOLD = `
MATCH (s:Stretch)
OPTIONAL MATCH (s)<-[g:SIGNED_IN]-(r)
WITH s, count(g) AS count, min(r.recordedAt) AS first, max(r.recordedAt) AS last,
  min((g.line - 1) / 1000) AS least, max((g.line - 1) / 1000) AS greatest
WHERE s.count <> count OR COUNT { (s)-[:PART_OF]->(:Log {sha256: s.log}) } <> 1
  OR coalesce(least, s.number) <> s.number OR coalesce(greatest, s.number) <> s.number
  OR toString(s.first) <> toString(first) OR (s.first IS NULL) <> (first IS NULL)
  OR toString(s.last) <> toString(last) OR (s.last IS NULL) <> (last IS NULL)
RETURN s.log AS log, s.number AS number, s.kid AS kid, s.count AS count
`;

const SIGNINGS = `
MATCH (r)-[:SIGNED_IN]->(s:Stretch)
RETURN CASE WHEN r:Record THEN ['Record', r.digest] ELSE ['Inference', r.id] END AS signed, s.kid AS kid
`;

const PLACES = `
MATCH (r)-[g:SIGNED_IN]->(s:Stretch)
RETURN r.digest AS digest, s.kid AS kid, s.log AS log, g.line AS line, g.offset AS offset, g.length AS length
`;

/** What the database holds, in the oracle's form. An open marker shows as a line that no oracle has. */
export async function graphSnapshot(graph: Graph): Promise<Snapshot> {
  const nodes = await graph[database].run(NODES);
  const edges = await graph[database].run(EDGES);
  const signings = await graph[database].run(SIGNINGS);
  const mistold = await graph[database].run(MISTOLD);
  return [
    ...mistold.map((row) => lineOf('a stretch that tells another story than its signings', row)),
    ...signings.map(({ signed, kid }) =>
      lineOf('SIGNED_IN', { signed: JSON.stringify(signed), kid }),
    ),
    ...nodes.map((row) => {
      const properties = instants(row['properties'] as Row);
      const asserts = row['asserts'] as string[];
      return lineOf(row['kind'] as string, {
        ...properties,
        asserts: asserts.length > 0 ? JSON.stringify(asserts) : null,
      });
    }),
    ...edges.map(({ kind, hash, name, modelCommit, id, evidence }) =>
      lineOf(kind as string, { hash, name, commit: modelCommit, id, evidence }),
    ),
  ].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** Where each signing stands, one line for each. */
export async function placesOf(graph: Graph): Promise<readonly string[]> {
  return (await graph[database].run(PLACES)).map(placeLine).sort();
}

/** The lines that {@link placesOf} could have of these records: a signing may stand wherever it was found. */
export function possiblePlaces(records: readonly VerifiedRecord[]): ReadonlySet<string> {
  return new Set(
    records.map(({ record: { digest }, kid, location }) => placeLine({ digest, kid, ...location })),
  );
}

function placeLine({ digest, kid, log, line, offset, length }: Row): string {
  return JSON.stringify([digest, kid, log, line, offset, length]);
}

/** Empties the database; the schema stays. */
export async function wipe(graph: Graph): Promise<void> {
  await graph[database].run(WIPE);
}

function instants(properties: Row): Row {
  const entries = Object.entries(properties).map(([name, value]): [string, unknown] =>
    name === 'recordedAt' || name === 'since' ? [name, nanos(value)] : [name, value],
  );
  return Object.fromEntries(entries);
}

/** Nanoseconds since 1970, without any code of lib/graph; a zone other than UTC is an error. */
function nanos(value: unknown): bigint {
  if (!isDateTime(value) || Number(value.timeZoneOffsetSeconds ?? 0) !== 0)
    throw new Error('an instant in the database is not a datetime in UTC');
  const zone = value.timeZoneId ?? 'UTC';
  if (zone !== 'UTC' && zone !== 'Z') throw new Error(`an instant is in the zone ${zone}`);
  const date = new Date(0);
  date.setUTCFullYear(Number(value.year), Number(value.month) - 1, Number(value.day));
  date.setUTCHours(Number(value.hour), Number(value.minute), Number(value.second));
  return BigInt(date.getTime()) * 1_000_000n + BigInt(Number(value.nanosecond));
}
