import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { runningNeo4j, startNeo4j } from '../lib/local/neo4j.ts';

const home = mkdtempSync(join(tmpdir(), 'custody-neo4j-'));
// The class path that the other live tests have resolved.
for (const name of readdirSync('.custody/test-neo4j'))
  if (name.startsWith('classpath-')) cpSync(join('.custody/test-neo4j', name), join(home, name));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const options = { home, boltPort: 0, httpPort: 0, heapMegabytes: 256 };

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
    const { startNeo4j } = await import(${JSON.stringify(new URL('../lib/local/neo4j.ts', import.meta.url).href)});
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
