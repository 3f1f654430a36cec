import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GraphAnswer } from '../../lib/http/answers/lineage.ts';
import type { ObjectAnswer } from '../../lib/http/answers/object.ts';
import { problem } from '../../lib/http/problem.ts';
import { LINK_WORDS, LINKS, linkText } from '../../lib/links.ts';
import { buildPage } from '../../lib/page/build.ts';
import { pageFiles } from '../../lib/page/files.ts';
import { formatAddress, parseAddress, type Address } from '../../web/address.ts';
import { arrivals } from '../../web/arrivals.ts';
import { problemOf } from '../../web/ask.ts';
import { Chain } from '../../web/chain.ts';
import { keyOf, namedBy } from '../../web/keys.ts';
import { DASHES, linkStrokes, type Palette } from '../../web/look.ts';
import { visible } from '../../web/text.ts';

const folder = mkdtempSync(join(tmpdir(), 'custody-page-'));
beforeAll(() => buildPage(folder));
afterAll(() => rmSync(folder, { recursive: true }));

test('the page is served under a policy that lets nothing but its own files run or be asked', async () => {
  const file = await pageFiles(folder);
  const types = ['/', '/app.js', '/app.css', '/openapi.json'].map((path) => {
    const { status, headers } = file(path) ?? problem(new Error('no such file'), '');
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
        "img-src 'self' data: blob:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
    );
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    return headers['content-type'];
  });
  expect(types).toEqual([
    'text/html; charset=utf-8',
    'text/javascript; charset=utf-8',
    'text/css; charset=utf-8',
    'application/json',
  ]);
  for (const path of ['/app.ts', '/../package.json', '/index.html', '/__proto__', ''])
    expect(file(path)).toBeNull();
});

test('a file of the page that is missing is found out at the start', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'custody-page-'));
  writeFileSync(join(empty, 'index.html'), '');
  await expect(pageFiles(empty)).rejects.toThrow('app.js');
  rmSync(empty, { recursive: true });
});

test('the page names no other host, and nothing in it stands inline', async () => {
  const file = await pageFiles(folder);
  const texts = ['/', '/app.js', '/app.css'].map((path) => file(path)?.body ?? '');
  // The namespace of SVG is a name, not an address.
  const hosts = texts.join('').match(/https?:\/\/(?!www\.w3\.org\/2000\/svg)[^'"`\s)]+/g);
  expect(hosts).toBeNull();
  expect(texts[0]).not.toMatch(/<style|style=|<script(?! src="\/app\.js")|\son\w+=/);
  expect(texts[1]).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/);
});

const text = fc.string({ unit: 'binary', minLength: 1 }).filter((of) => of.isWellFormed());
const subject = fc.oneof(
  text.map((hash) => ({ kind: 'dataset', hash }) as const),
  fc.tuple(text, text).map(([name, commit]) => ({ kind: 'model', name, commit }) as const),
  text.map((id) => ({ kind: 'inference', id }) as const),
  text.map((kid) => ({ kind: 'key', kid }) as const),
);
const address: fc.Arbitrary<Address> = fc.record({
  view: fc.constantFrom('graph', 'lineage', 'impact', 'files', 'compliance', 'search'),
  subject,
  direction: fc.constantFrom('up', 'down', 'both'),
  depth: fc.constantFrom(1, 2),
  asOf: fc.oneof(fc.constant(''), text),
  open: fc.array(text),
  select: fc.oneof(fc.constant(''), text),
  query: fc.oneof(fc.constant(''), text),
});

test('a link reproduces the view that it was made from, whatever the names in it', () => {
  fc.assert(
    fc.property(address, (of) => {
      expect(parseAddress(formatAddress(of))).toEqual(of);
    }),
  );
});

test('a key names what it was made of, and a cut one names nothing', () => {
  fc.assert(
    fc.property(subject, (of) => {
      if (of.kind !== 'key') expect(namedBy(keyOf(of))).toEqual(of);
    }),
  );
  for (const cut of ['', 'model:', 'model:["a"', 'model:[1,2]', 'model:["a",1]', 'other:x', 'x'])
    expect(namedBy(cut), cut).toBeNull();
});

test('what would turn the reading direction or steer a terminal is spelled out', () => {
  expect(visible('a\u202Eb\u0000c\u001Bd')).toBe('a⟨U+202E⟩b⟨U+0000⟩c⟨U+001B⟩d');
  expect(visible('שלום 👩‍💻 é')).toBe('שלום 👩‍💻 é');
});

const asOf = '2026-01-01T00:00:00Z';
const signed = { digest: 'd', kid: 'k', log: 's', line: 1, offset: 0, length: 1 };
const pageOfGraph = (
  name: string,
  next: string | null,
  reason?: 'TIME_BUDGET' | 'PENDING_LINKS',
): GraphAnswer => ({
  nodes: [
    {
      kind: 'model',
      key: `model:["${name}","c"]`,
      name,
      commit: 'c',
      datasetCount: 0,
      pendingCount: 0,
      inferenceCount: 3,
      evidence: signed,
    },
  ],
  edges: [],
  next,
  complete: reason === undefined,
  ...(reason === undefined ? {} : { incomplete: [{ reason, detail: reason }] }),
  asOf,
});

test('a budget that was up is made good by the page behind it; what is pending stays missing', () => {
  const chain = new Chain();
  chain.addGraph(pageOfGraph('a', 'more', 'TIME_BUDGET'));
  expect(chain.told().map(({ complete }) => complete)).toEqual([false]);
  chain.addGraph(pageOfGraph('b', 'more', 'PENDING_LINKS'));
  chain.addGraph(pageOfGraph('c', null));
  expect(chain.told().map(({ complete }) => complete)).toEqual([true, false, true]);
});

test('inferences that are not opened stand in the drawing as their count', () => {
  const chain = new Chain();
  chain.addGraph(pageOfGraph('a', null));
  const labels = (isPast: boolean): string[] =>
    chain.picture({ withGroups: true, isPast, isAll: true }).nodes.map(({ label }) => label);
  expect(labels(false)).toEqual(['a', '3 inferences']);
  expect(labels(true)).toEqual(['a', 'at most 3 inferences']);
});

test('a model that nobody recorded stands hollow in the drawing, with the number of its inferences', () => {
  const chain = new Chain();
  const of = { kind: 'claimed', inferenceCount: 100, isCut: false } as const;
  chain.addGraph({
    ...pageOfGraph('a', null),
    nodes: [
      { ...of, key: 'claimed:["nobody",null]', name: 'nobody' },
      { ...of, key: 'claimed:["many",null]', name: 'many', inferenceCount: 10_000, isCut: true },
    ],
  });
  const { nodes } = chain.picture({ withGroups: true, isPast: false, isAll: true });
  expect(nodes.map(({ look, column, label, detail }) => [look, column, label, detail])).toEqual([
    ['hollow', 1, 'nobody', 'not recorded, 100 inferences'],
    ['hollow', 1, 'many', 'not recorded, at least 10,000 inferences'],
  ]);
  for (const { key } of nodes) expect(namedBy(key)?.kind).toBe('claimed');
});

const colours: Palette = {
  paper: 'paper',
  ink: 'ink',
  soft: 'soft',
  line: 'line',
  accent: 'accent',
  dataset: 'dataset',
  model: 'model',
  inference: 'inference',
  byTime: 'by time',
  pending: 'pending',
};

test('a chosen link keeps the colour and the dashes that say what it rests on', () => {
  for (const basis of Object.keys(DASHES) as (keyof typeof DASHES)[]) {
    const [plain] = linkStrokes(basis, false, colours);
    const [halo, over] = linkStrokes(basis, true, colours);
    expect(over).toEqual({ ...plain, width: 2.5 });
    expect([halo?.colour, halo?.dashes]).toEqual([plain?.colour, []]);
    expect(halo?.opacity).toBeLessThan(0.5);
    expect(halo?.width).toBeGreaterThan(5);
  }
});

test('what a link rests on has three words, and links of different words never look alike', () => {
  expect(
    Object.keys(LINKS).map((of) => [of, linkText(of as keyof typeof LINKS).split(':')[0]]),
  ).toEqual([
    ['exact', 'signed'],
    ['only-version', 'only version'],
    ['as-of', 'by time'],
    ['before-model', 'by time'],
    ['pending', 'pending'],
  ]);
  const bases = Object.keys(LINK_WORDS) as (keyof typeof LINK_WORDS)[];
  expect(new Set(bases.map((basis) => DASHES[basis].join())).size).toBe(bases.length);
});

const fileSeen = (
  object: string,
  second: number,
  status: 'writing' | 'accepted',
): ObjectAnswer => ({
  object,
  status,
  lines: 1,
  linesDone: 1,
  accepted: 1,
  duplicate: 0,
  withheld: 0,
  rejected: [],
  rejectedTotal: 0,
  rejectedAtLeast: false,
  bytes: 1,
  sha256: null,
  problem: null,
  problemCode: null,
  complete: true,
  firstSeenAt: new Date(second * 1_000).toISOString(),
  lastSeenAt: new Date(second * 1_000).toISOString(),
});

test('a file is told of when it comes or ends otherwise than it stood, and not because it is listed', () => {
  const [old, begun, done, fresh] = [
    fileSeen('old', 1, 'accepted'),
    fileSeen('begun', 2, 'writing'),
    fileSeen('begun', 2, 'accepted'),
    fileSeen('fresh', 3, 'accepted'),
  ];
  const told = (before: readonly ObjectAnswer[], now: readonly ObjectAnswer[]): string[] =>
    arrivals(before, now).map(({ object }) => object);
  expect(told([], [fresh])).toEqual(['fresh']);
  expect(told([begun], [begun])).toEqual([]);
  expect(told([begun], [fresh, done])).toEqual(['fresh', 'begun']);
  // One more of the list came into sight because another left it.
  expect(told([begun], [begun, old])).toEqual([]);
});

test('each way in which an answer stays away for a while has words of its own', () => {
  const kind = (status: number, code?: string): string =>
    problemOf(status, code === undefined ? '<html>' : JSON.stringify({ code })).kind;
  expect(kind(503, 'DATABASE_UNREACHABLE')).toBe('no-database');
  expect(kind(503, 'TIME_BUDGET')).toBe('too-long');
  expect(kind(504)).toBe('too-long');
  expect(kind(429)).toBe('limited');
  expect(kind(503, 'SCHEMA_MISSING')).toBe('unavailable');
  expect(kind(502)).toBe('unavailable');
});
