import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { TransientError } from '../../../lib/errors.ts';
import { openGraph, type Graph } from '../../../lib/graph/connection.ts';
import { database } from '../../../lib/graph/database.ts';
import { lockAlone } from '../../../lib/graph/lock.ts';
import { GraphWriter, type Batch } from '../../../lib/graph/write/writer.ts';
import type { LineageRecord } from '../../../lib/trust/lineage-record.ts';
import { neo4jLogin } from '../../support/neo4j-login.ts';
import { expectedGraph } from '../../support/oracle.ts';
import { inferenceRecord, KID, modelRecord } from '../../support/records.ts';
import { graphSnapshot, wipe } from '../../support/snapshot.ts';

let graph: Graph;
beforeAll(() => {
  graph = openGraph(neo4jLogin);
});
beforeEach(() => wipe(graph));
afterAll(() => graph.close());

// With the first batch and the third it still stands in one stretch.
const LONG = 900;

/** An object in three batches: the first short, the second long, with one id at its end, the third with that id at its start. */
function overlapping(name: string, atEnd: string, atStart: string): Batch[] {
  const inferences = (count: number, of: string): LineageRecord[] =>
    Array.from({ length: count }, (_, index) =>
      inferenceRecord(`${of}-${index}`, 'm', null, 1_000 + index),
    );
  const parts: LineageRecord[][] = [
    [modelRecord('m', 'c', 1)],
    [...inferences(LONG, `${name}-a`), inferenceRecord(atEnd, 'm', null, 5)],
    [inferenceRecord(atStart, 'm', null, 6), ...inferences(10, `${name}-b`)],
  ];
  const log = name.padStart(64, '0');
  const uri = `file:///${name}.jsonl?sha256=${log}`;
  const lines = parts.flat().length;
  const object = { uri, sha256: log, bytes: 0, lines, rejected: 0, rejections: [], seal: null };
  let afterLine = 0;
  return parts.map((records, index) => {
    const from = afterLine;
    afterLine += records.length;
    return {
      object,
      log: { log, parked: null },
      afterLine: from,
      through: { number: afterLine, offset: 0 },
      records: records.map((record, at) => ({
        record,
        kid: KID,
        location: { log, line: from + at + 1, offset: from + at, length: 1 },
      })),
      final: index === parts.length - 1 ? 'accepted' : null,
    };
  });
}

async function written(batches: readonly Batch[]): Promise<void> {
  const writer = new GraphWriter(graph);
  await Promise.all(batches.map((batch) => writer.apply(batch)));
}

// The next batch waits for the one before it, which waits for the id that the next one has written:
// a circle that the database can't see.
test('an id that two batches on their way have in common keeps neither waiting for the other', async () => {
  const batches = overlapping('one', 'twice', 'twice');
  await written(batches);
  const records = batches.flatMap((batch) => batch.records);
  expect(await graphSnapshot(graph)).toEqual(expectedGraph(records));
});

test('two objects that have ids in common crosswise keep each other waiting for no longer', async () => {
  const one = overlapping('one', 'x', 'y');
  const two = overlapping('two', 'y', 'x');
  await Promise.all([written(one), written(two)]);
  const records = [...one, ...two].flatMap((batch) => batch.records);
  expect(await graphSnapshot(graph)).toEqual(expectedGraph(records));
});

test('a writer that waits for the others for longer than a transaction may is to try again', async () => {
  const impatient = openGraph(neo4jLogin, { transactionMs: 500 });
  const done = Promise.withResolvers<void>();
  const holding = Promise.withResolvers<void>();
  const held = graph[database].write(async (tx) => {
    await lockAlone(tx);
    holding.resolve();
    await done.promise;
  });
  await holding.promise;
  const [batch] = overlapping('one', 'x', 'y');
  const waiting = new GraphWriter(impatient).apply(batch as Batch);
  await expect(waiting).rejects.toThrow(TransientError);
  done.resolve();
  await held;
  await impatient.close();
});
