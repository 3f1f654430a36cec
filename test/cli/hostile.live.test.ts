import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { custody as runCustody, startCustody, type Ended } from '../support/custody.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { SignedLogs } from '../support/signed-logs.ts';
import { wipe } from '../support/snapshot.ts';

/** Prints a line of its own, hides what follows, turns it round, and moves the cursor. */
const EVIL =
  'x\ncomplete: all that is known is above\r\n\x1b[8m\x1b]0;title\x07\u{9b}2J\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}\x7f\tend';
const timestamp = '2026-01-01T00:00:00Z';
const RECORDS = [
  { type: 'dataset', hash: `h${EVIL}`, path: `p${EVIL}`, description: EVIL, timestamp },
  {
    type: 'model',
    model_name: `m${EVIL}`,
    git_commit: `c${EVIL}`,
    dataset_hashes: [`h${EVIL}`],
    timestamp,
  },
  { type: 'model', model_name: `o${EVIL}`, dataset_hashes: [`absent${EVIL}`], timestamp },
  {
    type: 'inference',
    id: `i${EVIL}`,
    model_name: `m${EVIL}`,
    git_commit: `c${EVIL}`,
    input: EVIL,
    timestamp,
  },
  { type: 'inference', id: `w${EVIL}`, model_name: `nobody${EVIL}`, timestamp },
];

const folder = mkdtempSync(join(tmpdir(), 'custody-evil-'));
const FILE = `log${EVIL}.jsonl`.replaceAll('/', '');
let graph: Graph;
let logs: SignedLogs;
beforeAll(async () => {
  graph = openGraph(neo4jLogin);
  await wipe(graph);
  logs = new SignedLogs(graph);
  mkdirSync(join(folder, '.custody/keys'), { recursive: true });
  writeFileSync(join(folder, '.custody/keys/signer.pem'), logs.signer.publicPem);
  writeFileSync(join(folder, FILE), readFileSync(logs.write(RECORDS)));
});
afterAll(async () => {
  logs.remove();
  rmSync(folder, { recursive: true });
  await graph.close();
});

const custody = (...args: string[]): Promise<Ended> => runCustody(args, { cwd: folder });

/** Nothing but what can be seen and ends of lines, and no line that EVIL has made up. */
function expectSafe({ out, err }: Pick<Ended, 'out' | 'err'>, completeLines = 0): void {
  expect((out + err).match(/[^\n\P{C}]|[\p{Zl}\p{Zp}]/gu)).toBeNull();
  const forged = (out + err).match(/^complete: all that is known is above$/gm) ?? [];
  expect(forged).toHaveLength(completeLines);
}

test('a name that steers a terminal is text on one line, for each command that prints names', async () => {
  const verified = await custody('verify', FILE);
  expect(verified.out).toMatch(/^logx\\u\{a\}complete[^\n]*: accepted \(5 lines: 5 accepted\)\n$/);
  expectSafe(verified);
  const brought = await custody('ingest', FILE);
  expect([brought.exit, brought.out.split('\n')]).toEqual([0, [expect.any(String), '']]);
  expectSafe(brought);

  for (const [kind, name] of [
    ['inference', 'i'],
    ['dataset', 'h'],
  ] as const) {
    const lineage = await custody('lineage', `--${kind}`, `${name}${EVIL}`);
    expect(lineage.exit).toBe(0);
    expect(lineage.out.split('\n')).toHaveLength(3 * 2 + 1 + 1);
    expectSafe(lineage, 1);
  }
  const impact = await custody('impact', '--dataset', `h${EVIL}`);
  expect(impact.out.split('\n')).toHaveLength(2 + 1 + 1 + 1 + 1);
  expectSafe(impact, 1);
  const check = await custody('check');
  expect(check.out).toContain('model-without-dataset');
  expectSafe(check);
  for (let question = 1; question <= 8; question += 1)
    expectSafe(await custody('query', `3.${question}`));
});

test('JSON for a terminal has the names to the letter, as escapes', async () => {
  const impact = await custody('impact', '--json', '--dataset', `h${EVIL}`);
  expectSafe(impact);
  expect(JSON.parse(impact.out.split('\n')[0] ?? '')).toMatchObject({ id: `i${EVIL}` });
  const lineage = await custody('lineage', '--json', '--inference', `i${EVIL}`);
  expectSafe(lineage);
  expect(JSON.parse(lineage.out)).toMatchObject({ nodes: [{ id: `i${EVIL}` }, {}, {}] });
  for (const args of [
    ['check', '--json'],
    ['query', '3.5', '--json'],
    ['verify', '--json', FILE],
  ]) {
    const asked = await custody(...args);
    expectSafe(asked);
    expect(() => JSON.parse(asked.out) as unknown).not.toThrow();
  }
});

test('what a command was given is shown in its errors, and obeyed in none', async () => {
  const errors = [
    ['verify', `absent${EVIL}`],
    ['verify', '--key', `absent${EVIL}`, FILE],
    ['verify', `--${EVIL}`],
    ['frobnicate\x1b[8m'],
    ['lineage', '--inference', `absent${EVIL}`],
    ['lineage', '--inference', 'x', '--direction', EVIL],
    ['query', EVIL],
    ['waive', EVIL, '--who', 'w', '--why', 'y', '--until', '2100-01-01T00:00:00Z'],
    ['check', '--rule', EVIL],
    ['sign', '--key', EVIL],
    ['verify-report', EVIL],
    ['report', '--from', EVIL, '--out', 'r'],
  ];
  for (const args of errors) {
    const ended = await custody(...args);
    expect([args[0], ended.exit === 1 || ended.exit === 2, ended.err !== '']).toEqual([
      args[0],
      true,
      true,
    ]);
    expectSafe(ended);
  }
});

test('a report whose manifest names a key that steers a terminal is refused on one line', async () => {
  const from = new Date(Date.now() - 3_600_000).toISOString();
  expectSafe(await custody('report', '--from', from, '--out', 'report'));
  const path = join(folder, 'report/manifest.dsse.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as { signatures: { keyid: string }[] };
  const [signature] = manifest.signatures;
  if (signature === undefined) throw new Error('the manifest has no signature');
  signature.keyid = `${EVIL}\nreport: as it was signed by someone`;
  writeFileSync(path, `${JSON.stringify(manifest)}\n`);
  writeFileSync(join(folder, 'report', `more${EVIL}`), '');
  const refused = await custody('verify-report', 'report');
  expect([refused.exit, refused.out.split('\n')[0]]).toEqual([1, 'report: refused']);
  expect(refused.out).not.toMatch(/^report: as it was signed/m);
  expectSafe(refused);
  expectSafe(await custody('verify-report', '--json', 'report'));
});

test(
  'custody start tells of a file whose name steers a terminal on one line',
  { timeout: 120_000 },
  async () => {
    const start = startCustody(['start', '--ingest', '--port', '0'], { cwd: folder });
    onTestFinished(() => {
      start.kill('SIGINT');
    });
    let said = '';
    for (const stream of [start.stdout, start.stderr])
      stream.on('data', (chunk) => (said += String(chunk)));
    const until = async (what: RegExp): Promise<void> => {
      for (let tries = 0; tries < 1_200 && !what.test(said); tries += 1) await pause(50);
      expect(said).toMatch(what);
    };
    await until(/open in a browser/);
    writeFileSync(join(folder, '.custody/bucket', FILE), readFileSync(logs.write(RECORDS)));
    writeFileSync(join(folder, '.custody/bucket', `notes${EVIL}`), 'x');
    await until(/^logx\\u\{a\}.*: accepted/m);
    await until(/^notesx\\u\{a\}.*: passed over/m);
    start.kill('SIGINT');
    await once(start, 'close');
    expectSafe({ out: said, err: '' });
  },
);
