import { rm } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { openGraph } from '../../lib/graph/connection.ts';
import { migrate } from '../../lib/graph/schema.ts';
import { startNeo4j, type EmbeddedNeo4j } from '../../lib/local/neo4j.ts';

declare module 'vitest' {
  interface ProvidedContext {
    neo4j: { readonly uri: string; readonly username: string; readonly password: string };
  }
}

const HOME = '.custody/test-neo4j';

let server: EmbeddedNeo4j | undefined;

/** One real Neo4j for all live tests, empty at the start. */
export async function setup(project: TestProject): Promise<void> {
  for (const part of ['data', 'password', 'state.json', 'neo4j.pid', 'start.lock'])
    await rm(`${HOME}/${part}`, { recursive: true, force: true });
  server = await startNeo4j({ home: HOME, boltPort: 0, httpPort: 0, onProgress: console.error });
  const { uri, username, password } = server;
  const graph = openGraph({ uri, username, password });
  await migrate(graph);
  await graph.close();
  project.provide('neo4j', { uri, username, password });
}

export async function teardown(): Promise<void> {
  await server?.stop({ now: true });
}
