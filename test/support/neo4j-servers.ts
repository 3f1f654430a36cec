import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openGraph } from '../../lib/graph/connection.ts';
import { migrate } from '../../lib/graph/schema.ts';
import { startNeo4j, type EmbeddedNeo4j } from '../../lib/local/neo4j.ts';
import { shareClasses } from './class-archive.ts';
import { neo4jBuild, SERVERS } from './neo4j-build.ts';
import { emptyHome } from './neo4j-home.ts';
import { wipe } from './snapshot.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a worker asks for its server. */
    neo4jServers: string;
  }
}

/** Of this run alone: another one in the same checkout has its own. */
const HOMES = join(SERVERS, `run-${process.pid}`);

/**
 * A plan holds however much the graph grows and shrinks: tests fill and empty it by the second, and half
 * of all their time went into planning the same statements anew. What statistics do to plans is asked
 * by test/graph/plans.live.test.ts and test/http/paging.live.test.ts, which have them made anew.
 */
const KEPT_PLANS = [
  '-c',
  'dbms.cypher.min_replan_interval=1h',
  '-c',
  'dbms.cypher.statistics_divergence_threshold=1.0',
];

/**
 * These servers live for minutes, other than most of what the tests start: what they do again and again
 * shall get fast. With Java's own thresholds more than half of all their time goes into making it so;
 * ten times as high, they take a fifth less.
 */
const OFTEN = [
  '-XX:TieredStopAtLevel=4',
  '-XX:Tier4InvocationThreshold=50000',
  '-XX:Tier4MinInvocationThreshold=6000',
  '-XX:Tier4CompileThreshold=150000',
  '-XX:Tier4BackEdgeThreshold=400000',
];

/** By version and worker. */
const servers = new Map<string, Promise<EmbeddedNeo4j>>();

let sharing: Promise<void> | undefined;

/**
 * Hands out servers of Neo4j, one to each worker that asks: the community edition has one database, and
 * the tests empty it. None is started before somebody asks, and all of them end with this process.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = createServer((request, response) => {
    const [, version = '', worker = ''] = (request.url ?? '').split('/');
    handOut(version, worker).then(
      (login) => response.end(JSON.stringify(login)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  project.provide('neo4jServers', `http://127.0.0.1:${port}`);
  return async () => {
    server.close();
    await sharing;
    for (const started of await Promise.allSettled(servers.values()))
      if (started.status === 'fulfilled') await started.value.stop({ now: true });
    await rm(HOMES, { recursive: true, force: true });
  };
}

async function handOut(version: string, worker: string) {
  sharing ??= shareClasses().catch((error: unknown) => console.error('no class archive:', error));
  await sharing;
  const name = `${version}-${worker}`;
  const started = servers.get(name) ?? start(version, join(HOMES, name));
  servers.set(name, started);
  const { uri, username, password } = await started;
  const graph = openGraph({ uri, username, password });
  await wipe(graph);
  await graph.close();
  return { uri, username, password };
}

async function start(version: string, home: string): Promise<EmbeddedNeo4j> {
  const { main, ...rest } = neo4jBuild(version);
  // As everywhere but on loopback, where a web page could use it to lock the owner out.
  const limit = ['-c', 'dbms.security.auth_max_failed_attempts=3'];
  const build = { ...rest, main: [...OFTEN, ...main, ...limit, ...KEPT_PLANS] };
  await emptyHome(home, build);
  const options = { home, build, boltPort: 0, heapMegabytes: 768 };
  const server = await startNeo4j(options);
  const graph = openGraph(server);
  await migrate(graph);
  await graph.close();
  return server;
}
