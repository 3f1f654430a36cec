import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { custody as runCustody, type Ended } from '../support/custody.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { PROCESS } from '../support/process.ts';
import { SignedLogs } from '../support/signed-logs.ts';
import { wipe } from '../support/snapshot.ts';

const timestamp = '2026-01-01T00:00:00Z';
const SCRIPT = join(import.meta.dirname, '..', '..', 'cli', 'custody.mjs');
const folder = mkdtempSync(join(tmpdir(), 'custody-pipes-'));
const scratch = join(folder, 'scratch');
let graph: Graph;
let logs: SignedLogs;
let log: string;
/** What a command that is given no key says of those that it takes. */
let taken: string;

beforeAll(async () => {
  graph = openGraph(neo4jLogin);
  await wipe(graph);
  logs = new SignedLogs(graph);
  taken = `custody: no key is named, so those of custody start are used: ${logs.signer.key.kid.slice(0, 8)}\n`;
  mkdirSync(scratch);
  mkdirSync(join(folder, '.custody/keys'), { recursive: true });
  writeFileSync(join(folder, '.custody/keys/signer.pem'), logs.signer.publicPem);
  const models = Array.from({ length: 3_000 }, (_, index) => ({
    type: 'model',
    model_name: `model-of-many-${index}`,
    dataset_hashes: [],
    timestamp,
  }));
  log = logs.write(models);
});
afterAll(async () => {
  logs.remove();
  rmSync(folder, { recursive: true });
  await graph.close();
});

const custody = (args: string[], input = ''): Promise<Ended> =>
  runCustody(args, { cwd: folder, env: { TMPDIR: scratch }, input });

/** In bash, with `custody` as a command. */
async function shell(command: string): Promise<Ended> {
  const { uri, username, password } = neo4jLogin;
  const child = spawn(
    'bash',
    ['-o', 'pipefail', '-c', `custody() { ${process.execPath} ${SCRIPT} "$@"; }\n${command}`],
    {
      cwd: folder,
      env: {
        ...PROCESS,
        NEO4J_URI: uri,
        NEO4J_USERNAME: username,
        NEO4J_PASSWORD: password,
        TMPDIR: scratch,
      },
    },
  );
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  return new Promise((done) => {
    child.on('close', (exit) => done({ exit: exit ?? -1, out, err }));
  });
}

test('ingest and verify read stdin, by each of its names, and a process substitution, with the keys of custody start', async () => {
  const text = readFileSync(log, 'utf8');
  const accepted = ': accepted (3000 lines: 3000 accepted)\n';
  for (const name of ['-', '/dev/stdin'])
    expect(await custody(['verify', name], text)).toEqual({
      exit: 0,
      out: `/dev/stdin${accepted}`,
      err: taken,
    });
  const cases: readonly (readonly [string, unknown])[] = [
    [`custody verify /dev/stdin < ${log}`, `/dev/stdin${accepted}`],
    [`cat ${log} | custody verify /dev/stdin`, `/dev/stdin${accepted}`],
    [
      `custody verify <(cat ${log})`,
      expect.stringMatching(/^\/dev\/fd\/\d+: accepted \(3000 lines/),
    ],
  ];
  for (const [command, out] of cases)
    expect(await shell(command)).toEqual({ exit: 0, out, err: taken });

  const brought = await custody(['ingest', '--json', '-'], text);
  const { objects } = JSON.parse(brought.out) as { objects: { object: string; sha256: string }[] };
  const { object = '', sha256 = '' } = objects[0] ?? {};
  expect(objects).toMatchObject([
    { status: 'accepted', accepted: 3_000, bytes: Buffer.byteLength(text) },
  ]);
  expect(object).toBe(`file:///dev/stdin?sha256=${sha256}`);
  expect(readdirSync(scratch)).toEqual([]);
});

test('a pipe whose reader has seen enough ends a command quietly', async () => {
  for (const [command, told] of [
    ['custody query 3.8 | head -1', ''],
    ['custody query 3.8 --json | head -c 10', ''],
    ['custody --help | true', ''],
    ['custody lineage --model model-of-many-1 --commit N/A | true', ''],
    [`custody verify ${log} ${log} | true`, taken],
  ] as const) {
    const { exit, err } = await shell(command);
    expect([command, exit, err]).toEqual([command, 0, told]);
  }
});

test('a command whose output can’t be kept fails, and says why', async () => {
  const { exit, err } = await shell('custody --help > /dev/full');
  expect([exit, err]).toEqual([
    3,
    'custody: the disk is full; what was being written is cut off or not there\n',
  ]);
});

test('keygen writes into .custody where no name is given, which no repository keeps', async () => {
  const { exit, out } = await custody(['keygen']);
  expect([exit, out]).toEqual([0, '.custody/signer.private.pem\n.custody/signer.public.pem\n']);
  const ignored = readFileSync('.gitignore', 'utf8').split('\n');
  expect(ignored).toEqual(expect.arrayContaining(['.custody/', '*.private.pem']));
});

test('without credentials of AWS it is said at once how to give them', async () => {
  const env = { AWS_REGION: 'eu-central-1', AWS_EC2_METADATA_DISABLED: 'true', HOME: folder };
  for (const args of [
    ['verify', 's3://bucket/log.jsonl'],
    ['verify', '--key', 'kms:alias/x', log],
    ['sign', '--kms', 'alias/x'],
  ]) {
    const record = JSON.stringify({ type: 'dataset', hash: 'h', path: 'p', timestamp });
    const { exit, out, err } = await runCustody(args, { cwd: folder, env, input: record });
    expect([exit, out]).toEqual([2, '']);
    expect(err).toMatch(
      /^custody: no AWS credentials were found; three ways to give them:\n(  \d\. .*\n){3}$/,
    );
  }
});

test('the verdict says what refused signatures have in common', async () => {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(0, 3);
  const [first = '', second = ''] = lines;
  writeFileSync(
    join(folder, 'one.jsonl'),
    [first, second.replace('N/A', 'n/a').replace('many-1', 'many-2')].join('\n'),
  );
  expect((await custody(['verify', 'one.jsonl'])).out).toContain(
    'line 2 was changed after signing, or signed by another key than the others\n',
  );
  const foreign = new SignedLogs(graph);
  const [all, many] = [
    foreign.write([{ a: 1 }]),
    foreign.write(Array.from({ length: 120 }, () => ({ a: 1 }))),
  ];
  expect((await custody(['verify', all])).out).toContain(
    '\n  its one line: signed by none of the known keys\n',
  );
  expect((await custody(['verify', many])).out).toContain(
    '\n  the first 100 of 120 lines: signed by none of the known keys\n',
  );
  foreign.remove();
});
