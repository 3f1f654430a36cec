import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { openGraph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { startCustody } from '../support/custody.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { wipe } from '../support/snapshot.ts';
import { testKey } from '../support/test-key.ts';

const graph = openGraph(neo4jLogin);
const team = testKey();
let folder = '';

beforeEach(async () => {
  await wipe(graph);
  folder = mkdtempSync(join(tmpdir(), 'custody-own-'));
});
afterAll(() => graph.close());

function at(...parts: string[]): string {
  return join(folder, '.custody', ...parts);
}

function start(...args: string[]): { child: ChildProcess; said: () => string } {
  const child = startCustody(['start', '--port', '0', ...args], { cwd: folder });
  onTestFinished(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (said += String(chunk)));
  return { child, said: () => said };
}

function drop(): void {
  const record = { type: 'dataset', hash: 'a', path: 'p', timestamp: '2026-01-05T08:00:00Z' };
  writeFileSync(at('keys', 'team.pem'), team.publicPem);
  const line = signRecord(JSON.stringify(record), team.privateKey, 'digest');
  writeFileSync(at('bucket', 'log.jsonl'), line);
}

async function nodes(): Promise<unknown> {
  const [row] = await graph[database].run('MATCH (n) RETURN count(n) AS nodes');
  return row?.['nodes'];
}

async function end({ child }: { child: ChildProcess }): Promise<void> {
  child.kill('SIGINT');
  expect((await once(child, 'exit'))[0]).toBe(0);
}

test('a database of one’s own is shown, what it lacks is named, and nothing is written into it', async () => {
  await graph[database].run('MATCH (s:Schema) SET s:Lost REMOVE s:Schema');
  const before = await nodes();
  const started = start();
  await vi.waitFor(() => expect(started.said()).toContain('nothing is written'), 60_000);
  expect(started.said()).toMatch(/the database lacks version: .*migrate/);
  drop();
  // Longer than a dropped file and the check after it take.
  await pause(5_000);
  await graph[database].run('MATCH (s:Lost) SET s:Schema REMOVE s:Lost');
  const [url = ''] = /http:\S+/.exec(started.said()) ?? [];
  expect((await fetch(`${url}v1/health`)).status).toBe(200);
  await end(started);
  expect(await nodes()).toBe(before);
  expect(globSync(at('receipts', '*'))).toEqual([]);
  expect(existsSync(at('demo.public.pem'))).toBe(false);
});

test('a database of one’s own is given what is dropped where that is asked for, and never the demo', async () => {
  const started = start('--ingest');
  await vi.waitFor(() => expect(started.said()).toContain('compliance:'), 60_000);
  drop();
  await vi.waitFor(() => expect(started.said()).toMatch(/log\.jsonl: accepted/), 60_000);
  expect(started.said()).toContain(`key ${team.key.kid.slice(0, 12)}`);
  await end(started);
  expect(globSync(at('bucket', '*'))).toEqual([at('bucket', 'log.jsonl')]);
  const [row] = await graph[database].run('MATCH (o:SourceObject) RETURN collect(o.uri) AS uris');
  expect(row?.['uris']).toEqual([expect.stringMatching(/log\.jsonl\?sha256=/)]);
  const receipt = globSync(at('receipts', 'log.jsonl@*.json'));
  expect(readFileSync(receipt[0] ?? '', 'utf8')).toContain(team.key.kid);
});
