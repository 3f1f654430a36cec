import {
  appendFileSync,
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { check } from '../../lib/compliance/check.ts';
import { DEFAULT_SETTINGS } from '../../lib/compliance/rules.ts';
import { readObject } from '../../lib/graph/ask/objects.ts';
import { openGraph } from '../../lib/graph/connection.ts';
import type { Receipt } from '../../lib/ingest/receipt.ts';
import { takeDropped, type DroppedFiles } from '../../lib/local/dropped.ts';
import type { VerifyingKey } from '../../lib/trust/keys.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { VERSION } from '../../lib/version.ts';
import { Api } from '../support/api.ts';
import { localStores } from '../support/local-stores.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { wipe } from '../support/snapshot.ts';
import { testKey } from '../support/test-key.ts';

const graph = openGraph(neo4jLogin);
const [team, late] = [testKey(), testKey()];
const RETRY_MS = 300;

let home = '';
let keys: VerifyingKey[] = [];
let told: string[] = [];
let asked = 0;
let load = (): Promise<VerifyingKey[]> => Promise.resolve(keys);
let running: DroppedFiles | null = null;

beforeEach(async () => {
  await wipe(graph);
  home = mkdtempSync(join(tmpdir(), 'custody-dropped-'));
  mkdirSync(at('bucket'));
  [keys, told, asked] = [[team.key], [], 0];
  load = () => Promise.resolve(keys);
});
afterEach(async () => {
  await stop();
  rmSync(home, { recursive: true, force: true });
});
afterAll(() => graph.close());

function at(...parts: string[]): string {
  return join(home, ...parts);
}

function start(): void {
  running = takeDropped({
    folder: at('bucket'),
    receipts: at('receipts'),
    stores: localStores(graph, home),
    submit: () => Promise.resolve(),
    keys: () => {
      asked += 1;
      return load();
    },
    retryMs: RETRY_MS,
    journal: {
      tell: (message) => told.push(message),
      receipt: (name, { status }, isNew) => told.push(`${name}: ${status}${isNew ? '' : ' again'}`),
    },
  });
}

async function stop(): Promise<void> {
  await running?.close();
  running = null;
}

/** Signed lines, each of a dataset of its own. */
function lines(from: number, to: number, { privateKey } = team): string {
  const timestamp = '2026-01-05T08:00:00Z';
  const line = (n: number): string =>
    signRecord(
      JSON.stringify({ type: 'dataset', hash: `${n}`, path: 'p', timestamp }),
      privateKey,
      'digest',
    );
  return Array.from({ length: to - from }, (_, index) => `${line(from + index)}\n`).join('');
}

async function heard(message: string): Promise<void> {
  await vi.waitFor(() => expect(told).toContain(message), 60_000);
}

/** All receipts of a file, by their names. */
function receipts(name: string): Receipt[] {
  const files = globSync(at('receipts', `${name}@*.json`)).sort();
  return files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Receipt);
}

test('a log that was refused for want of a key is taken again when the key has come; both verdicts stay', async () => {
  keys = [];
  start();
  writeFileSync(at('bucket', 'late.jsonl'), lines(0, 3, late));
  await heard('late.jsonl: rejected');
  keys = [team.key, late.key];
  running?.keyCame();
  await heard('late.jsonl: accepted');
  const outcomes = receipts('late.jsonl');
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['accepted', 'rejected']);
  const accepted = outcomes.find(({ status }) => status === 'accepted');
  expect(accepted).toMatchObject({ accepted: 3, custody: VERSION });
  expect(accepted?.kids).toEqual([late.key.kid]);
  expect(globSync(at('receipts', 'late.jsonl@*.2.json'))).toHaveLength(1);
});

test('a verdict stays: after a restart, also without the key, an accepted log has one receipt, the same as before', async () => {
  start();
  mkdirSync(at('bucket', 'a'));
  writeFileSync(at('bucket', 'a', 'log.jsonl'), lines(0, 5));
  await heard('a/log.jsonl: accepted');
  const before = receipts('a/log.jsonl');
  expect(before).toMatchObject([{ accepted: 5, duplicate: 0 }]);
  await stop();
  keys = [late.key];
  start();
  await heard('a/log.jsonl: accepted again');
  expect(receipts('a/log.jsonl')).toEqual(before);
});

test('in a new database a log is taken anew, and its receipt stays', async () => {
  start();
  writeFileSync(at('bucket', 'log.jsonl'), lines(0, 2));
  await heard('log.jsonl: accepted');
  const [before] = receipts('log.jsonl');
  await stop();
  await wipe(graph);
  start();
  await heard('log.jsonl: accepted again');
  expect(receipts('log.jsonl')).toEqual([before]);
  expect(await readObject(graph, before?.object ?? '')).toMatchObject({ accepted: 2 });
});

test('each content of a file that grows, or is copied and cut to nothing, has a receipt of its own', async () => {
  start();
  const file = at('bucket', 'app.jsonl');
  writeFileSync(file, lines(0, 3));
  await heard('app.jsonl: accepted');
  const more = lines(3, 5);
  appendFileSync(file, more.slice(0, -20));
  await heard('app.jsonl: rejected');
  appendFileSync(file, more.slice(-20));
  await vi.waitFor(() => expect(receipts('app.jsonl')).toHaveLength(3), 60_000);
  copyFileSync(file, at('bucket', 'app.1.jsonl'));
  truncateSync(file, 0);
  await heard('app.jsonl: empty');
  await heard('app.1.jsonl: accepted');
  expect(receipts('app.1.jsonl')).toMatchObject([{ accepted: 0, duplicate: 5 }]);
  const counts = receipts('app.jsonl').map(({ lines: all, accepted }) => `${accepted} of ${all}`);
  expect(counts.sort()).toEqual(['0 of 0', '0 of 5', '2 of 5', '3 of 3']);
});

test.each([
  ['cut.jsonl.gz', () => gzipSync(lines(0, 3)).subarray(0, -12), 'GZIP_DAMAGED'],
  ['plain.jsonl.gz', () => Buffer.from(lines(0, 3)), 'GZIP_MISNAMED'],
  ['packed.jsonl', () => gzipSync(lines(0, 3)), 'GZIP_MISNAMED'],
])('%s, which can’t be read, has a receipt and is known to the graph', async (name, make, code) => {
  start();
  writeFileSync(at('bucket', name), make());
  await heard(`${name}: rejected`);
  const [receipt] = receipts(name);
  expect(receipt).toMatchObject({ status: 'rejected', problemCode: code });
  expect(await readObject(graph, receipt?.object ?? '')).toMatchObject({ problemCode: code });
});

test('what can’t be a log by its name is passed over, told once and counted, and opened by nobody', async () => {
  writeFileSync(at('bucket', 'notes.txt'), 'x');
  start();
  await heard(
    'notes.txt: passed over, its name does not end in .jsonl or .jsonl.gz (1 passed over so far)',
  );
  writeFileSync(at('bucket', 'half.jsonl.part'), lines(0, 2));
  await heard('half.jsonl.part: passed over, it is still being written (2 passed over so far)');
  writeFileSync(at('bucket', 'notes.txt'), 'xy');
  renameSync(at('bucket', 'half.jsonl.part'), at('bucket', 'whole.jsonl'));
  await heard('whole.jsonl: accepted');
  expect(told.filter((message) => message.startsWith('notes.txt'))).toHaveLength(1);
  await stop();
  start();
  mkdirSync(at('bucket', '.git'));
  writeFileSync(at('bucket', '.git', 'a.jsonl'), lines(5, 6));
  await heard('.git/: passed over, it is hidden (3 passed over so far)');
  expect(told.filter((message) => message.startsWith('notes.txt'))).toHaveLength(1);
  const { passedOver } = await new Api(graph).get('/v1/objects');
  expect(passedOver).toMatchObject({
    count: 3,
    reasons: [
      { why: 'it is hidden', count: 1, first: [expect.stringMatching(/^file:.*\/bucket\/\.git$/)] },
      { why: 'it is still being written', count: 1 },
      { why: 'its name does not end in .jsonl or .jsonl.gz', count: 1 },
    ],
  });
  const { check: done } = await check(graph, DEFAULT_SETTINGS, { rules: ['object-refused'] });
  expect(done.rules).toMatchObject([{ open: 0, examined: 4 }]);
});

test('thousands of names that can’t be logs are counted, and told by three of them; a log does not wait for them', async () => {
  for (let n = 0; n < 2_500; n += 1) writeFileSync(at('bucket', `junk${n}.txt`), '');
  writeFileSync(at('bucket', 'a.jsonl'), lines(0, 2));
  start();
  await heard('a.jsonl: accepted');
  await vi.waitFor(async () => {
    const { passedOver } = await new Api(graph).get('/v1/objects');
    expect(passedOver).toMatchObject({ count: 2_500 });
  }, 60_000);
  expect(told.length).toBeLessThan(100);
});

test('what fails for a reason that passes is told once, and done when the reason has passed', async () => {
  // A system that says no, as of a file that is held open by another program.
  load = () => readFile(home).then(() => keys);
  start();
  writeFileSync(at('bucket', 'a.jsonl'), lines(0, 2));
  await vi.waitFor(() => expect(asked).toBeGreaterThan(3), 60_000);
  load = () => Promise.resolve(keys);
  await heard('a.jsonl: accepted');
  expect(told).toEqual([
    expect.stringMatching(/^a\.jsonl: EISDIR.*tried again/),
    'a.jsonl: accepted',
  ]);
});
