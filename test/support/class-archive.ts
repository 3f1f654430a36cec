import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openGraph } from '../../lib/graph/connection.ts';
import { migrate } from '../../lib/graph/schema.ts';
import { EMBEDDED } from '../../lib/local/classpath.ts';
import { startNeo4j } from '../../lib/local/neo4j.ts';
import { startOf } from '../../lib/local/server-process.ts';
import { SERVERS } from './neo4j-build.ts';
import { emptyHome } from './neo4j-home.ts';

/** The classes of the embedded Neo4j as the JVM lays them out in memory (Java's class data sharing). */
const ARCHIVE = join(SERVERS, 'classes.jsa');

/**
 * Makes every Java that is started from now on, by this process and by workers that begin later, take
 * its classes from an archive: a start of Neo4j then costs 5.5 s of CPU instead of 8.1. The archive is
 * made once a checkout, by a server that answers a statement and ends.
 */
export async function shareClasses(): Promise<void> {
  if (!existsSync(ARCHIVE)) await makeArchive();
  // A Java of another version can't use it, and would say so between the lines of a test's output.
  process.env['JAVA_TOOL_OPTIONS'] += ` -XX:SharedArchiveFile=${ARCHIVE} -Xlog:disable`;
}

async function makeArchive(): Promise<void> {
  const fresh = `${ARCHIVE}.${process.pid}`;
  const home = join(SERVERS, `classes-${process.pid}`);
  const main = [`-XX:ArchiveClassesAtExit=${fresh}`, '-Xlog:disable', ...EMBEDDED.main];
  const build = { ...EMBEDDED, main };
  await emptyHome(home, build);
  const server = await startNeo4j({ home, build, boltPort: 0 });
  const graph = openGraph(server);
  await migrate(graph);
  await graph.close();
  // It writes the archive as it ends, which takes longer than a server is given to stop.
  process.kill(server.pid, 'SIGTERM');
  while ((await startOf(server.pid)) !== null) await pause(100);
  await rename(fresh, ARCHIVE);
  await rm(home, { recursive: true });
}
