import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../../lib/graph/connection.ts';
import { database } from '../../../lib/graph/database.ts';
import { toDateTime } from '../../../lib/graph/instant.ts';
import type { Row } from '../../../lib/graph/rows.ts';
import { settle } from '../../../lib/graph/write/settle.ts';
import { GraphWriter } from '../../../lib/graph/write/writer.ts';
import type { LineageRecord } from '../../../lib/trust/lineage-record.ts';
import { graphWith } from '../../support/graph-with.ts';
import { neo4jLogin } from '../../support/neo4j-login.ts';
import { expectedGraph } from '../../support/oracle.ts';
import type { RandomObject } from '../../support/random-records.ts';
import { datasetRecord, inferenceRecord, modelRecord } from '../../support/records.ts';
import { graphSnapshot, placesOf, wipe } from '../../support/snapshot.ts';
import { writeObject } from '../../support/write-object.ts';

let graph: Graph;
let writer: GraphWriter;
beforeAll(() => {
  graph = openGraph(neo4jLogin);
});
beforeEach(async () => {
  await wipe(graph);
  writer = new GraphWriter(graph);
});
afterAll(() => graph.close());

const [MINE, OTHERS] = ['ab'.repeat(32), 'cd'.repeat(32)];

/** A log, named by `hex`, of these records as one key signed them. */
function log(hex: string, records: readonly LineageRecord[], kid = MINE): RandomObject {
  const sha256 = hex.padStart(64, '0');
  return {
    uri: `file:///${hex}.jsonl?sha256=${sha256}`,
    log: sha256,
    records: records.map((record, index) => ({
      record,
      kid,
      location: { log: sha256, line: index + 1, offset: index * 10, length: 9 },
    })),
  };
}

/** Of each kind one, a link that waits, and an id that two records claim. */
const RECORDS = [
  datasetRecord('d', 1),
  modelRecord('m', 'c', 2, ['d', 'unknown']),
  inferenceRecord('alone', 'm', 'c', 3),
  inferenceRecord('contested', 'm', 'c', 4),
  inferenceRecord('contested', 'm', null, 5),
];

const NOT_SIGNED = (line: string): boolean => !line.startsWith('["SIGNED_IN"');

test("a copy of a log under a name that sorts first changes nobody's evidence", async () => {
  const original = log('ff', RECORDS);
  await writeObject(writer, original, 2);
  const [before, places] = [await graphSnapshot(graph), await placesOf(graph)];
  // The very bytes, then the same lines in a log of another order.
  const copy = { ...original, uri: 'file:///a-first.jsonl' };
  await writeObject(writer, copy, 2);
  const shuffled = log('01', RECORDS.toReversed());
  await writeObject(writer, shuffled, 2);
  expect(await graphSnapshot(graph)).toEqual(before);
  expect(await placesOf(graph)).toEqual(places);
  const lines = RECORDS.length;
  const counts = async ({ uri }: RandomObject): Promise<number[]> => {
    const { accepted, duplicate } = await writer.known(uri);
    return [accepted, duplicate];
  };
  expect(await counts(original)).toEqual([lines, 0]);
  expect(await counts(copy)).toEqual([0, lines]);
  expect(await counts(shuffled)).toEqual([0, lines]);
});

test("each key's signings are kept whoever signs the same text", async () => {
  const logs = [log('ff', RECORDS), log('01', RECORDS, OTHERS)];
  for (const [first, second] of [logs, logs.toReversed()]) {
    await wipe(graph);
    if (first === undefined || second === undefined) throw new Error('there are two logs');
    await writeObject(writer, first, 2);
    const [before, places] = [await graphSnapshot(graph), await placesOf(graph)];
    await writeObject(writer, second, 2);
    // Every signing of either key at its own place, and nothing else has changed.
    const of = ({ log: sha256, records }: RandomObject): string[] =>
      records.map(({ record, kid, location: { line, offset, length } }) =>
        JSON.stringify([record.digest, kid, sha256, line, offset, length]),
      );
    expect(await placesOf(graph)).toEqual([...of(first), ...of(second)].sort());
    expect(await placesOf(graph)).toEqual(expect.arrayContaining([...places]));
    expect((await graphSnapshot(graph)).filter(NOT_SIGNED)).toEqual(before.filter(NOT_SIGNED));
    expect(await writer.known(second.uri)).toMatchObject({ accepted: RECORDS.length });
  }
});

test('the same log under eight names at once is written once, and each name has its own counts', async () => {
  const inferences = Array.from({ length: 2_400 }, (_, index) =>
    inferenceRecord(`i${index}`, 'm', null, index),
  );
  const one = log('ff', [...RECORDS.slice(0, 2), ...inferences.slice(2)]);
  const names = Array.from({ length: 8 }, (_, index) => `file:///name-${index}.jsonl`);
  const graphs = names.map(() => openGraph(neo4jLogin));
  try {
    await Promise.all(
      names.map((uri, index) =>
        // Each cuts it otherwise, within the stretches.
        writeObject(
          new GraphWriter(graphs[index] ?? graph),
          { ...one, uri },
          [200, 250, 500, 1_000][index % 4] ?? 200,
        ),
      ),
    );
  } finally {
    await Promise.all(graphs.map((own) => own.close()));
  }
  expect(await graphSnapshot(graph)).toEqual(expectedGraph(one.records));
  const known = await Promise.all(names.map((uri) => writer.known(uri)));
  const lines = one.records.length;
  expect(known.map(({ status }) => status)).toEqual(names.map(() => 'accepted'));
  expect(known.map(({ accepted, duplicate }) => accepted + duplicate)).toEqual(
    names.map(() => lines),
  );
  expect(known.map(({ accepted }) => accepted).filter((accepted) => accepted > 0)).toEqual([lines]);
  const [logs] = await graph[database].run(
    'MATCH (o:SourceObject)-[:CARRIED]->(l:Log) RETURN count(o) AS names, count(DISTINCT l) AS logs',
  );
  expect(logs).toEqual({ names: names.length, logs: 1 });
});

/** The statements of committed transactions that changed something, as the server counts it. */
async function statementsThatWrite(
  work: (watched: GraphWriter) => Promise<void>,
): Promise<string[]> {
  const committed: string[] = [];
  const watched = graphWith(graph, {
    async write(inTransaction, limit) {
      let wrote: string[] = [];
      const result = await graph[database].write((tx) => {
        wrote = [];
        const run = async (statement: string, parameters: Row) => {
          const answer = await tx.run(statement, parameters);
          if (answer.summary.counters.containsUpdates()) wrote.push(statement);
          return answer;
        };
        return inTransaction(
          new Proxy(tx, {
            get: (of, member) => (member === 'run' ? run : (Reflect.get(of, member) as unknown)),
          }),
        );
      }, limit);
      committed.push(...wrote);
      return result;
    },
  });
  await work(new GraphWriter(watched));
  return committed;
}

test('a duplicate line writes nothing but how far its log has come', async () => {
  await writeObject(writer, log('ff', RECORDS), 5);
  const isBookkeeping = (statement: string): boolean => /:(WriteLock|Progress) /.test(statement);
  const again = await statementsThatWrite((watched) => writeObject(watched, log('01', RECORDS), 2));
  expect(again.length).toBeGreaterThan(0);
  expect(again.filter((statement) => !isBookkeeping(statement))).toEqual([]);
  // What watches would see a line that is new.
  const grown = [...RECORDS, datasetRecord('new', 9)];
  const more = await statementsThatWrite((watched) => writeObject(watched, log('02', grown), 6));
  expect(more.some((statement) => statement.includes('SIGNED_IN'))).toBe(true);
});

test('an inference that another record contests later moves its signings to its own record', async () => {
  const [sole, rival] = [inferenceRecord('i', 'm', null, 1), inferenceRecord('i', 'm', null, 2)];
  const logs = [log('ff', [sole]), log('01', [sole], OTHERS)];
  for (const of of logs) await writeObject(writer, of, 1);
  const places = await placesOf(graph);
  expect(places).toHaveLength(2);
  await writeObject(writer, log('02', [rival]), 1);
  const after = await placesOf(graph);
  expect(after).toEqual(expect.arrayContaining([...places]));
  expect(after).toHaveLength(3);
  const all = [...logs, log('02', [rival])].flatMap(({ records }) => records);
  expect(await graphSnapshot(graph)).toEqual(expectedGraph(all));
});

test('an id that two records of one new log claim is there with both of them', async () => {
  const both = log('ff', [inferenceRecord('i', 'm', null, 1), inferenceRecord('i', 'm', null, 2)]);
  await writeObject(writer, both, 2);
  expect(await graphSnapshot(graph)).toEqual(expectedGraph(both.records));
});

test('a model record begins relinking at its own since; another object does not wait for it', async () => {
  const before = [
    log('01', [modelRecord('m', 'a', 1), modelRecord('m', 'b', 10)]),
    log(
      '02',
      Array.from({ length: 900 }, (_, index) => inferenceRecord(`i${index}`, 'm', null, index)),
    ),
  ];
  for (const of of before) await writeObject(writer, of, 1_000);
  // The batch is committed, and its writer dies before it settles.
  let died = false;
  const dying = graphWith(graph, {
    write: (work) =>
      died ? Promise.reject(new Error('dead')) : ((died = true), graph[database].write(work)),
  });
  const late = log('03', [modelRecord('m', 'c', 600)]);
  await expect(writeObject(new GraphWriter(dying), late, 1)).rejects.toThrow('dead');
  const markers = 'MATCH (k:Relink) RETURN k.target AS target, k.at AS at';
  const marker = { target: 'm', at: toDateTime({ epochSeconds: 600, nanoseconds: 0 }) };
  expect(await graph[database].run(markers)).toMatchObject([marker]);

  const another = log('04', [datasetRecord('d', 1), modelRecord('other', 'c', 2, ['d'])]);
  await writeObject(writer, another, 2);
  expect(await writer.known(another.uri)).toMatchObject({ status: 'accepted', accepted: 2 });
  expect(await graph[database].run(markers)).toMatchObject([marker]);
  expect((await writer.known(late.uri)).status).toBe('writing');

  await settle(graph);
  const all = [...before, late, another].flatMap(({ records }) => records);
  expect(await graphSnapshot(graph)).toEqual(expectedGraph(all));
});
