import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import { Api } from '../support/api.ts';
import { neo4jLogin, PATIENT } from '../support/neo4j-login.ts';
import { bringRecords, inferenceRecord, modelRecord } from '../support/records.ts';
import { wipe } from '../support/snapshot.ts';

let graph: Graph;
let api: Api;
beforeAll(() => {
  graph = openGraph(neo4jLogin, PATIENT);
  api = new Api(graph);
});
beforeEach(() => wipe(graph));
afterAll(async () => {
  expect(api.failures).toEqual([]);
  await graph.close();
});

const numbers = (many: number): number[] => Array.from({ length: many }, (_, index) => index);

/** `many` inferences of a model, of ids that no other has. */
const inferencesOf = (name: string, many: number, commit: string | null = null) =>
  numbers(many).map((index) => inferenceRecord(`${name} ${index}`, name, commit, 1_000 + index));

async function claimed(limit: number) {
  const pages = await api.pages('/v1/graph', { limit });
  const nodes = pages.flatMap((page) => page.nodes);
  return {
    pages,
    told: nodes
      .filter(({ kind }) => kind === 'claimed')
      .map(({ key, inferenceCount, isCut }) => [key, inferenceCount, isCut]),
  };
}

test('inferences of a model that nobody recorded are drawn and counted, and the graph is not complete', async () => {
  await bringRecords(new GraphWriter(graph), [
    modelRecord('recorded', 'a', 1),
    ...inferencesOf('recorded', 3),
    ...inferencesOf('nobody', 5, 'dead'),
    ...inferencesOf('another', 2),
    inferenceRecord('of a commit that is not there', 'recorded', 'b', 5),
  ]);
  for (const limit of [1, 200]) {
    const { pages, told } = await claimed(limit);
    expect(told).toEqual([
      ['claimed:["another",null]', 2, false],
      ['claimed:["nobody",null]', 5, false],
      ['claimed:["recorded",null]', 1, false],
    ]);
    const missing = pages.flatMap(({ incomplete = [] }) => incomplete);
    expect(new Set(missing.map(({ reason }) => reason))).toEqual(new Set(['PENDING_LINKS']));
    if (limit === 200)
      expect(missing.map(({ detail }) => detail)).toEqual([
        '8 inferences name a model version that is not recorded',
      ]);
    expect(pages.at(-1)?.complete).toBe(false);
  }
});

test('a graph whose inferences all have their models is complete', async () => {
  await bringRecords(new GraphWriter(graph), [
    modelRecord('recorded', 'a', 1),
    ...inferencesOf('recorded', 3),
  ]);
  const { pages, told } = await claimed(1);
  expect(told).toEqual([]);
  expect(pages.every(({ complete }) => complete)).toBe(true);
});

test('of more inferences than one answer counts a name has the least number, and hides no other name', async () => {
  await bringRecords(new GraphWriter(graph), [
    ...inferencesOf('a few', 3),
    ...inferencesOf('far too many', 10_050),
    ...inferencesOf('the last', 2),
  ]);
  const { pages, told } = await claimed(200);
  expect(told).toEqual([
    ['claimed:["a few",null]', 3, false],
    ['claimed:["far too many",null]', 10_000, true],
    ['claimed:["the last",null]', 2, false],
  ]);
  expect(JSON.stringify(pages)).toContain('at least 10000 inferences name a model version');
});

test('names in the order of code points are drawn once each, whatever the pages', async () => {
  const names = ['a', 'B', '\uFFFD', '\u{1F600}', 'é', 'ab'];
  await bringRecords(
    new GraphWriter(graph),
    names.flatMap((name) => inferencesOf(name, 2)),
  );
  const { told } = await claimed(1);
  const inOrder = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect(told).toEqual(
    inOrder.map((name) => [`claimed:${JSON.stringify([name, null])}`, 2, false]),
  );
});
