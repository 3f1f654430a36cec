import { afterAll, beforeEach, expect, test } from 'vitest';
import { openGraph } from '../../lib/graph/connection.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import { Api, type Item } from '../support/api.ts';
import { neo4jLogin, PATIENT } from '../support/neo4j-login.ts';
import {
  bringRecords,
  datasetRecord,
  inferenceRecord,
  KID,
  modelRecord,
} from '../support/records.ts';
import { wipe } from '../support/snapshot.ts';

const STRANGER = 'cd'.repeat(32);

const graph = openGraph(neo4jLogin, PATIENT);
const writer = new GraphWriter(graph);
const api = new Api(graph);
beforeEach(() => wipe(graph));
afterAll(async () => {
  expect(api.failures).toEqual([]);
  await graph.close();
});

const idsOf = ({ items }: Awaited<ReturnType<Api['get']>>): unknown[] => items.map(({ id }) => id);

test('a stranger’s version that draws inferences away by time makes a recall incomplete; one of the same key is counted beside it', async () => {
  await bringRecords(writer, [
    modelRecord('m', 'own', 1),
    ...[10, 20, 30].map((second) => inferenceRecord(`i${second}`, 'm', null, second)),
  ]);
  const asked = { model: 'm', commit: 'own' };
  expect(await api.get('/v1/impact', asked)).toMatchObject({ complete: true });
  await bringRecords(writer, [modelRecord('m', 'next', 15)]);
  const after = await api.get('/v1/impact', asked);
  expect(after).toMatchObject({ complete: true, summary: { elsewhereByTime: 2 } });
  expect(idsOf(after)).toEqual(['i10']);
  await bringRecords(writer, [modelRecord('m', 'strange', 25)], STRANGER);
  const pages = await api.pages('/v1/impact', { ...asked, limit: 1 });
  expect(pages[0]).toMatchObject({ summary: { elsewhereByTime: 2 } });
  for (const page of pages)
    expect(page.incomplete).toMatchObject([{ reason: 'PLACED_BY_TIME', count: 1 }]);
});

test.each([
  ['signs the asked version, too', [modelRecord('m', 'own', 1), modelRecord('m', 'strange', 15)]],
  ['has the owner’s other version begin earlier', [modelRecord('m', 'next', 15)]],
])('a stranger who %s draws no inference away in silence', async (_, records) => {
  await bringRecords(writer, [
    modelRecord('m', 'own', 1),
    modelRecord('m', 'next', 25),
    ...[10, 20, 30].map((second) => inferenceRecord(`i${second}`, 'm', null, second)),
  ]);
  const asked = { model: 'm', commit: 'own' };
  const before = await api.get('/v1/impact', asked);
  expect(before).toMatchObject({ complete: true, summary: { elsewhereByTime: 1 } });
  expect(idsOf(before)).toEqual(['i10', 'i20']);
  await bringRecords(writer, records, STRANGER);
  const after = await api.get('/v1/impact', asked);
  expect(idsOf(after)).toEqual(['i10']);
  expect(after.incomplete).toContainEqual(expect.objectContaining({ reason: 'PLACED_BY_TIME' }));
});

test('a second record of an id, which names another version, does not empty a recall', async () => {
  await bringRecords(writer, [
    datasetRecord('d', 1),
    modelRecord('m', 'c', 1, ['d']),
    modelRecord('other', 'c', 1),
    inferenceRecord('i', 'm', 'c', 10),
  ]);
  expect(idsOf(await api.get('/v1/impact', { dataset: 'd' }))).toEqual(['i']);
  await bringRecords(writer, [inferenceRecord('i', 'other', 'c', 20)], STRANGER);
  for (const asked of [{ dataset: 'd' }, { model: 'm', commit: 'c' }])
    expect(await api.get('/v1/impact', asked)).toMatchObject({
      items: [],
      complete: false,
      incomplete: [{ reason: 'CONTESTED', count: 1 }],
    });
  expect(await api.get('/v1/impact', { model: 'other', commit: 'c' })).toMatchObject({
    complete: true,
  });
});

test('an inference that claims a name and is linked to no version keeps a recall of that name from being complete', async () => {
  await bringRecords(writer, [
    modelRecord('m', 'c', 1),
    inferenceRecord('i', 'm', 'c', 10),
    inferenceRecord('lost', 'm', 'never', 11),
  ]);
  expect(await api.get('/v1/impact', { model: 'm', commit: 'c' })).toMatchObject({
    items: [{ id: 'i' }],
    incomplete: [{ reason: 'PENDING_LINKS', count: 1 }],
  });
});

test('what a key signed stays in its recall, whoever signs it again; what it alone signed is told apart', async () => {
  const records = [
    datasetRecord('unused', 1),
    modelRecord('m', 'c', 1),
    inferenceRecord('i', 'nobody', null, 10),
  ];
  await bringRecords(writer, records);
  await bringRecords(writer, records.slice(1), STRANGER);
  const told = await api.get('/v1/impact', { kid: KID });
  expect(told).toMatchObject({
    items: [
      { kind: 'dataset', hash: 'unused', evidence: { kid: KID, line: 1 } },
      { kind: 'model', name: 'm', commit: 'c', evidence: { kids: [KID, STRANGER] } },
      { kind: 'inference', id: 'i', evidence: { kid: KID, kids: [KID, STRANGER] } },
    ],
    summary: { signed: { datasets: 1, models: 1, inferences: 1, alone: 1 } },
  });
  const other = await api.get('/v1/impact', { kid: STRANGER });
  expect(other).toMatchObject({
    items: [{ kind: 'model' }, { kind: 'inference', evidence: { kid: STRANGER } }],
    summary: { signed: { alone: 0 } },
  });
});

test('a recall of a key at a time has no version that declared the key’s dataset only later', async () => {
  await bringRecords(writer, [datasetRecord('d', 1)]);
  await bringRecords(
    writer,
    [modelRecord('m', 'c', 2), inferenceRecord('i', 'm', 'c', 3), modelRecord('m', 'c', 20, ['d'])],
    STRANGER,
  );
  const impact = (second: number): ReturnType<Api['get']> =>
    api.get('/v1/impact', { kid: KID, asOf: new Date(second * 1_000).toISOString() });
  const before = await impact(10);
  expect(before).toMatchObject({ summary: { modelCount: 0, signed: { datasets: 1 } } });
  expect(before.items).toMatchObject([{ kind: 'dataset', hash: 'd' }]);
  const after = await impact(20);
  expect(after).toMatchObject({ summary: { modelCount: 1 } });
  expect(after.items).toMatchObject([{ kind: 'inference', id: 'i' }, { kind: 'dataset' }]);
});

test('a key’s records come in the order of their logs and lines, page by page, each once', async () => {
  const many = Array.from({ length: 2_300 }, (_, index) =>
    inferenceRecord(`i${index}`, 'nobody', null, 9_000 - index),
  );
  await bringRecords(writer, many.slice(0, 2_100));
  for (const record of many.slice(2_100)) await bringRecords(writer, [record]);
  const pages = await api.pages('/v1/impact', { kid: KID, limit: 150 });
  expect(pages.flatMap(idsOf)).toEqual(many.map((of) => 'id' in of && of.id));
  expect(pages).toHaveLength(16);
});

test('a page that ends shortly before the end of a log is not the last while the key signed another log', async () => {
  const many = Array.from({ length: 16 }, (_, index) =>
    inferenceRecord(`i${index}`, 'nobody', null, index),
  );
  await bringRecords(writer, many.slice(0, 8));
  await bringRecords(writer, many.slice(8));
  for (const limit of [1, 2, 3, 7]) {
    const pages = await api.pages('/v1/impact', { kid: KID, limit });
    expect(pages.flatMap(idsOf)).toEqual(many.map((of) => 'id' in of && of.id));
  }
});

test('a question may begin at what is only referred to, and then never says that there is nothing', async () => {
  await bringRecords(writer, [
    modelRecord('m', 'c', 1, ['ghost']),
    inferenceRecord('i', 'm', 'c', 10),
    inferenceRecord('j', 'm', 'never', 11),
  ]);
  const ghost = { reason: 'PENDING_LINKS', hashes: ['ghost'] };
  const recall = await api.get('/v1/impact', { dataset: 'ghost' });
  expect(recall).toMatchObject({ recorded: false, items: [{ id: 'i' }], complete: false });
  expect(recall.incomplete).toContainEqual(expect.objectContaining(ghost));
  const list = await api.get('/v1/inferences', { dataset: 'ghost' });
  expect(list).toMatchObject({ items: [{ id: 'i' }], complete: false });
  expect(list.incomplete).toContainEqual(expect.objectContaining(ghost));
  expect(await api.get('/v1/lineage', { dataset: 'ghost' })).toMatchObject({
    recorded: false,
    start: 'dataset:ghost',
    nodes: [
      { kind: 'unrecorded', key: 'dataset:ghost' },
      { kind: 'model', name: 'm' },
      { kind: 'inference', id: 'i' },
    ],
    edges: [{ kind: 'USED_IN', from: 'dataset:ghost' }, { kind: 'GENERATED' }],
    complete: false,
  });
  const version = { model: 'm', commit: 'never' };
  for (const path of ['/v1/impact', '/v1/lineage'])
    expect(await api.get(path, version)).toMatchObject({ recorded: false, complete: false });
  expect(idsOf(await api.get('/v1/impact', version))).toEqual(['j']);
  expect(idsOf(await api.get('/v1/inferences', version))).toEqual(['j']);
  for (const nowhere of [{ dataset: 'nowhere' }, { model: 'm', commit: 'x' }])
    expect(await api.refusal('/v1/impact', nowhere)).toEqual([404, 'NOT_FOUND']);
});

test('what is only referred to is told as not recorded, with what refers to it, where it is asked for by itself', async () => {
  await bringRecords(writer, [
    datasetRecord('d', 1),
    modelRecord('m', 'c', 1, ['d', 'ghost']),
    modelRecord('n', 'c', 2, ['ghost']),
    ...[10, 11].map((second) => inferenceRecord(`i${second}`, 'm', 'c', second)),
    ...[12, 13, 14].map((second) => inferenceRecord(`i${second}`, 'm', 'never', second)),
  ]);
  expect(await api.get('/v1/dataset', { hash: 'ghost' })).toMatchObject({
    recorded: false,
    dataset: null,
    contents: null,
    models: [
      { name: 'm', commit: 'c', inferences: 2 },
      { name: 'n', commit: 'c', inferences: 0 },
    ],
    modelCount: 2,
    inferenceCount: 2,
    complete: false,
    incomplete: [{ reason: 'PENDING_LINKS', count: 1, hashes: ['ghost'] }],
  });
  expect(await api.get('/v1/model', { name: 'm', commit: 'never' })).toMatchObject({
    recorded: false,
    model: null,
    contents: null,
    complete: false,
    incomplete: [
      {
        reason: 'PENDING_LINKS',
        detail: '3 inferences name this version, which is not recorded',
        count: 3,
      },
    ],
  });
  expect(await api.get('/v1/dataset', { hash: 'd' })).toMatchObject({
    recorded: true,
    dataset: { hash: 'd' },
    complete: true,
  });
  expect(await api.get('/v1/model', { name: 'n', commit: 'c' })).toMatchObject({
    recorded: true,
    model: { name: 'n', pending: ['ghost'] },
  });
  expect(await api.refusal('/v1/dataset', { hash: 'nowhere' })).toEqual([404, 'NOT_FOUND']);
  for (const nowhere of [
    { name: 'm', commit: 'x' },
    { name: 'x', commit: 'never' },
  ])
    expect(await api.refusal('/v1/model', nowhere)).toEqual([404, 'NOT_FOUND']);
});

test('an entity of which records say different things says so, with their digests', async () => {
  const datasets = [datasetRecord('d', 1), datasetRecord('d', 2, 'q'), datasetRecord('d', 3, 'q')];
  const models = [modelRecord('m', 'c', 1), modelRecord('m', 'c', 2)];
  const inferences = [inferenceRecord('i', 'm', 'c', 3), inferenceRecord('i', 'm', null, 4)];
  await bringRecords(writer, [...datasets, ...models, ...inferences]);
  const { contents } = await api.get('/v1/dataset', { hash: 'd' });
  expect(contents).toMatchObject({ count: 2 });
  const { digests } = contents as { digests: string[] };
  expect(digests).toContain(datasets[0]?.digest);
  expect(digests).toHaveLength(2);
  expect(await api.get('/v1/model', { name: 'm', commit: 'c' })).toMatchObject({ contents: null });
  const sorted = inferences.map(({ digest }) => digest).sort();
  expect(await api.get('/v1/inference', { id: 'i' })).toMatchObject({
    contents: { count: 2, digests: sorted },
  });
  const without = await api.get('/v1/inference', { id: 'i' }, { without: 'payload:read' });
  expect(without['contents']).toEqual({ count: 2 });
});

test('wherever an entity is listed, its item says how many contents it has where that is more than one', async () => {
  await bringRecords(writer, [
    datasetRecord('d', 1),
    datasetRecord('d', 2, 'q'),
    datasetRecord('same', 1),
    datasetRecord('same', 2),
    modelRecord('m', 'c', 1, ['d', 'same'], '{"a":1}'),
    modelRecord('m', 'c', 2, ['d', 'same'], '{"a":2}'),
    inferenceRecord('i', 'm', 'c', 3),
    inferenceRecord('i', 'm', 'c', 4),
    inferenceRecord('once', 'm', 'c', 5),
  ]);
  const two = { count: 2, isCut: false };
  const told = new Map<string, unknown>();
  const note = (where: string, of: object, name: unknown): void =>
    void told.set(`${where} ${String(name)}`, 'contents' in of ? of.contents : null);
  for (const path of ['/v1/datasets', '/v1/models', '/v1/inferences'])
    for (const item of (await api.get(path)).items)
      note(path, item, item['hash'] ?? item['name'] ?? item['id']);
  for (const query of [{ dataset: 'd' }, { model: 'm', commit: 'c' }, { inference: 'i' }])
    for (const node of (await api.get('/v1/lineage', query)).nodes)
      note(Object.keys(query).join(), node, node.key);
  const { nodes } = await api.get('/v1/graph');
  for (const node of nodes) note('/v1/graph', node, node.key);
  for (const query of [{ dataset: 'd' }, { kid: KID }]) {
    const { items, summary } = await api.get('/v1/impact', query);
    const { models } = summary as { models: (Item & { name: string })[] };
    for (const item of [...items, ...models])
      note(Object.keys(query).join(), item, item['id'] ?? item['hash'] ?? item['name']);
  }
  expect(told.size).toBeGreaterThan(20);
  for (const [where, contents] of told)
    expect(contents, where).toEqual(/same|once/.test(where) ? null : two);
  const { body } = await api.ask('/v1/impact', { kid: KID }, { accepts: 'text/csv' });
  expect(body).toMatch(/"i",.*,"2 contents",/);
  expect(body).toMatch(/"once",.*,"",/);
  // Before it was said, nothing else had been said of it.
  const [past] = (await api.get('/v1/datasets', { asOf: '1970-01-01T00:00:01Z', limit: 1 })).items;
  expect(past).not.toHaveProperty('contents');
});

test('evidence that can’t be read from the archive in time says so, and is not waited for', async () => {
  await bringRecords(writer, [datasetRecord('d', 1)]);
  const { items } = await api.get('/v1/datasets');
  const { digest } = items[0]?.evidence ?? {};
  const stuck = new Api(graph, () => new Promise(() => undefined));
  expect(await stuck.get('/v1/evidence', { digest })).toMatchObject({
    signings: [{ status: 'unread', envelope: null }],
    complete: false,
    incomplete: [{ reason: 'TIME_BUDGET' }],
  });
});

test('of an entity of more records than are compared, an item says that there may be more contents', async () => {
  const records = Array.from({ length: 60 }, (_, index) => datasetRecord('d', index + 1));
  await bringRecords(writer, records);
  expect((await api.get('/v1/datasets')).items).toMatchObject([
    { contents: { count: 1, isCut: true } },
  ]);
  expect(await api.get('/v1/dataset', { hash: 'd' })).toMatchObject({ contents: null });
});
