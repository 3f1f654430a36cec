import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { source, type AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { check } from '../../lib/compliance/check.ts';
import { reportHtml } from '../../lib/compliance/report-html.ts';
import { makeReport } from '../../lib/compliance/report.ts';
import { DEFAULT_SETTINGS } from '../../lib/compliance/rules.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { openChromium } from '../support/chromium.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { SignedLogs } from '../support/signed-logs.ts';
import { wipe } from '../support/snapshot.ts';

const HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script>';
const LONG = 'long'.repeat(500);

let graph: Graph;
let logs: SignedLogs;
let browser: Browser;
let url: string;
beforeAll(async () => {
  graph = openGraph(neo4jLogin, { questionMs: 60_000 });
  await wipe(graph);
  logs = new SignedLogs(graph);
  const at = { timestamp: '2026-01-01T00:00:00Z' };
  await logs.bring([
    { type: 'model', model_name: 'orphan', git_commit: '0000001', ...at },
    { type: 'model', model_name: HOSTILE, git_commit: LONG, ...at },
    { type: 'inference', id: 'i', model_name: 'absent', ...at },
  ]);
  await check(graph, DEFAULT_SETTINGS);
  const now = Date.now();
  const [from, to] = [now - 3_600_000, now + 60_000].map((of) => new Date(of).toISOString());
  const report = await makeReport(graph, {
    period: { from: from ?? '', to: to ?? '' },
    settings: DEFAULT_SETTINGS,
    keys: [logs.signer.key],
    readEnvelope: logs.readEnvelope,
  });
  const file = join(logs.folder, 'report.html');
  writeFileSync(file, reportHtml(report));
  url = pathToFileURL(file).href;
  browser = await openChromium();
});
afterAll(async () => {
  await browser.close();
  logs.remove();
  await graph.close();
});

interface Opened {
  readonly page: Page;
  readonly requests: readonly string[];
  readonly complaints: readonly string[];
}

async function opened(width: number): Promise<Opened> {
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  return { page, requests, complaints };
}

test.each([390, 820, 1280])(
  'at a width of %d the report fits, asks for nothing else, and runs nothing',
  async (width) => {
    const { page, requests, complaints } = await opened(width);
    expect(requests).toEqual([url]);
    expect(complaints).toEqual([]);
    expect(await page.title()).toMatch(/^Custody report, \d{4}-/);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    expect(await page.locator('#findings').innerText()).toContain(HOSTILE);
    await page.close();
  },
);

test('axe finds nothing to complain about', async () => {
  // The report’s own policy lets no script in; the test’s is not the report’s.
  const context = await browser.newContext({ bypassCSP: true });
  const loose = await context.newPage();
  await loose.goto(url);
  await loose.evaluate(source);
  const { violations } = (await loose.evaluate('axe.run()')) as AxeResults;
  expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
  await context.close();
});

test('printed, no table is cut off at the side', async () => {
  const { page } = await opened(794);
  await page.emulateMedia({ media: 'print' });
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(794);
  const cut = await page.evaluate(
    `[...document.querySelectorAll('.wide')].filter((of) => of.scrollWidth > of.clientWidth).length`,
  );
  expect(cut).toBe(0);
  expect((await page.pdf({ format: 'A4' })).subarray(0, 5).toString()).toBe('%PDF-');
  await page.close();
});
