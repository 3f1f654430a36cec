import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readObject } from '../../lib/graph/ask/objects.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import { demoLog } from '../../lib/local/demo.ts';
import { custody as runCustody, type Ended } from '../support/custody.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { graphSnapshot, wipe } from '../support/snapshot.ts';
import { testKey } from '../support/test-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'custody-'));
const at = (name: string): string => join(folder, name);
let graph: Graph;
let log: string;

beforeAll(async () => {
  graph = openGraph(neo4jLogin);
  await wipe(graph);
  await custody(['keygen', at('k')]);
  log = demoLog(testKey().privateKey);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await graph.close();
});

function custody(args: string[], input = '', env: Record<string, string> = {}): Promise<Ended> {
  return runCustody(args, { cwd: folder, env, input });
}

async function ingested(name: string, ...more: string[]): Promise<Record<string, unknown>> {
  const { out } = await custody([
    'ingest',
    '--json',
    '--key',
    at('k.public.pem'),
    ...more,
    at(name),
  ]);
  const { objects } = JSON.parse(out) as { objects: Record<string, unknown>[] };
  return objects[0] ?? {};
}

const records = (lines: string): string =>
  lines
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { signed_data: string }).signed_data)
    .join('\n');

test('a signed log becomes a graph; the same log, file or lines again, changes nothing and is counted', async () => {
  const signed = await custody(
    ['sign', '--key', at('k.private.pem'), '--salt', 'max'],
    records(log),
  );
  writeFileSync(at('good.jsonl'), signed.out);
  expect(await ingested('good.jsonl')).toMatchObject({
    status: 'accepted',
    lines: 19,
    accepted: 19,
  });
  const before = await graphSnapshot(graph);
  expect(before.filter((line) => line.startsWith('["USED_IN"'))).toHaveLength(6);
  // The same object: what became of it is told again.
  expect(await ingested('good.jsonl')).toMatchObject({
    status: 'accepted',
    accepted: 19,
    duplicate: 0,
  });
  writeFileSync(at('a.jsonl'), signed.out);
  expect(await ingested('a.jsonl')).toMatchObject({
    status: 'accepted',
    accepted: 0,
    duplicate: 19,
  });
  writeFileSync(at('z.jsonl.gz'), gzipSync(signed.out + signed.out));
  expect(await ingested('z.jsonl.gz')).toMatchObject({
    status: 'accepted',
    lines: 38,
    duplicate: 38,
  });
  expect(await graphSnapshot(graph)).toEqual(before);
});

test('the eight questions are answered with the rows that the log says', async () => {
  const rows = async (id: string): Promise<unknown[][]> =>
    (JSON.parse((await custody(['query', id, '--json'])).out) as { rows: unknown[][] }).rows;
  const counts = {
    '3.1': 3,
    '3.2': 4,
    '3.3': 6,
    '3.4': 12,
    '3.5': 17,
    '3.6': 17,
    '3.7': 2,
    '3.8': 1,
  };
  const found = await Promise.all(
    Object.keys(counts).map(async (id) => [id, (await rows(id)).length] as const),
  );
  expect(Object.fromEntries(found)).toEqual(counts);
  expect(await rows('3.8')).toEqual([['vendor-score']]);
});

test('lineage and impact say on the command line what the HTTP API says', async () => {
  const [row] = await graph[database].run(
    'MATCH (d:Dataset)-[:USED_IN]->(m:Model)-[:GENERATED]->(i:Inference) ' +
      'RETURN d.hash AS hash, i.id AS id, m.name AS name, m.commit AS commit ORDER BY hash, id LIMIT 1',
  );
  const { hash, id, name, commit } = row as Record<string, string>;
  const up = await custody(['lineage', '--inference', id ?? '', '--json']);
  expect([up.exit, up.err]).toEqual([0, '']);
  const { nodes, complete } = JSON.parse(up.out) as {
    nodes: Record<string, unknown>[];
    complete: boolean;
  };
  expect(complete).toBe(true);
  expect(nodes[0]).toMatchObject({ kind: 'inference', id });
  expect(nodes[1]).toMatchObject({ kind: 'model', name, commit });
  expect(nodes.slice(2)).toContainEqual(expect.objectContaining({ kind: 'dataset', hash }));
  const text = await custody(['lineage', '--inference', id ?? '', '--direction', 'up']);
  expect(text.out).toContain(`inference ${id}`);
  expect(text.out).toMatch(/complete: all that is known is above\n$/);

  const recall = await custody(['impact', '--dataset', hash ?? '', '--json']);
  const lines = recall.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  const affected = await graph[database].run(
    'MATCH (:Dataset {hash: $hash})-[:USED_IN]->(:Model)-[:GENERATED]->(i) RETURN i.id AS id',
    { hash },
  );
  expect(lines.at(-1)).toMatchObject({ count: affected.length, complete: true });
  expect(lines).toHaveLength(affected.length + 1);
  expect(lines).toContainEqual(expect.objectContaining({ id }));

  const nobody = await custody(['lineage', '--inference', 'nobody']);
  expect([nobody.exit, nobody.out]).toEqual([1, '']);
  expect(nobody.err).toContain('Nothing that is recorded refers to where the question begins');
  expect((await custody(['impact'])).err).toContain('exactly one dataset');
});

test('one bad line and nothing is written, whatever it is; the receipt names line and code', async () => {
  const before = await graphSnapshot(graph);
  const signed = await custody(['sign', '--key', at('k.private.pem')], records(log));
  const lines = signed.out.trimEnd().split('\n');
  const tampered = [
    ...lines.slice(0, 2),
    (lines[2] ?? '').replace('labels', 'Labels'),
    ...lines.slice(3),
  ];
  writeFileSync(at('tampered.jsonl'), tampered.join('\n'));
  expect(await ingested('tampered.jsonl', '--on-bad-line', 'quarantine')).toMatchObject({
    status: 'rejected',
    accepted: 0,
    withheld: 18,
    rejectedTotal: 1,
    rejected: [{ line: 3, code: 'SIGNATURE_INVALID' }],
  });
  writeFileSync(at('foreign.jsonl'), log);
  expect(await ingested('foreign.jsonl')).toMatchObject({ status: 'rejected', rejectedTotal: 19 });
  writeFileSync(at('empty.jsonl'), '');
  expect(await ingested('empty.jsonl')).toMatchObject({ status: 'empty', lines: 0 });
  expect(await graphSnapshot(graph)).toEqual(before);
});

test('a log that can’t be read as it is is refused on its own; the others have their turn', async () => {
  writeFileSync(at('bad.jsonl.gz'), 'not gzip');
  const ended = await custody([
    'verify',
    '--json',
    '--key',
    at('k.public.pem'),
    at('good.jsonl'),
    at('bad.jsonl.gz'),
    at('good.jsonl'),
  ]);
  expect(ended.exit).toBe(1);
  expect(JSON.parse(ended.out)).toMatchObject({
    objects: [
      { status: 'accepted', lines: 19 },
      {
        status: 'rejected',
        lines: 0,
        problem: 'the name ends in .gz, but the file is not gzip',
        problemCode: 'GZIP_MISNAMED',
      },
      { status: 'accepted', lines: 19 },
    ],
  });
});

test.each([
  ['hash', { input: null, inputBytes: 10 }],
  ['none', { input: null, inputBytes: null }],
])('with CUSTODY_PAYLOAD=%s no payload is stored', async (mode, expected) => {
  await wipe(graph);
  const args = ['ingest', '--key', at('k.public.pem'), at('good.jsonl')];
  expect(await custody(args, '', { CUSTODY_PAYLOAD: mode })).toMatchObject({ exit: 0 });
  const [row] = await graph[database].run(
    "MATCH (i:Inference {id: 'demo-01'}) RETURN i.input AS input, i.inputBytes AS inputBytes",
  );
  expect(row).toEqual(expected);
  expect((await custody(args, '', { CUSTODY_PAYLOAD: 'x' })).exit).toBe(2);
  await wipe(graph);
});

test('every file that is missing or no file is named before anything is begun', async () => {
  const ended = await custody(['verify', '--key', at('k.public.pem'), at('absent.jsonl'), folder]);
  expect(ended).toMatchObject({ exit: 2, out: '' });
  expect(ended.err).toContain('absent.jsonl: there is no such file');
  expect(ended.err).toContain('this is a folder');
});

test('quarantine sets a torn last line aside and keeps the rest', async () => {
  const signed = await custody(['sign', '--key', at('k.private.pem')], records(log));
  writeFileSync(at('torn.jsonl'), signed.out.slice(0, -40));
  expect(await ingested('torn.jsonl')).toMatchObject({ status: 'rejected', withheld: 18 });
  expect(await ingested('torn.jsonl', '--on-bad-line', 'quarantine')).toMatchObject({
    status: 'partial',
    rejectedTotal: 1,
    rejected: [{ line: 19, code: 'LINE_NOT_JSON' }],
  });
});

test('an object that nothing ends is ended by hand, with a reason; one that is not open is left as it is', async () => {
  const uri = 's3://logs/stuck.jsonl?versionId=v';
  await new GraphWriter(graph).pause({ uri, bytes: 9 }, '{}');
  const close = (...args: string[]): Promise<Ended> => custody(['object', 'close', ...args]);
  expect(await close(uri)).toMatchObject({
    exit: 2,
    err: expect.stringContaining('--reason is needed') as unknown,
  });
  expect((await custody(['object', 'open', uri, '--reason', 'x'])).exit).toBe(2);
  expect((await close('s3://logs/other.jsonl', '--reason', 'x')).exit).toBe(1);
  expect((await close(uri, '--reason', 'its messages were purged')).exit).toBe(0);
  expect(await readObject(graph, uri)).toMatchObject({
    status: 'abandoned',
    problem: 'closed by hand: its messages were purged',
    problemCode: 'CLOSED_BY_HAND',
  });
  expect((await close(uri, '--reason', 'again')).exit).toBe(1);
});

test('what was accepted is in the archive, and what was rejected is not', async () => {
  const archived = readdirSync(at('.custody/archive'));
  const hashes = new Set(archived.map((name) => name.slice(0, 64)));
  const sha256 = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(at(name)))
      .digest('hex');
  for (const name of archived.filter((of) => !of.endsWith('.json')))
    expect(sha256(`.custody/archive/${name}`)).toBe(name);
  const accepted = ['good.jsonl', 'z.jsonl.gz', 'torn.jsonl'].map(sha256);
  expect([...hashes].sort()).toEqual(accepted.sort());
  // The others were wiped.
  const logs = await graph[database].run('MATCH (l:Log) RETURN l.sha256 AS log');
  expect(logs).toEqual([{ log: sha256('torn.jsonl') }]);
});

test('a report is made, verified by whoever has its key, and refused once a byte of it is another', async () => {
  const keys = { CUSTODY_KEYS: at('k.public.pem') };
  const unchecked = await custody(['report', '--from', '2026-01-01', '--out', 'early'], '', keys);
  expect([unchecked.exit, unchecked.out]).toEqual([1, expect.stringContaining('NO_CHECK')]);
  const from = new Date(Date.now() - 3_600_000).toISOString();
  expect((await custody(['check'])).exit).toBe(1);
  const make = ['report', '--from', from, '--out', 'report', '--json'];
  const made = await custody(make, '', keys);
  expect(made.exit).toBe(0);
  const { kid } = JSON.parse(made.out) as { kid: string };
  const verified = await custody(['verify-report', 'report']);
  expect([verified.exit, verified.out]).toEqual([0, expect.stringContaining(kid)]);
  expect((await custody(['verify-report', '--key', 'k.public.pem', 'report'])).exit).toBe(1);
  expect((await custody(make, '', keys)).err).toContain('report is not empty');
  const html = readFileSync(at('report/report.html'), 'utf8');
  expect(html).toContain('vendor-score');
  writeFileSync(at('report/report.html'), html.replace('vendor-score', 'vendor-scorE'));
  const refused = await custody(['verify-report', '--json', 'report']);
  expect([refused.exit, JSON.parse(refused.out)]).toEqual([
    1,
    { folder: 'report', problems: ['report.html is not the file that was signed'] },
  ]);
});

test('a report is signed with the key that CUSTODY_REPORT_KEY names, or that is given', async () => {
  const env = { CUSTODY_KEYS: at('k.public.pem'), CUSTODY_REPORT_KEY: 'file:k.private.pem' };
  await custody(['report', '--from', '2026-01-01', '--out', 'by-variable'], '', env);
  expect((await custody(['verify-report', 'by-variable'], '', env)).exit).toBe(0);
  const given = ['--key', 'k.private.pem'];
  await custody(['report', '--from', '2026-01-01', '--out', 'by-option', ...given], '', {
    CUSTODY_KEYS: at('k.public.pem'),
  });
  expect((await custody(['verify-report', '--key', 'k.public.pem', 'by-option'])).exit).toBe(0);
});

test('everything that is wrong with a report is named before anything is begun', async () => {
  const { exit, err } = await custody(['report', '--from', 'soon', '--to', '9999-01-01']);
  expect(exit).toBe(2);
  for (const of of ['from is a day', 'to lies in the future', '--out is needed'])
    expect(err).toContain(of);
  const both = ['--key', 'k.private.pem', '--kms', 'alias/x', '--out', 'r'];
  expect((await custody(['report', '--from', '2026-01-01', ...both])).exit).toBe(2);
  expect(existsSync(at('r'))).toBe(false);
});

test.each([
  ['no command', [], 2],
  ['an unknown command', ['frobnicate'], 2],
  ['an unknown option', ['ingest', '--frob'], 2],
  ['a missing file', ['verify', '--key', 'k.public.pem', 'absent.jsonl'], 2],
  ['no key', ['verify', 'good.jsonl'], 2],
  ['a private key', ['verify', '--key', 'k.private.pem', 'good.jsonl'], 2],
  ['a good log', ['verify', '--key', 'k.public.pem', 'good.jsonl'], 0],
  ['a bad log', ['verify', '--key', 'k.public.pem', 'tampered.jsonl'], 1],
  ['a report that is not there', ['verify-report', '--key', 'k.public.pem', 'absent'], 2],
  ['a folder that is no report', ['verify-report', '--key', 'k.public.pem', '.'], 1],
  ['help', ['ingest', '--help'], 0],
])('%s ends with its own exit code and a sentence', async (_, args, exit) => {
  const ended = await custody(args);
  expect(ended.exit).toBe(exit);
  expect(exit === 2 && ended.err === '').toBe(false);
  expect(ended.err).not.toContain('at file:');
});

test('an unreachable database ends with 3, a refused login with 2, and no password is told', async () => {
  const args = ['query', '3.1'];
  const gone = await custody(args, '', { NEO4J_URI: 'bolt://127.0.0.1:1' });
  expect(gone.exit).toBe(3);
  const refused = await custody(args, '', { NEO4J_PASSWORD: 'canary-password' });
  expect(refused.exit).toBe(2);
  expect(refused.err + gone.err).not.toContain('canary');
});
