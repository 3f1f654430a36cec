import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { EvidenceAnswer } from '../../lib/http/answers/evidence.ts';
import type { ObjectAnswer, ObjectsAnswer } from '../../lib/http/answers/object.ts';
import type { Receipt } from '../../lib/ingest/receipt.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { outcomeText } from '../../web/arrivals.ts';
import { emptyHome } from '../support/neo4j-home.ts';
import { PROCESS } from '../support/process.ts';
import { testKey } from '../support/test-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'custody-walk-'));
const at = (...parts: string[]): string => join(folder, '.custody', ...parts);
const script = join(import.meta.dirname, '..', '..', 'cli', 'custody.mjs');
const { key, privateKey } = testKey();
beforeAll(() => emptyHome(at('neo4j')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Walk extends ChildProcess {
  readonly said: () => string;
}

function start(): Walk {
  const child = spawn(process.execPath, [script, 'start'], { cwd: folder, env: PROCESS });
  onTestFinished(() => {
    child.kill('SIGINT');
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (said += String(chunk)));
  return Object.assign(child, { said: () => said });
}

async function hears({ said }: Walk, what: RegExp): Promise<string> {
  await vi.waitFor(() => expect(said()).toMatch(what), { timeout: 120_000, interval: 100 });
  return what.exec(said())?.[1] ?? '';
}

/** A signed line of a dataset of that hash. */
function line(hash: string): string {
  const timestamp = '2026-01-05T08:00:00Z';
  const record = JSON.stringify({ type: 'dataset', hash, path: 'p', timestamp });
  return `${signRecord(record, privateKey, 'digest')}\n`;
}

interface Kept extends Receipt {
  readonly file: string;
  /** Of the dropped file. */
  readonly name: string;
}

/** All receipts, in the order of their names. */
function receipts(): Kept[] {
  return globSync(at('receipts', '**', '*.json'))
    .sort()
    .map((file) => {
      const name = join(
        dirname(relative(at('receipts'), file)),
        basename(file).split('@')[0] ?? '',
      );
      return { ...(JSON.parse(readFileSync(file, 'utf8')) as Receipt), file, name };
    });
}

async function get<T>(url: string, path: string): Promise<T> {
  const answer = await fetch(`${url}${path}`);
  expect(answer.status, path).toBe(200);
  return (await answer.json()) as T;
}

/** Whatever has a receipt was told in the terminal and has a row, and all three say the same; so does the page. */
async function agree(url: string, terminals: readonly Walk[]): Promise<ObjectAnswer[]> {
  const said = terminals.map((of) => of.said()).join('');
  // Another outcome of the same content is `….2.json`, which sorts before the first.
  const last = new Map(
    receipts()
      .reverse()
      .map((receipt) => [receipt.object, receipt]),
  );
  for (const { name, status } of receipts()) expect(said).toContain(`${name}: ${status}`);
  const { items } = await get<ObjectsAnswer>(url, 'v1/objects?limit=200');
  expect(new Set(items.map(({ object }) => object))).toEqual(new Set(last.keys()));
  for (const row of items) {
    const receipt = last.get(row.object);
    for (const name of ['status', 'accepted', 'duplicate', 'rejectedTotal', 'withheld'] as const)
      expect(row[name], `${row.object}: ${name}`).toBe(receipt?.[name]);
    expect(outcomeText(row).split(',')[0]).toBe(receipt?.status);
  }
  return items;
}

test(
  'what a newcomer drops, repairs, renames and deletes is told alike by terminal, receipts, API and page, a restart included',
  { timeout: 400_000 },
  async () => {
    const first = start();
    const url = await hears(first, /open in a browser: +(\S+)/);
    await hears(first, /demo\.jsonl: accepted \(19 lines: 19 accepted\)/);

    // A log before its key.
    writeFileSync(at('bucket', 'late.jsonl'), line('1') + line('2'));
    await hears(first, /late\.jsonl: rejected .*\n +all 2 lines: signed by none of the known keys/);
    writeFileSync(at('keys', 'late.pem'), key.pem);
    await hears(first, /late\.pem: key /);
    await hears(first, /late\.jsonl: accepted \(2 lines: 2 accepted\)/);
    // A broken gzip.
    writeFileSync(at('bucket', 'cut.jsonl.gz'), gzipSync(line('3')).subarray(0, -12));
    await hears(first, /cut\.jsonl\.gz: rejected: .*gzip/);
    // A file that grows.
    writeFileSync(at('bucket', 'grown.jsonl'), line('4'));
    await hears(first, /grown\.jsonl: accepted \(1 line: 1 accepted\)/);
    appendFileSync(at('bucket', 'grown.jsonl'), line('5'));
    await hears(first, /grown\.jsonl: accepted \(2 lines: 1 accepted, 1 duplicate\)/);
    renameSync(at('bucket', 'grown.jsonl'), at('bucket', 'renamed.jsonl'));
    await hears(first, /renamed\.jsonl: accepted \(2 lines: 2 duplicate\)/);
    rmSync(at('bucket', 'late.jsonl'));
    // Two folders with one name.
    for (const of of ['a', 'b']) {
      mkdirSync(at('bucket', of));
      writeFileSync(at('bucket', of, 'log.jsonl'), line(of));
      await hears(first, new RegExp(`${of}/log\\.jsonl: accepted \\(1 line: 1 accepted\\)`));
    }
    writeFileSync(at('bucket', 'notes.txt'), 'x');
    await hears(first, /notes\.txt: passed over, .* \(1 passed over so far\)/);

    const rows = await agree(url, [first]);
    expect(rows).toHaveLength(8);
    expect(await get(url, 'v1/objects')).toMatchObject({ passedOver: { count: 1 } });
    const { dataset } = await get<{ dataset: { evidence: { digest: string } } }>(
      url,
      'v1/dataset?hash=1',
    );
    const evidence = `v1/evidence?digest=${dataset.evidence.digest}`;
    const { signings } = await get<EvidenceAnswer>(url, evidence);
    expect(signings).toMatchObject([{ status: 'verified' }]);

    const before = receipts();
    first.kill('SIGINT');
    await once(first, 'exit');
    const again = start();
    const next = await hears(again, /open in a browser: +(\S+)/);
    for (const name of ['demo', 'renamed', 'a/log', 'b/log'])
      await hears(again, new RegExp(`${name}\\.jsonl: accepted, as before`));
    await hears(again, /cut\.jsonl\.gz: rejected, as before/);
    expect(again.said()).not.toMatch(/notes\.txt/);
    expect(receipts()).toEqual(before);
    const after = await agree(next, [first, again]);
    const seen = (row: ObjectAnswer): object => ({ ...row, lastSeenAt: '' });
    expect(after.map(seen)).toEqual(rows.map(seen));
    again.kill('SIGINT');
    expect((await once(again, 'exit'))[0]).toBe(0);
  },
);
