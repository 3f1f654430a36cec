import { ConfigError } from '../lib/errors.ts';
import { openGraph, type Graph } from '../lib/graph/connection.ts';
import { migrate } from '../lib/graph/schema.ts';
import { graphSettings } from '../lib/graph/settings.ts';
import type { EmbeddedNeo4j } from '../lib/local/neo4j.ts';
import { tell } from './terminal.ts';

/** Where the embedded database lives. */
export const NEO4J_HOME = '.custody/neo4j';

/** Where logs are dropped for `custody start`, and stay. */
export const BUCKET = '.custody/bucket';

/**
 * Runs `use` with the database of the environment, or with the embedded one: the one that runs, or
 * one started for as long as `use` takes.
 */
export async function withGraph<T>(use: (graph: Graph) => Promise<T>): Promise<T> {
  const settings = graphSettings(process.env);
  const embedded = settings === null ? await embeddedNeo4j() : null;
  const graph = openGraph(settings ?? embedded ?? never());
  try {
    await graph.verify();
    // The embedded database is ours to prepare; another one is its operator's.
    if (embedded !== null) await prepareEmbedded(graph);
    return await use(graph);
  } finally {
    await graph.close();
    await embedded?.stop();
  }
}

/** The one that runs, or one started. */
async function embeddedNeo4j(): Promise<EmbeddedNeo4j> {
  // Only who names no database waits for it to load.
  const { runningNeo4j, startNeo4j } = await import('../lib/local/neo4j.ts');
  return (await runningNeo4j(NEO4J_HOME)) ?? startNeo4j({ home: NEO4J_HOME, onProgress: tell });
}

/** Makes the schema of the embedded database; where it can't, says how to begin with an empty one. */
export async function prepareEmbedded(graph: Graph): Promise<void> {
  try {
    await migrate(graph);
  } catch (error) {
    if (!(error instanceof ConfigError) || error.code !== 'SCHEMA_OTHER') throw error;
    throw new ConfigError(
      error.code,
      [
        ...error.problems,
        `for an empty one, end custody and rm -r ${NEO4J_HOME}; the logs are in ${BUCKET}, and custody start takes them again`,
      ],
      { cause: error },
    );
  }
}

function never(): never {
  throw new Error('there are settings or there is an embedded database');
}
