import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../../lib/graph/connection.ts';
import { database } from '../../../lib/graph/database.ts';
import { settle } from '../../../lib/graph/write/settle.ts';
import { GraphWriter } from '../../../lib/graph/write/writer.ts';
import type { LineageRecord } from '../../../lib/trust/lineage-record.ts';
import type { VerifiedRecord } from '../../../lib/trust/verify.ts';
import { graphWith } from '../../support/graph-with.ts';
import { neo4jLogin } from '../../support/neo4j-login.ts';
import { expectedGraph } from '../../support/oracle.ts';
import { graphSnapshot, wipe } from '../../support/snapshot.ts';
import { writeObject } from '../../support/write-object.ts';

let graph: Graph;
beforeAll(() => {
  graph = openGraph(neo4jLogin);
});
beforeEach(() => wipe(graph));
afterAll(() => graph.close());

const hex = (number: number): string => number.toString(16).padStart(64, '0');

let logs = 0;

function log(name: string, records: readonly LineageRecord[]) {
  const sha256 = hex((logs += 1));
  const uri = `file:///${name}?sha256=${sha256}`;
  const placed = records.map((record, index): VerifiedRecord => ({
    record,
    kid: 'k',
    location: { log: sha256, line: index + 1, offset: index, length: 1 },
  }));
  return { uri, log: sha256, records: placed };
}

const inference = (index: number, epochSeconds: number): LineageRecord => ({
  type: 'inference',
  id: `i${index}`,
  modelName: 'm',
  commit: index % 500 === 0 ? 'b' : null,
  input: '{}',
  output: '{}',
  timestamp: '',
  recordedAt: { epochSeconds, nanoseconds: 0 },
  digest: hex(index),
});

const model = (index: number, commit: string, epochSeconds: number): LineageRecord => ({
  type: 'model',
  name: 'm',
  commit,
  hyperparameters: '{}',
  environment: '{}',
  datasetHashes: ['d'],
  timestamp: '',
  recordedAt: { epochSeconds, nanoseconds: 0 },
  digest: hex(1_000_000 + index),
});

test.each([
  ['spread over time', (index: number) => index],
  ['of one instant', () => 7],
])(
  '2,500 inferences %s are linked anew, page by page, when their models come late',
  async (_, at) => {
    const writer = new GraphWriter(graph);
    const logs = [
      log(
        'inferences',
        Array.from({ length: 2_500 }, (__, index) => inference(index, at(index))),
      ),
      log('first', [model(1, 'a', 1_000)]),
      log('second', [model(2, 'b', 5)]),
    ];
    for (const of of logs) await writeObject(writer, of, 1_000);
    expect(await graphSnapshot(graph)).toEqual(
      expectedGraph(logs.flatMap(({ records }) => records)),
    );
  },
);

test('1,500 links that wait for one dataset are made, page by page, when it comes', async () => {
  const writer = new GraphWriter(graph);
  const logs = [
    log(
      'models',
      Array.from({ length: 1_500 }, (_, index) => model(index, `c${index}`, index)),
    ),
    log('dataset', [
      {
        type: 'dataset',
        hash: 'd',
        path: 'p',
        description: '',
        timestamp: '',
        recordedAt: { epochSeconds: 1, nanoseconds: 0 },
        digest: hex(9_000_000),
      },
    ]),
  ];
  for (const of of logs) await writeObject(writer, of, 500);
  expect(await graphSnapshot(graph)).toEqual(expectedGraph(logs.flatMap(({ records }) => records)));
});

test('a marker that a dead writer left is worked off by whoever comes next', async () => {
  const writer = new GraphWriter(graph);
  const inferences = log(
    'inferences',
    Array.from({ length: 1_200 }, (_, index) => inference(index, index)),
  );
  await writeObject(writer, inferences, 1_000);
  // The batch is committed, and its writer dies before it settles.
  const models = log('model', [model(1, 'a', 3)]);
  const dying = new GraphWriter(
    graphWith(graph, {
      write: (work) =>
        died ? Promise.reject(new Error('dead')) : ((died = true), graph[database].write(work)),
    }),
  );
  let died = false;
  await expect(writeObject(dying, models, 10)).rejects.toThrow('dead');
  expect((await writer.known(models.uri)).status).toBe('writing');
  await settle(graph);
  expect(await graphSnapshot(graph)).toEqual(
    expectedGraph([...inferences.records, ...models.records]),
  );
  await writeObject(writer, models, 10);
  expect(await writer.known(models.uri)).toMatchObject({ status: 'accepted', accepted: 1 });
});
