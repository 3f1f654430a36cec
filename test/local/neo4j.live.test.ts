import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConfigError, TransientError } from '../../lib/errors.ts';
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

const options = { home, boltPort: 0, httpPort: 0, heapMegabytes: 256 };

async function ask(at: EmbeddedNeo4j, statement: string): Promise<unknown> {
  const answer = await fetch(new URL('/db/neo4j/tx/commit', at.browserUrl), {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`neo4j:${at.password}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ statements: [{ statement }] }),
  });
  const body = (await answer.json()) as { results: { data: { row: unknown[] }[] }[] };
  return body.results[0]?.data[0]?.row[0];
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
  await ask(first, "CREATE (:Kept {name: 'kept'})");
  const second = await startNeo4j(options);
  await second.stop();
  expect(await neo4jStatus(home)).toEqual({
    running: true,
    pid: first.pid,
    uri: first.uri,
    browserUrl: first.browserUrl,
  });
  process.kill(first.pid, 'SIGKILL');
  expect(await ended(first.pid, 5)).toBe(true);
  const again = await startNeo4j(options);
  expect(again.password).toBe(first.password);
  expect(await ask(again, 'MATCH (k:Kept) RETURN k.name')).toBe('kept');
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
  expect(await ask(next, 'RETURN 1')).toBe(1);
  await next.stop({ now: true });
});

test('every wanted port that is in use is named at once', async () => {
  const [bolt, http] = [await listening(), await listening()];
  const failure = startNeo4j({ ...options, boltPort: bolt.port, httpPort: http.port });
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
  expect((await fetch(first.browserUrl)).status).toBe(200);
  const login = await fetch(new URL('/db/system/tx/commit', first.browserUrl), {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from('neo4j:neo4j').toString('base64')}` },
  });
  expect(login.status).toBe(401);
  // Killed, it leaves its lock and its state behind; the next start takes over.
  await Promise.all([first.stop({ now: true }), second.stop({ now: true })]);
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
