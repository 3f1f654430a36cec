import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { count, texts } from '../rows.ts';
import type { Asserted } from './evidence.ts';

/** How many different things records say of one entity. */
export interface Contents {
  readonly count: number;
  /** A record's digest for each of them, at most ten. */
  readonly digests: readonly string[];
}

// Of an inference every record is another content: it has nodes only where there are several.
const COUNTED = `MATCH (r:Record)-[:ASSERTS]->(e)
WITH coalesce(r.content, r.digest) AS content, min(r.digest) AS digest
ORDER BY digest
RETURN count(content) AS count, collect(digest)[..10] AS digests`;

const OF_DATASET = `
MATCH (e:Dataset {hash: $hash})
${COUNTED}
`;

const OF_MODEL = `
MATCH (e:Model {name: $name, commit: $commit})
${COUNTED}
`;

const OF_INFERENCE = `
MATCH (e:Inference {id: $id})
USING INDEX SEEK e:Inference(id)
${COUNTED}
`;

/** Null where every record of the entity says the same. */
export async function contentsOf(
  graph: Graph,
  { kind, ...identity }: Asserted,
): Promise<Contents | null> {
  const statement = { dataset: OF_DATASET, model: OF_MODEL, inference: OF_INFERENCE }[kind];
  const [row] = await graph[database].ask(statement, identity);
  if (row === undefined || count(row, 'count') < 2) return null;
  return { count: count(row, 'count'), digests: texts(row, 'digests') };
}
