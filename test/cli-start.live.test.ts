import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { neo4jStatus } from '../lib/local/neo4j.ts';
import type { Receipt } from '../lib/ingest/ingest.ts';

const folder = mkdtempSync(join(tmpdir(), 'custody-start-'));
const at = (...parts: string[]): string => join(folder, '.custody', ...parts);
const script = join(import.meta.dirname, '..', 'cli', 'custody.ts');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function custody(...args: string[]): ChildProcess & { said: () => string } {
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };
  const child = spawn(process.execPath, [script, ...args], { cwd: folder, env });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (said += String(chunk)));
  return Object.assign(child, { said: () => said });
}

async function receiptOf(name: string): Promise<Receipt> {
  const file = at('receipts', `${name}.json`);
  for (let tries = 0; tries < 1_200 && !existsSync(file); tries += 1) await pause(50);
  return JSON.parse(readFileSync(file, 'utf8')) as Receipt;
}

test(
  'the first start ingests a demo log, then each dropped file, and Ctrl-C leaves nothing running',
  { timeout: 180_000 },
  async () => {
    const start = custody('start');
    expect(await receiptOf('demo.jsonl')).toMatchObject({ status: 'accepted', accepted: 19 });
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
    writeFileSync(at('bucket', 'notes.txt'), 'x');
    for (let tries = 0; tries < 100 && !start.said().includes('notes.txt: ignored'); tries += 1)
      await pause(50);
    expect(start.said()).toContain('notes.txt: ignored');

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
