import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openGraph, type Graph } from '../lib/graph/connection.ts';
import { database } from '../lib/graph/database.ts';
import type { Row } from '../lib/graph/rows.ts';
import { migrate } from '../lib/graph/schema.ts';
import { startNeo4j } from '../lib/local/neo4j.ts';
import { cpuOf } from './accounts.ts';

// Without our indexes, which nobody but Custody would pay for.
const PLAIN_SCHEMA = [
  'CREATE CONSTRAINT dataset_hash IF NOT EXISTS FOR (d:Dataset) REQUIRE d.hash IS UNIQUE',
  'CREATE CONSTRAINT model_name IF NOT EXISTS FOR (m:Model) REQUIRE (m.name, m.commit) IS UNIQUE',
  'CREATE CONSTRAINT inference_id IF NOT EXISTS FOR (i:Inference) REQUIRE i.id IS UNIQUE',
];

const WIPE =
  'MATCH (n) WHERE NOT n:Schema AND NOT n:WriteLock CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS';

/** A Neo4j of the bench's own. */
export interface Server {
  readonly graph: Graph;
  readonly login: {
    readonly uri: string;
    readonly username: string;
    readonly password: string;
  };
  /** What a process needs in its environment to find it. */
  readonly environment: Record<string, string>;
  cpuMs(): number;
  /** Takes everything out but the schema. */
  wipe(): Promise<void>;
  /** Nodes and relationships; the write lock's own are not counted. */
  size(): Promise<number>;
  close(): Promise<void>;
}

/** Starts it empty, with Custody's schema or with the three constraints that the others make. */
export async function startServer(name: string, schema: 'custody' | 'plain'): Promise<Server> {
  const home = join('.custody', 'bench', name);
  await rm(home, { recursive: true, force: true });
  const server = await startNeo4j({ home, boltPort: 0 });
  const graph = openGraph(server);
  const run = (statement: string): Promise<Row[]> => graph[database].run(statement);
  if (schema === 'custody') await migrate(graph);
  else for (const statement of PLAIN_SCHEMA) await run(statement);
  const { uri, username, password } = server;
  return {
    graph,
    login: { uri, username, password },
    environment: { NEO4J_URI: uri, NEO4J_USERNAME: username, NEO4J_PASSWORD: password },
    cpuMs: () => cpuOf(server.pid),
    wipe: async () => {
      await run(WIPE);
    },
    size: async () => {
      const [row] = await run('MATCH (n) RETURN count(n) + COUNT { ()-->() } AS size');
      return Number(row?.['size']);
    },
    close: async () => {
      await graph.close();
      await server.stop({ now: true });
      await rm(home, { recursive: true, force: true });
    },
  };
}
