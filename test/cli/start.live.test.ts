import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openGraph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import type { Receipt } from '../../lib/ingest/receipt.ts';
import { neo4jStatus, runningNeo4j, stopNeo4j } from '../../lib/local/neo4j.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { emptyHome } from '../support/neo4j-home.ts';
import { PROCESS } from '../support/process.ts';

const folder = mkdtempSync(join(tmpdir(), 'custody-start-'));
const at = (...parts: string[]): string => join(folder, '.custody', ...parts);
const script = join(import.meta.dirname, '..', '..', 'cli', 'custody.mjs');
beforeAll(() => emptyHome(at('neo4j')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function custody(...args: string[]): ChildProcess & { said: () => string } {
  const child = spawn(process.execPath, [script, ...args], { cwd: folder, env: PROCESS });
  // A test that fails leaves nothing running either; the database goes with its parent.
  onTestFinished(() => {
    child.kill('SIGINT');
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (said += String(chunk)));
  return Object.assign(child, { said: () => said });
}

async function receiptOf(name: string): Promise<Receipt> {
  const files = (): string[] => globSync(at('receipts', `${name}@*.json`));
  for (let tries = 0; tries < 1_200 && files().length === 0; tries += 1) await pause(50);
  return JSON.parse(readFileSync(files()[0] ?? '', 'utf8')) as Receipt;
}

async function said({ said: heard }: { said: () => string }, what: RegExp): Promise<string> {
  for (let tries = 0; tries < 1_200 && !what.test(heard()); tries += 1) await pause(50);
  expect(heard()).toMatch(what);
  return what.exec(heard())?.[1] ?? '';
}

test(
  'the first start ingests a demo log, then each dropped file, and Ctrl-C leaves nothing running',
  { timeout: 180_000 },
  async () => {
    const start = custody('start');
    expect(await receiptOf('demo.jsonl')).toMatchObject({ status: 'accepted', accepted: 19 });
    // The orphan among the models, the inferences that name no commit.
    await said(start, /compliance: [1-9]\d* open findings?, [1-9]\d* new, 0 settled\n/);
    expect(statSync(at('demo.private.pem')).mode & 0o777).toBe(0o600);

    // Its first half, then the rest: a file that is still being written is not read.
    const log = readFileSync(at('bucket', 'demo.jsonl'), 'utf8');
    writeFileSync(at('bucket', 'half.jsonl'), log.slice(0, 1_500));
    await pause(300);
    writeFileSync(at('bucket', 'half.jsonl'), log);
    expect(await receiptOf('half.jsonl')).toMatchObject({ status: 'accepted', duplicate: 19 });

    writeFileSync(at('bucket', 'torn.jsonl'), log.slice(0, -9));
    expect(await receiptOf('torn.jsonl')).toMatchObject({
      status: 'rejected',
      rejected: [{ line: 19, code: 'LINE_NOT_JSON' }],
    });
    // A shell makes the file first; the command behind the > fills it later.
    writeFileSync(at('bucket', 'late.jsonl'), '');
    expect(await receiptOf('late.jsonl')).toMatchObject({ status: 'empty', lines: 0 });
    writeFileSync(at('bucket', 'late.jsonl'), log);
    await said(start, /late\.jsonl: accepted \(19 lines: 19 duplicate\)/);
    writeFileSync(at('bucket', 'notes.txt'), 'x');
    await said(start, /notes\.txt: passed over/);

    const query = custody('query', '3.8');
    await once(query, 'close');
    expect(query.said()).toContain('vendor-score');

    const { pid } = await neo4jStatus(at('neo4j'));
    start.kill('SIGINT');
    const [code] = (await once(start, 'exit')) as [number];
    expect(code).toBe(0);
    expect(pid).toBeGreaterThan(0);
    expect(() => process.kill(pid ?? 0, 0)).toThrow('ESRCH');
    expect(start.said()).not.toContain(readFileSync(at('neo4j', 'password'), 'utf8').trim());
  },
);

test(
  'the rules are asked at the start and after each dropped file; a check that fails is told and stops nothing',
  { timeout: 180_000 },
  async () => {
    const start = custody('start');
    const url = await said(start, /open in a browser: +(\S+)/);
    await said(start, /compliance: \d+ open findings?, \d+ new, 0 settled\n/);
    const orphan = async (): Promise<Record<string, unknown> | undefined> => {
      const answer = await fetch(`${url}v1/findings?rule=model-without-dataset`);
      return ((await answer.json()) as { items: Record<string, unknown>[] }).items[0];
    };
    const found = await orphan();
    expect(found).toMatchObject({ status: 'open', entity: { name: 'vendor-score' } });

    const key = createPrivateKey(readFileSync(at('demo.private.pem'), 'utf8'));
    const drop = (name: string, record: object): void =>
      writeFileSync(at('bucket', name), signRecord(JSON.stringify(record), key, 'digest'));
    const timestamp = '2026-01-05T08:00:00Z';
    const [, command = ''] =
      /^```sh\n(echo [^]*?)```$/m.exec(readFileSync('README.md', 'utf8')) ?? [];
    execFileSync(
      'sh',
      ['-c', command.replace('npm run --silent custody --', `${process.execPath} ${script}`)],
      { cwd: folder },
    );
    // The orphan, and the use of a dataset that was never recorded.
    await said(start, /compliance: \d+ open findings?, 0 new, 2 settled\n/);
    const settled = await orphan();
    expect(settled).toMatchObject({ status: 'settled', firstSeenAt: found?.['firstSeenAt'] });
    expect(Date.parse(String(settled?.['settledAt']))).toBeGreaterThan(
      Date.parse(String(found?.['firstSeenAt'])),
    );

    const server = await runningNeo4j(at('neo4j'));
    if (server === null) throw new Error('the database does not run');
    const graph = openGraph(server);
    await graph[database].run('MATCH (s:Schema) SET s:Lost REMOVE s:Schema');
    drop('other.jsonl', { type: 'dataset', hash: 'e', path: 'p', timestamp });
    await said(start, /the compliance check failed: .*run custody migrate/);
    await graph[database].run('MATCH (s:Lost) SET s:Schema REMOVE s:Lost');
    await graph.close();
    drop('another.jsonl', { type: 'dataset', hash: 'f', path: 'p', timestamp });
    expect(await receiptOf('another.jsonl')).toMatchObject({ status: 'accepted', accepted: 1 });
    await said(start, /check failed[^]*compliance: \d+ open findings?/);

    start.kill('SIGINT');
    const [code] = (await once(start, 'exit')) as [number];
    expect(code).toBe(0);
  },
);

test(
  'an embedded database of the first edition is left as it is, and a way to begin anew is told',
  { timeout: 180_000 },
  async () => {
    const server = custody('neo4j', 'start');
    await once(server, 'close');
    onTestFinished(async () => {
      await stopNeo4j(at('neo4j'));
    });
    const running = await runningNeo4j(at('neo4j'));
    if (running === null) throw new Error('the database does not run');
    const graph = openGraph(running);
    const [now] = await graph[database].run(
      'MATCH (s:Schema) WITH s, s.version AS version SET s.version = 1 RETURN version',
    );
    for (const command of [['start'], ['query', '3.8']]) {
      const refused = custody(...command);
      const [code] = (await once(refused, 'close')) as [number];
      expect(code).toBe(2);
      expect(refused.said()).toMatch(/edition 1 of the graph[^]*rm -r \.custody\/neo4j/);
      expect(refused.said()).toContain('.custody/bucket');
    }
    await graph[database].run('MATCH (s:Schema) SET s.version = $version', { ...now });
    await graph.close();
  },
);

test(
  'a second start says where the first one is; health answers in time while the database is frozen or gone, and it comes back',
  { timeout: 240_000 },
  async () => {
    const start = custody('start');
    const url = await said(start, /open in a browser: +(\S+)/);
    // A database that is busy with its first log may take longer to answer than health waits.
    await said(start, /demo\.jsonl: (accepted)/);
    const second = custody('start');
    const [code] = (await once(second, 'close')) as [number];
    expect(code).toBe(2);
    expect(second.said()).toContain(url);

    const health = async (): Promise<number> => {
      const begin = performance.now();
      const { status } = await fetch(`${url}v1/health`);
      expect(performance.now() - begin).toBeLessThan(2_000);
      return status;
    };
    expect(await health()).toBe(200);
    const { pid = 0 } = await neo4jStatus(at('neo4j'));
    process.kill(pid, 'SIGSTOP');
    expect(await health()).toBe(503);
    process.kill(pid, 'SIGKILL');
    expect(await health()).toBe(503);
    await said(start, /Neo4j has ended; it is started again/);
    let status = 503;
    for (let tries = 0; tries < 600 && status !== 200; tries += 1) {
      await pause(200);
      status = await health();
    }
    expect(status).toBe(200);
    expect(start.said().match(/Neo4j has ended/g)).toHaveLength(1);

    start.kill('SIGINT');
    expect((await once(start, 'exit'))[0]).toBe(0);
    // The next one is where the last one was.
    const next = custody('start');
    expect(await said(next, /open in a browser: +(\S+)/)).toBe(url);
    next.kill('SIGINT');
    await once(next, 'exit');
  },
);
