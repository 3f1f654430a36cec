import { afterAll, beforeAll, expect, test } from 'vitest';
import { readDataset } from '../../../lib/graph/ask/datasets.ts';
import { readInference } from '../../../lib/graph/ask/inferences.ts';
import { readModel } from '../../../lib/graph/ask/models.ts';
import { openGraph, type Graph } from '../../../lib/graph/connection.ts';
import { GraphWriter } from '../../../lib/graph/write/writer.ts';
import { someOf } from '../../support/depth.ts';
import { neo4jLogin, PATIENT } from '../../support/neo4j-login.ts';
import {
  bringRecords,
  datasetRecord,
  inferenceRecord,
  modelRecord,
} from '../../support/records.ts';
import { wipe } from '../../support/snapshot.ts';

let graph: Graph;
beforeAll(async () => {
  graph = openGraph(neo4jLogin, PATIENT);
  await wipe(graph);
});
afterAll(() => graph.close());

const ROUNDS = Array.from({ length: 200 }, (_, index) => index + 1);

test('while facts are signed again and again, every answer tells one record with its own evidence', async () => {
  const writer = new GraphWriter(graph);
  const told = new Map<string, string>();
  /** The digest that a fact's evidence has, by the time that it tells, is the same in all answers. */
  const check = (
    fact: { recordedAt: string; evidence: { digest: string } } | null,
    kind: string,
  ): void => {
    if (fact === null) return;
    const said = `${kind} ${fact.recordedAt}`;
    expect(told.get(said) ?? fact.evidence.digest).toBe(fact.evidence.digest);
    told.set(said, fact.evidence.digest);
  };
  let isOver = false;
  const ask = async (): Promise<void> => {
    while (!isOver) {
      const [dataset, model, inference] = await Promise.all([
        readDataset(graph, 'hub'),
        readModel(graph, { name: 'm', commit: 'x' }),
        readInference(graph, 'i'),
      ]);
      check(dataset, 'dataset');
      check(model, 'model');
      check(inference, 'inference');
    }
  };
  const asking = Promise.all([ask(), ask()]);
  try {
    for (const round of someOf(ROUNDS))
      await bringRecords(writer, [
        datasetRecord('hub', round, `path ${round}`),
        modelRecord('m', 'x', round, ['hub'], `${round}`),
        inferenceRecord('i', 'm', 'x', round),
      ]);
  } finally {
    isOver = true;
    await asking;
  }
  expect(told.size).toBeGreaterThan(3);
});
