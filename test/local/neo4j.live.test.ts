import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConfigError, TransientError } from '../../lib/errors.ts';
import { openGraph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { keepNeo4j } from '../../lib/local/kept-neo4j.ts';
import {
  neo4jStatus,
  runningNeo4j,
  startNeo4j,
  stopNeo4j,
  type EmbeddedNeo4j,
} from '../../lib/local/neo4j.ts';
import { emptyHome } from '../support/neo4j-home.ts';

const home = mkdtempSync(join(tmpdir(), 'custody-neo4j-'));
beforeAll(() => emptyHome(home));
afterAll(async () => {
  await stopNeo4j(home);
  rmSync(home, { recursive: true, force: true });
});

const options = { home, boltPort: 0, heapMegabytes: 256 };

async function ask(at: EmbeddedNeo4j, statement: string): Promise<unknown> {
  const graph = openGraph(at);
  try {
    const [row] = await graph[database].run(statement);
    return row?.['is'];
  } finally {
    await graph.close();
  }
}

/** What Neo4j calls its refusal of the login; null where there is none. */
async function refusalOf(uri: string, password: string): Promise<unknown> {
  const graph = openGraph({ uri, username: 'neo4j', password });
  try {
    await graph.verify();
    return null;
  } catch (error) {
    const cause = error instanceof Error ? error.cause : null;
    return cause instanceof Error && 'code' in cause ? cause.code : error;
  } finally {
    await graph.close();
  }
}

async function listening(): Promise<{ port: number; close: () => void }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

async function ended(pid: number, seconds: number): Promise<boolean> {
  for (let tries = 0; tries < seconds * 10; tries += 1) {
    if (!existsSync(`/proc/${pid}`)) return true;
    await pause(100);
  }
  return false;
}

test('a joined server is left running, and one that was killed starts again on the same data', async () => {
  // The lock of a start whose pid has gone to another process: ours.
  writeFileSync(join(home, 'start.lock'), `${process.pid} 1`);
  expect(await neo4jStatus(home)).toEqual({ running: false });
  const first = await startNeo4j(options);
  expect(statSync(home).mode & 0o777).toBe(0o700);
  await ask(first, "CREATE (k:Kept {name: 'kept'}) RETURN k.name AS is");
  const second = await startNeo4j(options);
  await second.stop();
  expect(await neo4jStatus(home)).toEqual({
    running: true,
    pid: first.pid,
    uri: first.uri,
    browserUrl: null,
  });
  process.kill(first.pid, 'SIGKILL');
  expect(await ended(first.pid, 5)).toBe(true);
  const again = await startNeo4j(options);
  expect(again.password).toBe(first.password);
  expect(await ask(again, 'MATCH (k:Kept) RETURN k.name AS is')).toBe('kept');
  await again.stop({ now: true });
  expect(existsSync(`/proc/${again.pid}`)).toBe(false);
});

test('a start right after its parent was killed waits for the old server and does not join it', async () => {
  const module = JSON.stringify(new URL('../../lib/local/neo4j.ts', import.meta.url).href);
  const script = `
    const { startNeo4j } = await import(${module});
    console.log((await startNeo4j(${JSON.stringify(options)})).pid);
    setInterval(() => undefined, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script]);
  const [said] = (await once(parent.stdout, 'data')) as [Buffer];
  const old = Number(said.toString());
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await pause(200);
  const next = await startNeo4j(options);
  expect(next.pid).not.toBe(old);
  expect(existsSync(`/proc/${old}`)).toBe(false);
  expect(await ask(next, 'RETURN 1 AS is')).toBe(1);
  await next.stop({ now: true });
});

test('every wanted port that is in use is named at once', async () => {
  const [bolt, http] = [await listening(), await listening()];
  const failure = startNeo4j({
    ...options,
    boltPort: bolt.port,
    browser: true,
    httpPort: http.port,
  });
  await expect(failure).rejects.toThrow(ConfigError);
  await expect(failure).rejects.toMatchObject({
    problems: [
      expect.stringContaining(`port ${bolt.port}`),
      expect.stringContaining(`port ${http.port}`),
    ],
  });
  bolt.close();
  http.close();
});

test('a server that dies while it starts is reported with the end of its log', async () => {
  const failure = startNeo4j({ ...options, heapMegabytes: 1 });
  await expect(failure).rejects.toThrow(TransientError);
  await expect(failure).rejects.toThrow(/ended while it started[^]*heap/);
});

test('two starts at once share one server, locked by a password that only its owner can read', async () => {
  const [first, second] = await Promise.all([startNeo4j(options), startNeo4j(options)]);
  expect(second.uri).toBe(first.uri);
  expect(statSync(first.passwordFile).mode & 0o777).toBe(0o600);
  // Killed, it leaves its lock and its state behind; the next start takes over.
  await Promise.all([first.stop({ now: true }), second.stop({ now: true })]);
  expect(await runningNeo4j(home)).toBeNull();
});

test('from the first moment that it listens, a new server refuses neo4j/neo4j', async () => {
  await emptyHome(home);
  const { port, close } = await listening();
  close();
  const refusals: unknown[] = [];
  let isUp = false;
  const starting = startNeo4j({ ...options, boltPort: port }).finally(() => (isUp = true));
  while (!isUp) {
    refusals.push(await refusalOf(`bolt://127.0.0.1:${port}`, 'neo4j'));
    await pause(10);
  }
  const server = await starting;
  const listened = refusals.filter((code) => code !== 'ServiceUnavailable');
  expect(new Set(listened)).toEqual(new Set(['Neo.ClientError.Security.Unauthorized']));
  expect(await ask(server, 'RETURN 1 AS is')).toBe(1);
  await server.stop({ now: true });
});

test('any number of wrong passwords keeps the right one from nothing', async () => {
  const server = await startNeo4j(options);
  for (let tries = 0; tries < 12; tries += 1)
    expect(await refusalOf(server.uri, `wrong ${tries}`)).toMatch(/Unauthorized$/);
  expect(await ask(server, 'RETURN 1 AS is')).toBe(1);
  await server.stop({ now: true });
});

test('HTTP is off unless the Browser is asked for, which no other page may read and which may ask no other host', async () => {
  const off = await startNeo4j(options);
  expect(off.browserUrl).toBeNull();
  await off.stop({ now: true });
  const { port, close } = await listening();
  close();
  const server = await startNeo4j({ ...options, browser: true, httpPort: port });
  const url = `http://127.0.0.1:${port}/browser/`;
  expect(server.browserUrl).toBe(url);
  const page = await fetch(url, { headers: { origin: 'https://example.org' } });
  expect(page.status).toBe(200);
  expect(page.headers.get('access-control-allow-origin')).not.toMatch(/\*|example/);
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(policy).toContain(`connect-src 'self' ws://127.0.0.1:${new URL(server.uri).port}`);
  expect(policy).not.toMatch(/https:|\.com|\.io/);
  const statement = await fetch(new URL('/db/system/tx/commit', url), { method: 'POST' });
  expect(statement.status).toBe(404);
  await server.stop({ now: true });
});

test('a start without a wish takes the ports of the last one', async () => {
  const first = await startNeo4j(options);
  await first.stop({ now: true });
  const { boltPort: _, ...rest } = options;
  const second = await startNeo4j(rest);
  expect(second.uri).toBe(first.uri);
  await second.stop({ now: true });
});

test('a kept server that is killed is started again at the same address, and the outage told once', async () => {
  const told: string[] = [];
  const server = await keepNeo4j(options, (message) => told.push(message));
  const first = await runningNeo4j(home);
  process.kill(first?.pid ?? 0, 'SIGKILL');
  const isUp = async (): Promise<boolean> => {
    const now = await runningNeo4j(home);
    return now !== null && now.pid !== first?.pid;
  };
  for (let tries = 0; tries < 1_200 && !(await isUp()); tries += 1) await pause(100);
  expect(await refusalOf(server.uri, server.password)).toBeNull();
  expect(told).toEqual(['Neo4j has ended; it is started again …']);
  await server.stop({ now: true });
  expect(await runningNeo4j(home)).toBeNull();
});

test('the server does not outlive a parent that is killed', async () => {
  const script = `
    const { startNeo4j } = await import(${JSON.stringify(new URL('../../lib/local/neo4j.ts', import.meta.url).href)});
    await startNeo4j(${JSON.stringify(options)});
    console.log('up');
    setInterval(() => undefined, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script]);
  await once(parent.stdout, 'data');
  expect(await runningNeo4j(home)).not.toBeNull();
  parent.kill('SIGKILL');
  for (let tries = 0; tries < 200 && (await runningNeo4j(home)) !== null; tries += 1)
    await pause(100);
  expect(await runningNeo4j(home)).toBeNull();
});

test('a port that is in use is named, and nothing is started', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await expect(startNeo4j({ ...options, boltPort: port })).rejects.toThrow(`port ${port}`);
  server.close();
});

test('without Java there is one message with three ways out', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = '/nowhere';
  try {
    await expect(startNeo4j(options)).rejects.toThrow(
      /1\. install Java[^]*2\. docker[^]*3\. create/,
    );
  } finally {
    process.env['PATH'] = path;
  }
});
