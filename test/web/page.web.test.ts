import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { source, type AxeResults } from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { check, foundText } from '../../lib/compliance/check.ts';
import { DEFAULT_SETTINGS, RULES } from '../../lib/compliance/rules.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { waive } from '../../lib/graph/write/findings.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import { ingestObject } from '../../lib/ingest/ingest.ts';
import type { Receipt } from '../../lib/ingest/receipt.ts';
import { demoLog } from '../../lib/local/demo.ts';
import { storedFile } from '../../lib/object/file.ts';
import { openChromium } from '../support/chromium.ts';
import { localStores } from '../support/local-stores.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { PageServer } from '../support/page-server.ts';
import { bringRecords, datasetRecord, inferenceRecord, modelRecord } from '../support/records.ts';
import { SignedLogs } from '../support/signed-logs.ts';
import { wipe } from '../support/snapshot.ts';
import { writeObject } from '../support/write-object.ts';

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 5, 9, minute)).toISOString();
const [NOTES, LABELS, ABSENT] = [hash('notes'), hash('labels'), hash('absent')];
const HOSTILE = '<img src=x onerror="window.broken=1">';
const BACKWARDS = 'invoice\u202Egnp.exe';
const LONG = 'long '.repeat(409);

/** Two versions of triage, so that what names no commit is linked by time; one model rests on what nobody recorded. */
const RECORDS = [
  { type: 'dataset', hash: NOTES, path: 's3://logs/notes.parquet', timestamp: at(0) },
  { type: 'dataset', hash: LABELS, path: HOSTILE, description: HOSTILE, timestamp: at(1) },
  {
    type: 'model',
    model_name: 'triage',
    git_commit: '1f0c2ab',
    hyperparameters: { depth: 4, seed: 7 },
    dataset_hashes: [NOTES, LABELS],
    timestamp: at(2),
  },
  {
    type: 'model',
    model_name: 'triage',
    git_commit: '9be41d0',
    dataset_hashes: [NOTES, ABSENT],
    timestamp: at(30),
  },
  { type: 'model', model_name: BACKWARDS, git_commit: 'c0ffee1', timestamp: at(3) },
  { type: 'model', model_name: LONG, git_commit: '0'.repeat(40), timestamp: at(4) },
  ...Array.from({ length: 60 }, (_, index) => ({
    type: 'inference',
    id: `case-${String(index).padStart(2, '0')}`,
    model_name: 'triage',
    input: { index },
    output: { score: index / 60 },
    timestamp: at(5 + (index % 20)),
  })),
  {
    type: 'inference',
    id: 'signed-commit',
    model_name: 'triage',
    git_commit: '9be41d0',
    input: 1,
    output: 2,
    timestamp: at(40),
  },
  {
    type: 'inference',
    id: 'lonely',
    model_name: 'nobody',
    git_commit: 'dead',
    input: 1,
    output: 2,
    timestamp: at(41),
  },
];

const WIDTH = 'document.documentElement.scrollWidth';

let graph: Graph;
let logs: SignedLogs;
let served: PageServer;
let browser: Browser;
const pages: { readonly page: Page; readonly wrong: string[] }[] = [];

beforeAll(async () => {
  graph = openGraph(neo4jLogin, { questionMs: 60_000 });
  await wipe(graph);
  logs = new SignedLogs(graph);
  await logs.bring(RECORDS);
  served = await PageServer.start(graph, logs.readEnvelope);
  browser = await openChromium();
});

afterAll(async () => {
  await browser.close();
  await served.close();
  logs.remove();
  await graph.close();
});

// Whatever a test looks at: nothing is blocked, nothing fails, nobody else is asked.
afterEach(async () => {
  served.hasDatabase = true;
  const opened = pages.splice(0);
  for (const { page } of opened) await page.context().close();
  // Taken out, so that the next test answers for its own alone.
  const failures = served.failures.splice(0);
  expect(opened.flatMap(({ wrong }) => wrong)).toEqual([]);
  expect(failures).toEqual([]);
});

async function open(address = '', options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1_280, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
    ...options,
  });
  const page = await context.newPage();
  const wrong: string[] = [];
  pages.push({ page, wrong });
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => {
    // Chromium’s own line about an answer that the page expects and tells of.
    const isAnswer = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isAnswer) wrong.push(message.text());
  });
  page.on('request', (request) => {
    const url = request.url();
    const isOwn = url.startsWith(served.url) || /^(?:data|blob):/.test(url);
    if (!isOwn) wrong.push(`a request to ${url}`);
  });
  await page.goto(served.url + address);
  return page;
}

async function settled(page: Page): Promise<void> {
  await expect.poll(() => page.locator('.loading').count(), { timeout: 60_000 }).toBe(0);
}

async function find(page: Page, text: string): Promise<void> {
  await page.getByRole('searchbox').fill(text);
  await page.getByRole('button', { name: 'Find' }).click();
  await page.locator('h1').filter({ hasNotText: 'Chain of custody' }).waitFor();
  await settled(page);
}

function panel(page: Page) {
  return page.getByRole('complementary', { name: 'Evidence' });
}

/** What a button makes the browser keep. */
async function exported(page: Page, button: string): Promise<Buffer> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: button }).click(),
  ]);
  return readFile(await download.path());
}

test.each([
  ['an inference by its id', 'case-07', 'Lineage of inference case-07'],
  ['a dataset by its hash', NOTES, `Lineage of dataset ${NOTES}`],
  ['a model by its name', BACKWARDS, 'Lineage of model invoice⟨U+202E⟩gnp.exe @ c0ffee1'],
  ['a model by the beginning of its commit', '9be4', 'Lineage of model triage @ 9be41d0'],
])('%s is found and shown with its evidence, verified on the spot', async (_, query, title) => {
  const page = await open();
  await find(page, query);
  await page.getByRole('heading', { level: 1, name: title }).waitFor();
  await panel(page).getByText('✓ Verified now').waitFor();
  await panel(page).getByText('The log came as log-1.jsonl').waitFor();
  await panel(page).getByText(logs.signer.key.kid).waitFor();
});

test('a dataset that is only declared is found by its hash, and told as not recorded', async () => {
  const page = await open();
  await find(page, ABSENT);
  await page.getByRole('heading', { level: 1, name: `Lineage of dataset ${ABSENT}` }).waitFor();
  await panel(page).getByText('no accepted record describes it').waitFor();
});

test('of several hits each is a link; nothing found says what was searched and what to check', async () => {
  const page = await open();
  await find(page, 'triage');
  expect(await page.locator('.hits a').allTextContents()).toEqual([
    'triage @ 9be41d0',
    'triage @ 1f0c2ab',
  ]);
  await find(page, 'no-such-thing');
  await page.getByRole('heading', { name: 'Nothing found' }).waitFor();
  await page.getByText('the commits of all 4 model versions').waitFor();
});

test('the envelope, its key and the very names can be copied', async () => {
  const page = await open(`#/graph?select=${encodeURIComponent(`dataset:${LABELS}`)}`);
  await panel(page).getByText('✓ Verified now').waitFor();
  await panel(page).getByText('Envelope, the line as it stands').click();
  await panel(page).getByRole('button', { name: 'Copy envelope, the line as it stands' }).click();
  await page.locator('#said', { hasText: 'Copied' }).waitFor();
  const copied = await page.evaluate<string>('navigator.clipboard.readText()');
  const line = readFileSync(`${logs.folder}/log-1.jsonl`, 'utf8').split('\n')[1];
  expect(copied.trimEnd()).toBe(line);
  await panel(page).getByRole('button', { name: 'Copy the path' }).click();
  await page.locator('#said', { hasText: 'the path' }).waitFor();
  expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe(HOSTILE);
});

test('inferences stand behind a count until they are opened, a page at a time; the link shows the same to another', async () => {
  const page = await open();
  const inferences = page.getByRole('table', { name: /^Inferences/ });
  const openThem = page.getByRole('button', {
    name: /^Open( more)?: inferences of triage 1f0c2ab$/,
  });
  await openThem.waitFor();
  expect(await inferences.count()).toBe(0);
  await openThem.click();
  await page.getByText('Inferences (50)').waitFor();
  expect(await inferences.locator('tbody tr').count()).toBe(50);
  await page.getByText('50 of 62 inferences, the others as a count').waitFor();
  const link = page.url();
  await openThem.click();
  await page.getByText('Inferences (60)').waitFor();
  const ids = await inferences.locator('tbody th').allTextContents();
  expect(new Set(ids).size).toBe(60);

  const other = await open(link.slice(served.url.length));
  await other.getByText('Inferences (50)').waitFor();
  await page.getByRole('button', { name: 'Fold: inferences of triage 1f0c2ab' }).click();
  await inferences.waitFor({ state: 'detached' });
});

test('a list that is opened in part is never called complete; that it is all is a remark and no verdict', async () => {
  const page = await open('#/lineage?model=triage&commit=1f0c2ab');
  const notice = page.locator('main .notice');
  await notice.getByText('Complete.').waitFor();
  const colours = await page.evaluate<string[]>(
    `['main .notice strong', '#drawing-keys'].map((of) => getComputedStyle(document.querySelector(of)).color)`,
  );
  expect(colours[0]).toBe(colours[1]);
  const openThem = page.getByRole('button', {
    name: /^Open( more)?: inferences of triage 1f0c2ab$/,
  });
  await openThem.click();
  await notice.getByText('A part.').waitFor();
  const rows = (await exported(page, 'Export the tables as CSV')).toString().split('\r\n');
  expect(rows.at(-2)).toBe(`${','.repeat(13)}"incomplete: NOT_ALL_LOADED"`);
  await openThem.click();
  await notice.getByText('Complete.').waitFor();
});

test('signed, by time and pending links differ in the drawing, in its legend and in words', async () => {
  const page = await open(`#/graph?open=${encodeURIComponent('model:["triage","1f0c2ab"]')}`);
  await page.getByText('Inferences (50)').waitFor();
  await page.getByText('0 signed, 0 only version, 50 by time, 0 pending').waitFor();
  await page.getByRole('region', { name: 'Legend' }).getByText('by time').waitFor();
  const picture = (await exported(page, 'Export as SVG')).toString();
  const links = (basis: string): number => picture.split(`data-basis="${basis}"`).length - 1;
  expect([links('declared'), links('by-time'), links('pending')]).toEqual([3, 50, 1]);
  expect(picture).toContain('stroke-dasharray="7 5" data-basis="by-time"');
  expect(picture).toMatch(/data-kind="hollow"><title>not recorded\n/);
  expect(picture).toContain('<title>nobody\nnot recorded, 1 inference</title>');
  // What is counted and not opened is not drawn as if it were signed.
  expect(picture).toContain('stroke-dasharray="12 4 2 4" data-basis="uncounted"');
  await page.getByRole('region', { name: 'Legend' }).getByText('counted only').waitFor();
  await find(page, 'lonely');
  await page
    .getByText('pending: the version that the record names is not recorded')
    .first()
    .waitFor();
});

test('what is not complete says so and names what is missing; a part says that it is one', async () => {
  const page = await open();
  const notice = page.locator('main .notice');
  await notice.getByText('Not complete.').waitFor();
  await notice.getByText('Their hashes').click();
  await notice.getByText(ABSENT).waitFor();

  const log = 'f'.repeat(64);
  const uri = `file:///half.jsonl?sha256=${log}`;
  const record = datasetRecord(hash('half'), 1_767_600_000);
  const location = { log, line: 1, offset: 0, length: 1 };
  const records = [1, 2].map((line) => ({
    record,
    kid: '00'.repeat(32),
    location: { ...location, line },
  }));
  await writeObject(new GraphWriter(graph), { uri, log, records }, 1, 1);
  await notice.getByText('A file is being written').waitFor({ timeout: 10_000 });
  await graph[database].run('MATCH (o:SourceObject {uri: $uri}) DETACH DELETE o', { uri });
  await graph[database].run(
    `MATCH (l:Log {sha256: $log})
     OPTIONAL MATCH (l)<-[:PART_OF]-(s:Stretch)
     OPTIONAL MATCH (s)<-[:SIGNED_IN]-(r:Record)-[:ASSERTS]->(d)
     DETACH DELETE l, s, r, d`,
    { log },
  );
});

test('what a dataset touches is one click away, and its CSV says whether that is all', async () => {
  const page = await open(`#/graph?select=${encodeURIComponent(`dataset:${NOTES}`)}`);
  await panel(page).getByRole('link', { name: 'What does this touch?' }).click();
  await page
    .getByRole('heading', { level: 1, name: `What does dataset ${NOTES} touch?` })
    .waitFor();
  await page.getByText('61 inferences').waitFor();
  const summary = await page.locator('main dl').textContent();
  expect(summary).toMatch(/Signed1, from 2026-01-05 09:40:00Z/);
  expect(summary).toMatch(/By time60, from 2026-01-05 09:05:00Z to 2026-01-05 09:24:00Z/);
  const rows = (await exported(page, 'Export all as CSV')).toString().trimEnd().split('\r\n');
  expect(rows).toHaveLength(1 + 61 + 1);
  expect(rows.at(-1)).toBe(`${','.repeat(14)}"complete"`);
  await page.getByRole('link', { name: 'signed-commit' }).click();
  await panel(page).getByText('signed: the record names this very version').waitFor();
});

test('the exports hold what is shown: PNG, SVG and CSV', async () => {
  const page = await open();
  await page.getByRole('button', { name: 'Export as PNG' }).waitFor();
  const png = await exported(page, 'Export as PNG');
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  expect(png.readUInt32BE(16)).toBeGreaterThan(1_000);
  const picture = (await exported(page, 'Export as SVG')).toString();
  const read = `new DOMParser().parseFromString(${JSON.stringify(picture)}, 'image/svg+xml')`;
  const shown = await page.evaluate<string[]>(
    `[...${read}.querySelectorAll('g > title')].map((title) => title.textContent)`,
  );
  expect(shown).toContain(`${HOSTILE}\n${LABELS}`);
  const rows = (await exported(page, 'Export the tables as CSV')).toString().split('\r\n');
  expect(rows[0]).toMatch(/^"kind","identity","commit","path",/);
  expect(rows.filter((row) => row.startsWith('"model",'))).toHaveLength(4);
  expect(rows.at(-2)).toBe(`${','.repeat(13)}"incomplete: PENDING_LINKS"`);
});

async function drop(text: string, name = 'dropped'): Promise<Receipt> {
  const path = `${logs.folder}/${name}.jsonl`;
  writeFileSync(path, text);
  const options = { keys: [logs.signer.key], onBadLine: 'reject' } as const;
  return ingestObject(storedFile(path), localStores(graph, logs.folder), options);
}

test('a dropped file appears without a reload, with the line and the reason of each refusal; so does what it adds to the graph', async () => {
  const list = await open('#/files');
  const chain = await open();
  await list.getByRole('heading', { name: 'log-1.jsonl' }).waitFor();
  await chain.getByRole('table', { name: 'Model versions (4)' }).waitFor();

  const good = readFileSync(logs.write(RECORDS.slice(0, 2)), 'utf8');
  await drop(`${good}not a line\n`, 'torn');
  const card = list.getByRole('listitem').filter({ hasText: 'torn.jsonl' });
  await card.getByText('LINE_NOT_JSON').waitFor({ timeout: 10_000 });
  expect(await card.locator('tbody tr').first().textContent()).toBe(
    '3LINE_NOT_JSONthe line is not JSON',
  );
  await card.getByText('Nothing was written of it. 3 lines: 2 not refused, but withheld').waitFor();
  await list.locator('#said', { hasText: 'torn.jsonl: rejected, 1 line refused' }).waitFor();

  const fresh = { type: 'model', model_name: 'fresh', git_commit: 'f1', timestamp: at(50) };
  await drop(readFileSync(logs.write([fresh]), 'utf8'), 'fresh');
  await list.getByRole('heading', { name: 'fresh.jsonl' }).waitFor({ timeout: 10_000 });
  await chain.getByRole('table', { name: 'Model versions (5)' }).waitFor({ timeout: 10_000 });
  await chain.getByRole('link', { name: 'fresh' }).waitFor();

  await list.getByText('The chart as a table').click();
  const chart = list.getByRole('table', { name: /^Files by time of arrival and outcome/ });
  expect(await chart.locator('tbody tr').first().textContent()).toMatch(/\d/);
});

test('evidence that no longer holds is told as what it is', async () => {
  const lines = readFileSync(
    logs.write([
      { type: 'dataset', hash: hash('moved'), path: 'moved', timestamp: at(51) },
      { type: 'dataset', hash: hash('changed'), path: 'changed', timestamp: at(51) },
    ]),
    'utf8',
  ).split('\n');
  const moved = await drop(`${lines[0]}\n`, 'moved');
  const changed = await drop(`${lines[1]}\n`, 'changed');
  // Whoever changes what was dropped changes no evidence: only who touches the archive does.
  rmSync(`${logs.folder}/moved.jsonl`);
  rmSync(logs.archived(moved.sha256 ?? ''));
  writeFileSync(
    logs.archived(changed.sha256 ?? ''),
    `${lines[1]?.replace('changed', 'chanted')}\n`,
  );
  const page = await open(`#/graph?select=${encodeURIComponent(`dataset:${hash('moved')}`)}`);
  await panel(page).getByText('✗ Not verified: the log is not there').waitFor();
  const other = await open(`#/graph?select=${encodeURIComponent(`dataset:${hash('changed')}`)}`);
  await other.getByText('✗ Not verified: something else stands there').waitFor();
  expect(await other.getByText('Verified now').count()).toBe(0);
});

test('names in a log are shown as the text that they are', async () => {
  const page = await open(`#/graph?select=${encodeURIComponent(`dataset:${LABELS}`)}`);
  await panel(page).getByText('✓ Verified now').waitFor();
  const datasets = page.getByRole('table', { name: /^Datasets/ });
  expect(await datasets.getByRole('link', { name: HOSTILE }).textContent()).toBe(HOSTILE);
  const models = page.getByRole('table', { name: /^Model versions/ });
  await models.getByRole('link', { name: 'invoice⟨U+202E⟩gnp.exe' }).waitFor();
  await models.getByRole('link', { name: LONG.trim() }).waitFor();
  expect(await page.locator('img, main script, aside script').count()).toBe(0);
  expect(await page.evaluate<boolean>(`'broken' in window`)).toBe(false);
  await find(page, LONG.trim());
  await find(page, HOSTILE);
  expect(await page.evaluate<number>(WIDTH)).toBe(1_280);
});

test('without a database the page says so, keeps what it shows, and goes on by itself', async () => {
  const page = await open();
  await page.getByRole('table', { name: /^Model versions/ }).waitFor();
  served.hasDatabase = false;
  await page.locator('#connection', { hasText: 'No database, trying again' }).waitFor();
  await page.getByRole('link', { name: 'Dropped files' }).first().click();
  await page.getByRole('link', { name: 'Chain of custody' }).click();
  const problem = page.getByRole('alert');
  await problem.getByRole('heading', { name: 'The database can’t be reached' }).waitFor();
  await problem.getByRole('button', { name: 'Try again' }).waitFor();
  served.hasDatabase = true;
  await page.getByRole('table', { name: /^Model versions/ }).waitFor({ timeout: 15_000 });
  expect(await problem.count()).toBe(0);
  await page.locator('#connection', { hasText: 'Live' }).waitFor();
});

test('when the server is gone the page says so and what to do, and goes on when it is back', async () => {
  const page = await open(`#/impact?dataset=${NOTES}`);
  await page.getByText('61 inferences').waitFor();
  await served.stop();
  try {
    await find(page, 'case-01');
    await page.getByRole('heading', { name: 'The server can’t be reached' }).waitFor();
    await page.getByText('Start it with “npm start”').waitFor();
  } finally {
    await served.startAgain();
  }
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { level: 1, name: 'Lineage of inference case-01' }).waitFor();
});

test.each([
  ['what is not recorded', '#/lineage?dataset=no-such-hash', 'Check that the hash is the one'],
  ['a cut link', '#/lineage?model=triage', 'This link names no view; it may be cut short'],
  ['a view that there is not', '#/nonsense', 'This link names no view'],
  ['a time that is none', `#/lineage?dataset=${NOTES}&asOf=yesterday`, 'a time of RFC 3339'],
  ['a time before its record', `#/lineage?dataset=${NOTES}&asOf=2020-01-01T00:00:00Z`, 'as of'],
  ['the compliance check', '#/compliance', 'No check has run yet'],
])('%s is answered with what to do', async (_, address, advice) => {
  const page = await open(address);
  await settled(page);
  await page.locator('main').getByText(advice).first().waitFor();
});

test('who may not see an envelope is told so, and can give a token', async () => {
  const page = await open();
  const asked: (string | undefined)[] = [];
  await page.route('**/v1/evidence*', async (route) => {
    const { authorization } = route.request().headers();
    asked.push(authorization);
    if (authorization !== undefined) return route.fallback();
    const body = JSON.stringify({ detail: 'This takes the permission payload:read.' });
    return route.fulfill({ status: 403, contentType: 'application/problem+json', body });
  });
  await find(page, 'case-03');
  await panel(page).getByText('This takes the permission payload:read.').waitFor();
  await panel(page).getByLabel('Token').fill('secret-token');
  await panel(page).getByRole('button', { name: 'Use it' }).click();
  await panel(page).getByText('✓ Verified now').waitFor();
  // For the evidence, and for its proof.
  expect(asked).toEqual([undefined, 'Bearer secret-token', 'Bearer secret-token']);
  expect(page.url()).not.toContain('secret-token');
});

test('a question is asked of another time, direction and depth, and its link keeps them', async () => {
  const page = await open(`#/lineage?dataset=${NOTES}`);
  await page.getByRole('table', { name: 'Model versions (2)' }).waitFor();
  await page.getByLabel('As of').fill(at(10));
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.getByRole('table', { name: 'Model versions (1)' }).waitFor();
  expect(page.url()).toContain(encodeURIComponent(at(10)));
  await page.getByLabel('Direction').selectOption('up');
  await page.getByRole('table', { name: 'Model versions (0)' }).waitFor();
  await page.goBack();
  await page.getByRole('table', { name: 'Model versions (1)' }).waitFor();
});

/** What a key press would go to. */
function focused(page: Page): Promise<string> {
  return page.evaluate<string>(`(({ id, ariaLabel, textContent }) =>
    id === '' ? (ariaLabel ?? textContent) : '#' + id)(document.activeElement)`);
}

test('everything is reached by keyboard: skip link, the drawing, the panel and back', async () => {
  const page = await open();
  await page.getByRole('table', { name: /^Model versions/ }).waitFor();
  await page.keyboard.press('Tab');
  expect(await focused(page)).toBe('#skip');
  await page.keyboard.press('Enter');
  expect(await focused(page)).toBe('Chain of custody');
  const drawing = /^Chain of custody in three columns/;
  for (let steps = 0; steps < 30 && !drawing.test(await focused(page)); steps += 1)
    await page.keyboard.press('Tab');
  expect(await focused(page)).toMatch(drawing);
  const said = page.locator('#said');
  await expect.poll(() => said.textContent()).toMatch(/^(?:dataset|known by its mention): /);
  await page.keyboard.press('ArrowRight');
  await expect.poll(() => said.textContent()).toMatch(/^model: /);
  await page.keyboard.press('Home');
  for (let steps = 0; steps < 30; steps += 1) {
    if ((await said.textContent())?.includes('1f0c2ab') === true) break;
    await page.keyboard.press('ArrowDown');
  }
  expect(await said.textContent()).toBe('model: triage, 1f0c2ab, 2 links to datasets');
  await page.keyboard.press('ArrowRight');
  expect(await said.textContent()).toBe('group: 60 inferences, open the next 50');
  await page.keyboard.press('Enter');
  await page.getByText('Inferences (50)').waitFor();
  await expect.poll(() => said.textContent()).toBe('50 inferences added');
  await page.keyboard.press('Home');
  expect(await said.textContent()).toMatch(/^group: /);
  for (let steps = 0; steps < 30; steps += 1) {
    if ((await said.textContent())?.startsWith('inference: ') === true) break;
    await page.keyboard.press('ArrowDown');
  }
  await page.keyboard.press('Enter');
  await panel(page).getByText('✓ Verified now').waitFor();
  expect(await focused(page)).toBe('#panel-title');
  await page.keyboard.press('Escape');
  await panel(page).waitFor({ state: 'hidden' });
  expect(await focused(page)).toMatch(drawing);
});

test('focus stays where it was when more is loaded', async () => {
  const page = await open();
  await page.getByRole('button', { name: 'Open: inferences of triage 1f0c2ab' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('Inferences (50)').waitFor();
  expect(await focused(page)).toBe('Open more: inferences of triage 1f0c2ab');
  await page.keyboard.press('Enter');
  await page.getByText('Inferences (60)').waitFor();
  expect(await focused(page)).toBe('Fold: inferences of triage 1f0c2ab');
});

test('each rule has the numbers of the check and what was looked at; a finding leads to its node in the graph', async () => {
  const { check: done } = await check(graph, DEFAULT_SETTINGS);
  const page = await open('#/compliance');
  const rules = page.getByRole('table', { name: 'Rules' });
  await rules.waitFor();
  for (const result of done.rules) {
    const { title, of } = RULES.find(({ id }) => id === result.rule) ?? { title: '', of: '' };
    const cells = await rules
      .getByRole('row', { name: new RegExp(`^${title}`) })
      .getByRole('cell')
      .allTextContents();
    const isAsked = result.examined !== null;
    // What is waived has a column of its own.
    const [found, findings, waived] = cells;
    expect(found, title).toBe(foundText({ ...result, waived: 0 }, of));
    expect(findings, title).toBe(isAsked ? String(result.findings) : '');
    expect(waived, title).toBe(isAsked ? String(result.waived) : '');
  }
  await page.getByRole('link', { name: 'invoice⟨U+202E⟩gnp.exe @ c0ffee1' }).first().click();
  await panel(page)
    .getByText('It declares none: nothing is known of what it was made from.')
    .waitFor();
  await panel(page).getByText('✓ Verified now').waitFor();
});

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(source);
  const found = await page.evaluate<AxeResults>(`axe.run({ resultTypes: ['violations'] })`);
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`);
}

test.each(
  (['light', 'dark'] as const).flatMap((scheme) =>
    [360, 768, 1_280].map((width) => [scheme, width] as const),
  ),
)(
  'axe finds nothing to mend, and nothing is wider than the window (%s, %i px)',
  async (scheme, width) => {
    const options = { colorScheme: scheme, viewport: { width, height: 800 } } as const;
    for (const address of [
      '',
      `#/graph?open=${encodeURIComponent('model:["triage","1f0c2ab"]')}&select=${encodeURIComponent('inference:case-01')}`,
      `#/impact?dataset=${NOTES}&select=${encodeURIComponent(`dataset:${NOTES}`)}`,
      `#/lineage?inference=case-01`,
      '#/files',
      '#/compliance',
      '#/search?q=triage',
      '#/lineage?dataset=no-such-hash',
    ]) {
      const page = await open(address, options);
      await settled(page);
      expect(await violations(page), address).toEqual([]);
      expect(await page.evaluate<number>(WIDTH), address).toBe(width);
      await page.context().close();
    }
  },
);

test('the demo’s orphan is open on the page and, once a dropped log has told its dataset and a check has run, settled with its history, without a reload; so is a waiver shown', async () => {
  await wipe(graph);
  expect((await drop(demoLog(logs.signer.privateKey), 'demo')).status).toBe('accepted');
  const first = await check(graph, DEFAULT_SETTINGS);
  const page = await open('#/compliance');
  const list = (name: RegExp) => page.getByRole('table', { name });
  const orphan = list(/^Open findings/).getByRole('row', { name: /model vendor-score @ 0000001/ });
  await orphan.getByRole('cell', { name: 'Model without a recorded dataset' }).waitFor();
  await page.getByText('Settled findings: none.').waitFor();
  const firstSeen = await orphan.locator('time').getAttribute('datetime');
  expect(Date.parse(firstSeen ?? '')).toBe(Date.parse(first.check.startedAt));

  const path = 's3://vendor/claims.parquet';
  const dataset = { type: 'dataset', hash: hash(path), path, timestamp: at(1) };
  await drop(readFileSync(logs.write([dataset]), 'utf8'), 'vendor');
  const byTime = first.fresh.find((key) => key.startsWith('inference-linked-by-time:')) ?? '';
  const waiver = { who: 'auditor', why: 'known', until: '2100-01-01T00:00:00Z' };
  expect(await waive(graph, byTime, waiver, new Date().toISOString())).toBe('waived');
  const second = await check(graph, DEFAULT_SETTINGS);
  const settledRow = list(/^Settled findings/).getByRole('row', { name: /model vendor-score/ });
  await settledRow.waitFor({ timeout: 10_000 });
  const times = await settledRow.locator('time').all();
  const told = await Promise.all(times.map((time) => time.getAttribute('datetime')));
  expect(told.map((time) => Date.parse(time ?? ''))).toEqual(
    [first, second].map(({ check: { startedAt } }) => Date.parse(startedAt)),
  );
  await list(/^Waived findings/)
    .getByText('auditor: known, until 2100-01-01 00:00:00Z')
    .waitFor();
  expect(await orphan.filter({ hasText: 'Model without a recorded dataset' }).count()).toBe(0);
  await page.locator('#said', { hasText: 'Checked again: ' }).waitFor();
  expect(await violations(page)).toEqual([]);
});

// Each frame lasts from one change to the next time the browser is ready to paint.
const FRAMES = `(async () => {
  const drawing = document.querySelector('.drawing');
  const press = (label) => document.querySelector('button[aria-label="' + label + '"]').click();
  const frames = async (step) => {
    const taken = [];
    let last = performance.now();
    for (let index = 0; index < 120; index += 1) {
      step(index);
      await new Promise(requestAnimationFrame);
      taken.push(performance.now() - last);
      last = performance.now();
    }
    taken.sort((a, b) => a - b);
    const [median, most95, most] = [60, 114, 119].map((index) => taken[index].toFixed(1));
    return 'median ' + median + ' ms, 95 of 100 at most ' + most95 + ' ms, longest ' + most + ' ms';
  };
  const scrolled = await frames((index) => drawing.scrollTo(0, index * 60));
  press('Fit the whole drawing');
  const all = await frames(() => drawing.dispatchEvent(new Event('scroll')));
  const zoomed = await frames((index) => press(index < 60 ? 'Zoom in' : 'Zoom out'));
  return { scrolled, all, zoomed };
})()`;

test('5,000 nodes are drawn, scrolled and zoomed', async () => {
  await wipe(graph);
  const many = Array.from({ length: 1_700 }, (_, index) => index);
  const seconds = 1_767_600_000;
  await bringRecords(new GraphWriter(graph), [
    ...many.map((index) => datasetRecord(hash(`d${index}`), seconds + index, `s3://d/${index}`)),
    ...many.map((index) =>
      modelRecord(`m${index}`, 'c', seconds + index, [hash(`d${index}`), hash(`d${index >> 1}`)]),
    ),
    ...many.map((index) => inferenceRecord(`i${index}`, `m${index}`, 'c', seconds + index)),
  ]);
  const page = await open();
  const more = page.getByRole('button', { name: 'Load more' });
  await more.waitFor();
  for (const shown of [1_400, 2_400, 3_400]) {
    await more.click();
    await expect
      .poll(
        async () => {
          const text = (await page.locator('.summary').textContent()) ?? '';
          const [, datasets = '', models = ''] =
            /([\d,]+) datasets, ([\d,]+) model/.exec(text) ?? [];
          return Number(datasets.replace(',', '')) + Number(models.replace(',', ''));
        },
        { timeout: 30_000 },
      )
      .toBeGreaterThanOrEqual(shown);
  }
  if (await more.isVisible()) await more.click();
  await page.getByText('1,700 datasets, 1,700 model versions').waitFor();
  const picture = (await exported(page, 'Export as SVG')).toString();
  expect(picture.split('<g ').length - 1).toBe(5_100);
  const times = await page.evaluate<Record<'scrolled' | 'all' | 'zoomed', string>>(FRAMES);
  console.log(`5,100 nodes, frames while scrolling: ${times.scrolled}`);
  console.log(`5,100 nodes, all of them in sight: ${times.all}`);
  console.log(`5,100 nodes, zooming: ${times.zoomed}`);
});
