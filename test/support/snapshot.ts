import type { Graph, Row } from '../../lib/graph/connection.ts';
import { fromDateTime } from '../../lib/graph/instant.ts';
import { lineOf, type Snapshot } from './oracle.ts';

interface Timed {
  readonly recordedAt?: Parameters<typeof fromDateTime>[0];
}

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
WHERE NOT n:Schema
DETACH DELETE n
`;

/** What the database holds, in the oracle's form. An open marker shows as a line that no oracle has. */
export async function graphSnapshot(graph: Graph): Promise<Snapshot> {
  const nodes = await graph.run(NODES);
  const edges = await graph.run(EDGES);
  return [
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

/** Empties the database; the schema stays. */
export async function wipe(graph: Graph): Promise<void> {
  await graph.run(WIPE);
}

function instants(properties: Row): Row {
  const entries = Object.entries(properties).map(([name, value]) => {
    if (name !== 'recordedAt' && name !== 'since') return [name, value];
    const { epochSeconds, nanoseconds } = fromDateTime(value as NonNullable<Timed['recordedAt']>);
    return [name, BigInt(epochSeconds) * 1_000_000_000n + BigInt(nanoseconds)];
  });
  return Object.fromEntries(entries) as Row;
}
