import { inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { LAST_TEXT } from '../../lib/graph/place.ts';
import { readCursorKey } from '../../lib/graph/schema.ts';
import { keepFindings } from '../../lib/graph/write/rule-pass.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import { cursorsFor } from '../../lib/http/cursor.ts';
import type { RouteContext } from '../../lib/http/route.ts';
import { ROUTES } from '../../lib/http/routes.ts';
import { NO_TLOG } from '../../lib/tlog/store.ts';
import type { LineageRecord } from '../../lib/trust/lineage-record.ts';
import { Api, type Query, type Told } from '../support/api.ts';
import { someOf } from '../support/depth.ts';
import { graphWith } from '../support/graph-with.ts';
import { neo4jLogin, PATIENT } from '../support/neo4j-login.ts';
import {
  bringRecords,
  datasetRecord,
  inferenceRecord,
  KID,
  modelRecord,
} from '../support/records.ts';
import { wipe } from '../support/snapshot.ts';
import { forgetStatistics, learnStatistics } from '../support/statistics.ts';

let graph: Graph;
let writer: GraphWriter;
let api: Api;
beforeAll(() => {
  graph = openGraph(neo4jLogin, PATIENT);
  writer = new GraphWriter(graph);
});
beforeEach(async () => {
  await wipe(graph);
  api = new Api(graph);
});
afterAll(() => graph.close());

// Code point order and UTF-16 order disagree on the two in the middle.
const LETTERS = ['a', '\uFFFD', '\u{1F600}', 'z'];
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const letter = (index: number): string => LETTERS[index % LETTERS.length] ?? '';

const hashOf = (index: number): string => `${letter(index)}${Math.floor(index / 4)}`;
const HASHES = numbers(28).map(hashOf);
const VERSIONS = numbers(24).map((index) => ({
  name: `${letter(index)}-model`,
  commit: `${letter(index >> 2)}${index}`,
  seconds: 1_000 + (index % 3),
  datasets: [hashOf(index), hashOf((index * 5) % 20)],
}));
const INFERENCES = numbers(240).map((index) => {
  const { name, commit } = VERSIONS[(index * 7) % VERSIONS.length] ?? never();
  return { id: `${letter(index)}-${index}`, name, commit, seconds: 2_000 + (index % 4) };
});

function never(): never {
  throw new Error('the lists are not empty');
}

/** Answers the URIs of the objects that it was brought in. */
async function bringWorld(): Promise<string[]> {
  const uris = [
    await bringRecords(
      writer,
      ['hub', ...HASHES].map((hash, index) => datasetRecord(hash, 500 + (index % 3))),
    ),
    await bringRecords(
      writer,
      VERSIONS.map(({ name, commit, seconds, datasets }) =>
        modelRecord(name, commit, seconds, ['hub', ...datasets]),
      ),
    ),
  ];
  for (let at = 0; at < INFERENCES.length; at += 20)
    uris.push(
      await bringRecords(
        writer,
        INFERENCES.slice(at, at + 20).map(({ id, name, commit, seconds }) =>
          inferenceRecord(id, name, commit, seconds),
        ),
      ),
    );
  return uris;
}

/**
 * How often others bring more while one list is paged: who writes faster than one reads in pages of
 * three would keep its end away.
 */
const ROUNDS = 12;

/** What others bring meanwhile: the same again with newer times, and new ones before, among and behind. */
async function bringMore(round: number): Promise<void> {
  const version = VERSIONS[round % VERSIONS.length] ?? never();
  const other = VERSIONS[(round * 5) % VERSIONS.length] ?? never();
  await bringRecords(writer, [
    datasetRecord(hashOf(round % 28), 5_000 + round, `path ${round}`),
    datasetRecord('hub', 6_000 + round, `path ${round}`),
    ...[400, 501, 5_000].map((seconds) =>
      datasetRecord(`${letter(round)}new-${round}-${seconds}`, seconds),
    ),
    // Until now no version has used it.
    modelRecord(`${letter(round)}-user`, 'x', 9_000 + round, [hashOf(20 + (round % 8))]),
  ]);
  await bringRecords(writer, [
    modelRecord(
      version.name,
      version.commit,
      7_000 + round,
      ['hub', ...version.datasets],
      `${round}`,
    ),
    ...[900, 1_001, 8_000].map((seconds) =>
      modelRecord(`${letter(round)}-new`, `${round}-${seconds}`, seconds, ['hub']),
    ),
  ]);
  await bringRecords(
    writer,
    [1_900, 2_001, 9_000].map((seconds) =>
      inferenceRecord(`new-${round}-${seconds}`, other.name, other.commit, seconds),
    ),
  );
}

const nameOf = ({ name, commit }: Record<string, unknown>): string =>
  JSON.stringify([name, commit]);
const idsOf = ({ items }: Told): string[] => items.map(({ id }) => String(id));
/** A recall of a key tells the datasets and models, too, that it signed for. */
const inferencesOf = ({ items }: Told): string[] =>
  items.filter(({ kind }) => kind === 'inference').map(({ id }) => String(id));
const ALL_IDS = INFERENCES.map(({ id }) => id);
const ALL_VERSIONS = VERSIONS.map(nameOf);
const modelKeys = VERSIONS.map((of) => `model:${nameOf(of)}`);
const datasetKeys = ['hub', ...HASHES].map((hash) => `dataset:${hash}`);
const first = VERSIONS[3] ?? never();
const keysOf = ({ nodes }: Told): string[] => nodes.map(({ key }) => key);
const edgesOf = ({ edges }: Told): string[] => edges.map(({ from, to }) => `${from} → ${to}`);
const USES = VERSIONS.flatMap((of) =>
  [...new Set(['hub', ...of.datasets])].map((hash) => `dataset:${hash} → model:${nameOf(of)}`),
);

/** A question, what it has to tell, and what of each page to compare with that. */
const LISTS: readonly (readonly [
  string,
  Query,
  (uris: readonly string[]) => readonly string[],
  (page: Told) => readonly string[],
])[] = [
  [
    '/v1/datasets',
    {},
    () => ['hub', ...HASHES],
    ({ items }) => items.map(({ hash }) => String(hash)),
  ],
  ['/v1/models', {}, () => ALL_VERSIONS, ({ items }) => items.map(nameOf)],
  ['/v1/inferences', {}, () => ALL_IDS, idsOf],
  [
    '/v1/inferences',
    { model: first.name, commit: first.commit },
    () => INFERENCES.filter(({ commit }) => commit === first.commit).map(({ id }) => id),
    idsOf,
  ],
  ['/v1/inferences', { dataset: 'hub' }, () => ALL_IDS, idsOf],
  ['/v1/objects', {}, (uris) => uris, ({ items }) => items.map(({ object }) => String(object))],
  ['/v1/impact', { dataset: 'hub' }, () => ALL_IDS, idsOf],
  ['/v1/impact', { kid: KID }, () => ALL_IDS, inferencesOf],
  [
    '/v1/lineage',
    { dataset: 'hub' },
    () => ['dataset:hub', ...modelKeys, ...ALL_IDS.map((id) => `inference:${id}`)],
    keysOf,
  ],
  [
    '/v1/lineage',
    { model: first.name, commit: first.commit },
    () => [
      `model:${nameOf(first)}`,
      ...[...new Set(['hub', ...first.datasets])].map((hash) => `dataset:${hash}`),
      ...INFERENCES.filter(({ commit }) => commit === first.commit).map(
        ({ id }) => `inference:${id}`,
      ),
    ],
    keysOf,
  ],
  // A dataset stands beside each of its versions.
  ['/v1/graph', {}, () => modelKeys, (page) => keysOf(page).filter((key) => key.startsWith('m'))],
  ['/v1/graph', {}, () => USES, edgesOf],
];

test.each(LISTS)(
  '%s %o: what was there at the start comes once, while others write',
  async (path, query, wanted, seen) => {
    const uris = await bringWorld();
    let round = 0;
    for (const limit of someOf([3, 8])) {
      let isOver = false;
      const last = round + ROUNDS;
      const writing = (async () => {
        while (!isOver && round < last) await bringMore((round += 1));
      })();
      try {
        const pages = await api.pages(path, { ...query, limit });
        const found = pages.flatMap(seen);
        const start = new Set(wanted(uris));
        expect(found.filter((of) => start.has(of)).sort()).toEqual([...start].sort());
        expect(new Set(found).size).toBe(found.length);
        expect(round).toBeGreaterThan(0);
      } finally {
        isOver = true;
        await writing;
      }
    }
    expect(api.failures).toEqual([]);
  },
);

test('a dataset that gets its first version while the graph is paged is not missed', async () => {
  await bringWorld();
  let round = 0;
  const pages = await api.pages('/v1/graph', { limit: 5 }, async () => bringMore((round += 1)));
  const found = new Set(pages.flatMap(keysOf));
  expect(datasetKeys.filter((key) => !found.has(key))).toEqual([]);
});

test('what is signed again while a list is paged moves in it: a dataset or a model comes again, an inference is at the top', async () => {
  await bringWorld();
  const again = async (path: string, ...records: LineageRecord[]): Promise<string[]> => {
    const { items, next } = await api.get(path, { limit: 1 });
    await bringRecords(writer, records);
    const rest = await api.pages(path, { limit: 50, cursor: next ?? '' });
    return [...items, ...rest.flatMap((page) => page.items)].map(({ hash, commit, id }) =>
      String(hash ?? commit ?? id),
    );
  };
  const [newest = never()] = (await api.get('/v1/datasets', { limit: 1 })).items;
  const hash = String(newest['hash']);
  const datasets = await again('/v1/datasets', datasetRecord(hash, 400));
  expect(datasets.filter((of) => of === hash)).toHaveLength(2);
  expect(new Set(datasets)).toEqual(new Set(['hub', ...HASHES]));
  const [version = never()] = (await api.get('/v1/models', { limit: 1 })).items;
  const [name, commit] = [String(version['name']), String(version['commit'])];
  const models = await again('/v1/models', modelRecord(name, commit, 900));
  expect(models.filter((of) => of === commit)).toHaveLength(2);
  expect(new Set(models)).toEqual(new Set(VERSIONS.map((of) => of.commit)));
  const last = INFERENCES.find(({ seconds }) => seconds === 2_000) ?? never();
  const signed = inferenceRecord(last.id, last.name, last.commit, 9_000);
  const inferences = await again('/v1/inferences', signed);
  expect(new Set(inferences)).toEqual(new Set(ALL_IDS.filter((id) => id !== last.id)));
  expect(idsOf(await api.get('/v1/inferences', { limit: 1 }))).toEqual([last.id]);
});

/** A check's findings about every version. */
async function bringFindings(): Promise<void> {
  const rule = {
    id: 'model-without-dataset',
    severity: 'high',
    examined: 'RETURN size($names) AS examined',
    findings: [
      `
UNWIND $names AS name
RETURN [name, '', ''] AS place, [{counts: 1, entity: {kind: 'model', name: name}}] AS found
`,
    ],
  };
  const asked = { id: 'check', startedAt: '2026-01-01T00:00:00Z' };
  await keepFindings(graph, rule, asked, { names: ALL_VERSIONS });
}

const bytes = (a: unknown, b: unknown): number =>
  Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));

test.each(['of a new database', 'of which the planner has statistics'])(
  'items of equal times and names of all kinds are in one order, however many a page, in a graph %s',
  async (state) => {
    const isNew = state === 'of a new database';
    if (isNew) await forgetStatistics(graph);
    await bringWorld();
    await bringFindings();
    if (!isNew) await learnStatistics(graph);
    for (const limit of [1, 2, 3, 5, 50]) {
      const listed = async (path: string): Promise<readonly Record<string, unknown>[]> =>
        (await api.pages(path, { limit })).flatMap(({ items }) => items);
      const datasets = await listed('/v1/datasets');
      expect(datasets).toEqual(
        datasets.toSorted((a, b) => bytes(b['since'], a['since']) || bytes(b['hash'], a['hash'])),
      );
      const models = await listed('/v1/models');
      expect(models).toEqual(
        models.toSorted(
          (a, b) =>
            bytes(b['since'], a['since']) ||
            bytes(b['name'], a['name']) ||
            bytes(b['commit'], a['commit']),
        ),
      );
      const findings = await listed('/v1/findings');
      expect(findings).toEqual(findings.toSorted((a, b) => bytes(a['key'], b['key'])));
      const drawn = (await api.pages('/v1/graph', { limit })).flatMap(({ edges }) => edges);
      const counts = [datasets.length, models.length, findings.length, drawn.length];
      expect([limit, ...counts]).toEqual([limit, 29, 24, 24, USES.length]);
    }
  },
);

test('the last of all names is listed, when its very time is asked for', async () => {
  const last = '\u{10FFFF}'.repeat(512);
  await bringRecords(writer, [datasetRecord(last, 60), modelRecord(last, last, 60, [last])]);
  const until = '1970-01-01T00:01:00Z';
  expect((await api.get('/v1/datasets', { until })).items).toHaveLength(1);
  expect((await api.get('/v1/models', { until })).items).toHaveLength(1);
  expect(Buffer.byteLength(LAST_TEXT)).toBeGreaterThan(2_048);
});

test('names of 2,048 bytes of any kind make cursors that are taken back', async () => {
  // All control characters in an order that repeats nothing: JSON writes each of them in six.
  const controls = Array.from({ length: 2_040 }, (_, index) => ((index * index) % 977) % 31);
  for (const long of [
    'x'.repeat(2_040),
    '\u{10FFFF}'.repeat(510),
    '"'.repeat(2_040),
    String.fromCharCode(...controls.map((code) => code + 1)),
  ]) {
    await wipe(graph);
    const records = numbers(3).flatMap((index) => [
      datasetRecord(`${long}${index}`, 1),
      modelRecord(long, `${long}${index}`, 1, [`${long}0`]),
      inferenceRecord(`${long}${index}`, long, `${long}${index}`, 2),
    ]);
    await bringRecords(writer, records);
    const query = { limit: 1 };
    expect(await api.pages('/v1/datasets', query)).toHaveLength(3);
    expect(await api.pages('/v1/models', query)).toHaveLength(3);
    const down = { dataset: `${long}0`, limit: 1 };
    const nodes = (await api.pages('/v1/lineage', down)).flatMap(keysOf);
    expect(nodes).toHaveLength(7);
    expect((await api.pages('/v1/impact', down)).flatMap(idsOf)).toHaveLength(3);
  }
});

test('a cursor is taken back by the question that gave it, and by no other', async () => {
  await bringWorld();
  const asked: readonly (readonly [string, Query])[] = [
    ['/v1/datasets', {}],
    ['/v1/models', {}],
    ['/v1/inferences', {}],
    ['/v1/objects', {}],
    ['/v1/graph', {}],
    ['/v1/lineage', { dataset: 'hub' }],
    ['/v1/impact', { dataset: 'hub' }],
  ];
  const cursors = await Promise.all(
    asked.map(async ([path, query]) => (await api.get(path, { ...query, limit: 1 })).next ?? ''),
  );
  const refused = async (path: string, query: Query, cursor: string): Promise<void> => {
    const [status, code] = await api.refusal(path, { ...query, cursor });
    expect([path, status, ['CURSOR_INVALID', 'PARAMETER_INVALID'].includes(code)]).toEqual([
      path,
      400,
      true,
    ]);
  };
  const stranger = new Api(
    graphWith(graph, {
      ask: async (statement, parameters) =>
        (await graph[database].ask(statement, parameters)).map((row) =>
          'cursorKey' in row ? { cursorKey: 'of another database' } : row,
        ),
    }),
  );
  for (const [index, [path, query]] of asked.entries()) {
    const cursor = cursors[index] ?? '';
    expect(cursor).not.toBe('');
    for (const limit of [1, 200])
      expect((await api.ask(path, { ...query, limit, cursor })).status).toBe(200);
    // Every single bit of its bytes, and every shorter text.
    const bytes = Buffer.from(cursor, 'base64url');
    for (const bit of someOf(numbers(bytes.length * 8))) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await refused(path, query, flipped.toString('base64url'));
    }
    for (const length of someOf(numbers(cursor.length)))
      await refused(path, query, cursor.slice(0, length));
    for (const text of [
      ` ${cursor}`,
      `${cursor}=`,
      `${cursor}A`,
      'A'.repeat(8_192),
      'A'.repeat(9_000),
    ])
      await refused(path, query, text);
    for (const [other, given] of cursors.entries())
      if (other !== index) await refused(path, query, given);
    expect(await stranger.refusal(path, { ...query, cursor })).toEqual([400, 'CURSOR_INVALID']);
  }
  const [datasets = '', models = '', inferences = '', , , lineage = '', impact = ''] = cursors;
  for (const [path, query, cursor] of [
    ['/v1/datasets', { since: '2020-01-01T00:00:00Z' }, datasets],
    ['/v1/datasets', { asOf: '2020-01-01T00:00:00Z' }, datasets],
    ['/v1/models', { orphan: 'true' }, models],
    ['/v1/models', { minDatasets: 1 }, models],
    ['/v1/inferences', { include: 'payload' }, inferences],
    ['/v1/inferences', { dataset: 'hub' }, inferences],
    ['/v1/lineage', { dataset: 'a0' }, lineage],
    ['/v1/lineage', { dataset: 'hub', depth: 1 }, lineage],
    ['/v1/lineage', { dataset: 'hub', direction: 'down' }, lineage],
    ['/v1/impact', { dataset: 'a0' }, impact],
    ['/v1/impact', { kid: KID }, impact],
  ] as const)
    expect(await api.refusal(path, { ...query, cursor })).toEqual([400, 'CURSOR_INVALID']);
});

test.each([
  ['/v1/datasets', {}],
  ['/v1/models', {}],
  ['/v1/inferences', {}],
  ['/v1/objects', {}],
  ['/v1/findings', {}],
  ['/v1/graph', {}],
  ['/v1/lineage', { dataset: 'hub' }],
  ['/v1/impact', { dataset: 'hub' }],
])('%s refuses a cursor that another release sealed for it', async (path, query) => {
  await bringRecords(writer, [datasetRecord('hub', 500)]);
  const { parameters } = ROUTES.find((of) => of.path === path) ?? never();
  const { cursor: _, limit: __, ...filters } = parameters.parse(query);
  const cursors = cursorsFor(await readCursorKey(graph), JSON.stringify([path, filters]));
  for (const place of [{ of: 'another release' }, { since: 1, phase: '0' }, null, 7, [], ['x']])
    expect([
      place,
      ...(await api.refusal(path, { ...query, cursor: cursors.seal(place) })),
    ]).toEqual([place, 400, 'CURSOR_INVALID']);
  expect(api.failures).toEqual([]);
});

const MAX_BYTES = 6_000_000;
const large = (index: number): string => `${index}:${'x'.repeat(900_000)}`;

/** Every page, none of them too large for API Gateway, and all but those that are cut complete. */
async function pagesWithin(path: string, query: Query): Promise<Told[]> {
  const pages = await api.pages(path, query);
  for (const page of pages) {
    expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(MAX_BYTES);
    const reasons = (page.incomplete ?? []).map(({ reason }) => reason);
    expect([page.complete, reasons]).toEqual(
      page.next === null ? [true, []] : [false, ['SIZE_BUDGET']],
    );
  }
  expect(pages.length).toBeGreaterThan(2);
  return pages;
}

test('a recall whose versions have the longest names is cut, says so and goes on without loss', async () => {
  // JSON writes each of these in six bytes.
  const names = numbers(200).map((index) => `${index}:${'\u0001'.repeat(2_000)}`);
  await bringRecords(writer, [
    datasetRecord('hub', 1),
    ...names.map((name) => modelRecord(name, name, 2, ['hub'])),
  ]);
  await bringRecords(
    writer,
    names.map((name) => inferenceRecord(name, name, name, 3)),
  );
  const pages = await pagesWithin('/v1/impact', { dataset: 'hub', limit: 200 });
  expect(pages.flatMap(idsOf).sort()).toEqual(names.toSorted());
});

test('a list of models that does not fit is cut, says so and goes on without loss', async () => {
  for (const index of numbers(12))
    await bringRecords(writer, [
      modelRecord('m', `c${index}`, 1, [], JSON.stringify(large(index))),
    ]);
  const found = (await pagesWithin('/v1/models', {})).flatMap(({ items }) => items);
  expect(found.map(({ commit }) => commit)).toEqual(
    numbers(12)
      .map((index) => `c${index}`)
      .sort()
      .toReversed(),
  );
});

test('lists, lineage and graph of datasets that do not fit are cut and go on without loss', async () => {
  const hashes = numbers(12).map((index) => `d${String(index).padStart(2, '0')}`);
  for (const [index, hash] of hashes.entries())
    await bringRecords(writer, [datasetRecord(hash, 1, large(index))]);
  await bringRecords(writer, [
    modelRecord('m', 'a', 2, hashes),
    modelRecord('m', 'b', 3, hashes),
    inferenceRecord('i', 'm', 'a', 3),
  ]);
  const keys = hashes.map((hash) => `dataset:${hash}`);
  const listed = (await pagesWithin('/v1/datasets', {})).flatMap(({ items }) => items);
  expect(listed.map(({ hash }) => hash)).toEqual(hashes.toReversed());
  const up = (await pagesWithin('/v1/lineage', { inference: 'i' })).flatMap(keysOf);
  expect(up).toEqual(['inference:i', 'model:["m","a"]', ...keys]);
  const drawn = new Set(
    (await api.pages('/v1/graph', {})).flatMap((page) => {
      expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(MAX_BYTES);
      return keysOf(page);
    }),
  );
  expect([...drawn].sort()).toEqual([...keys, 'model:["m","a"]', 'model:["m","b"]']);
  // One item alone: it names as many of its datasets as fit, and how many there are.
  for (const [path, query] of [
    ['/v1/models', {}],
    ['/v1/model', { name: 'm', commit: 'a' }],
    ['/v1/inference', { id: 'i' }],
  ] as const) {
    const { body } = await api.ask(path, query);
    expect(Buffer.byteLength(body)).toBeLessThan(MAX_BYTES);
    expect(body).toContain('"datasetCount":12');
  }
});

/** Asks past the server, with a clock of the test's own. */
async function timed(
  path: string,
  query: Record<string, string>,
  isTimeUp: () => boolean,
): Promise<Told[]> {
  const route = ROUTES.find((of) => of.path === path) ?? never();
  const pages: Told[] = [];
  let cursor: string | undefined;
  do {
    const context: RouteContext = {
      graph,
      cursors: cursorsFor('key', path),
      may: () => true,
      isTimeUp,
      proofs: null,
      readEnvelope: () => Promise.reject(new Error('not asked for')),
      tlog: NO_TLOG,
      ring: () => Promise.resolve([]),
    };
    const parameters = route.parameters.parse({ ...query, cursor });
    const page = (await route.handle(context, parameters)) as Told;
    pages.push(page);
    cursor = page.next ?? undefined;
    if (pages.length > 5_000) throw new Error(`${path} does not get on`);
  } while (cursor !== undefined);
  return pages;
}

test.each([
  ['/v1/inferences', { model: 'm', commit: 'rare' }, idsOf],
  ['/v1/inferences', { dataset: 'd' }, idsOf],
  ['/v1/lineage', { dataset: 'd', limit: '200' }, keysOf],
  ['/v1/lineage', { model: 'm', commit: 'rare' }, keysOf],
  ['/v1/lineage', { inference: 'i0000' }, keysOf],
  ['/v1/impact', { dataset: 'd' }, idsOf],
  ['/v1/impact', { model: 'm', commit: 'rare' }, idsOf],
  ['/v1/impact', { kid: KID }, inferencesOf],
] as const)('%s %o: an answer whose time is up says so and goes on', async (path, query, seen) => {
  await bringRecords(writer, [
    datasetRecord('d', 1),
    modelRecord('m', 'often', 1),
    modelRecord('m', 'rare', 1, ['d']),
    // A version behind which there is nothing.
    ...numbers(5).map((index) => modelRecord('none', `c${index}`, 1, ['d'])),
  ]);
  await bringRecords(
    writer,
    numbers(2_600).map((index) =>
      inferenceRecord(
        `i${String(index).padStart(4, '0')}`,
        'm',
        index % 900 === 0 ? 'rare' : 'often',
        100 + index,
      ),
    ),
  );
  const whole = (await timed(path, query, () => false)).flatMap(seen);
  const counted = (every: number) => {
    let asked = 0;
    return (): boolean => (asked += 1) % every === 0;
  };
  for (const every of someOf([1, 2, 3])) {
    const pages = await timed(path, query, counted(every));
    expect(pages.flatMap(seen)).toEqual(whole);
    const limit = Number('limit' in query ? query.limit : 50);
    for (const page of pages) {
      const steps = path === '/v1/lineage' ? page.edges.length : page.items.length;
      const isCut = page.next !== null && steps < limit;
      const reasons = (page.incomplete ?? []).map(({ reason }) => reason);
      expect([page.complete, reasons]).toEqual(isCut ? [false, ['TIME_BUDGET']] : [true, []]);
    }
  }
});

test('a recall ends its answer in time even where no version has an inference', async () => {
  await bringRecords(writer, [
    datasetRecord('d', 1),
    ...numbers(300).map((index) => modelRecord('none', `c${index}`, 1, ['d'])),
  ]);
  const pages = await timed('/v1/impact', { dataset: 'd' }, () => true);
  expect(pages.length).toBeGreaterThan(100);
  expect(pages.flatMap(idsOf)).toEqual([]);
});

interface Csv {
  readonly rows: readonly (readonly string[])[];
  /** Of the last row, which is empty but for that. */
  readonly end: string;
}

/** RFC 4180. */
function parsedCsv(text: string): Csv {
  const rows: string[][] = [[]];
  const cells = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  for (const [, quoted, plain, end] of text.matchAll(cells)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (end === '\r\n') rows.push([]);
  }
  const last = rows.at(-2) ?? [];
  const told = rows.slice(1, -2);
  expect(last.slice(0, -1).join('')).toBe('');
  expect(told.map((row) => row.at(-1)).join('')).toBe('');
  return { rows: told.map((row) => row.slice(0, -1)), end: last.at(-1) ?? '' };
}

test('impact as CSV has the rows of its JSON pages, in their order, and tells that it is complete', async () => {
  await bringWorld();
  for (const query of [{ dataset: 'hub' }, { kid: KID }, { dataset: hashOf(1) }]) {
    const items = (await api.pages('/v1/impact', { ...query, limit: 7 })).flatMap(
      (page) => page.items,
    );
    const { body, headers } = await api.ask('/v1/impact', query, { accepts: 'text/csv' });
    expect(headers['content-type']).toContain('text/csv');
    const { rows, end } = parsedCsv(body);
    expect(end).toBe('complete');
    expect(rows).toEqual(
      items.map((item) => {
        const { kind, id, hash, model, name, commit, resolution, recordedAt, evidence } = item;
        const version = (model ?? { name, commit }) as { name?: string; commit?: string };
        const { digest, kid, log, line, offset, length } = evidence;
        const said = [id ?? hash, version.name, version.commit, resolution, recordedAt];
        return [...said, digest, kid, log, line, offset, length, kid, kind, null]
          .map((cell) => (cell ?? '') as string | number)
          .map(String);
      }),
    );
    expect(rows.length).toBeGreaterThan(0);
  }
});

test(
  'a CSV that does not hold all ends with the cursor that goes on',
  { timeout: 360_000 },
  async () => {
    await bringRecords(writer, [datasetRecord('d', 1), modelRecord('m', 'c', 1, ['d'])]);
    const ids = numbers(10_500).map((index) => `i${String(index).padStart(5, '0')}`);
    await bringRecords(
      writer,
      ids.map((id, index) => inferenceRecord(id, 'm', 'c', 100 + index)),
    );
    const seen: string[] = [];
    let cursor: string | undefined;
    let answers = 0;
    do {
      const asked = await api.ask('/v1/impact', { dataset: 'd', cursor }, { accepts: 'text/csv' });
      expect(Buffer.byteLength(asked.body)).toBeLessThan(MAX_BYTES);
      const { rows, end } = parsedCsv(asked.body);
      seen.push(...rows.map(([id = '']) => id));
      cursor = /^incomplete: next=(.+)$/.exec(end)?.[1];
      if (cursor === undefined) expect(end).toBe('complete');
      answers += 1;
    } while (cursor !== undefined);
    expect(seen).toEqual(ids);
    expect(answers).toBe(2);
  },
);

test('no cell of a CSV begins as a formula does, and none breaks out of its cell', async () => {
  const starts = [
    '=',
    '+',
    '-',
    '@',
    '\t',
    '\r',
    '\n',
    '＝',
    '＋',
    '－',
    '＠',
    '"',
    ',',
    '"=',
    ' =',
  ];
  const texts = starts.map((start) => `${start}1+1,"x"\r\n=2`);
  await bringRecords(writer, [
    datasetRecord('d', 1),
    ...texts.map((text) => modelRecord(text, text, 1, ['d'])),
    ...texts.map((text, index) => inferenceRecord(text, text, text, 100 + index)),
  ]);
  const { body } = await api.ask('/v1/impact', { dataset: 'd' }, { accepts: 'text/csv' });
  const { rows } = parsedCsv(body);
  expect(rows).toHaveLength(texts.length);
  for (const row of rows) {
    expect(row).toHaveLength(14);
    for (const cell of row)
      expect(cell).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]|[;\t\r\n][=+\-@＝＋－＠]/);
  }
  const unguarded = /(^|[;\t\r\n])'(?=["'\s]*[=+\-@\t\r\n＝＋－＠])/g;
  expect(rows.map(([id = '']) => id.replace(unguarded, '$1')).sort()).toEqual(texts.sort());
});

test('a cursor shows nothing of the place that it seals', async () => {
  await bringRecords(writer, [
    modelRecord('m', 'c', 1),
    inferenceRecord('i', 'm', 'c', 100),
    inferenceRecord('j', 'm', 'c', 200),
  ]);
  const first = await api.get('/v1/inferences', { limit: 1 });
  const digest = first.items[0]?.evidence.digest ?? '';
  const again = await api.get('/v1/inferences', { limit: 1 });
  // Sealed anew each time: nobody can tell two cursors of one place from those of two.
  expect(again.next).not.toBe(first.next);
  const bytes = Buffer.from(first.next ?? '', 'base64url');
  for (let at = 0; at < bytes.length; at += 1) {
    try {
      expect(inflateRawSync(bytes.subarray(at)).toString('latin1')).not.toContain(digest);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }
  expect(bytes.toString('latin1')).not.toContain(digest);
});
