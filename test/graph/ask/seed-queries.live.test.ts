import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runSeedQuery } from '../../../lib/graph/ask/seed-queries.ts';
import { openGraph, type Graph } from '../../../lib/graph/connection.ts';
import { ingestObject } from '../../../lib/ingest/ingest.ts';
import { storedFile } from '../../../lib/object/file.ts';
import { signRecord } from '../../../lib/trust/sign.ts';
import { localStores } from '../../support/local-stores.ts';
import { neo4jLogin } from '../../support/neo4j-login.ts';
import { wipe } from '../../support/snapshot.ts';
import { testKey } from '../../support/test-key.ts';

// A log without ambiguity: one commit a name, parents before children, ids and commits given. For
// such logs the first importer of the article linked rightly, and these are the rows it gave, worked
// out from the log below by the joins that its statements make, without a database.
const datasets = Array.from({ length: 4 }, (_, index) => ({
  type: 'dataset',
  hash: `hash-${index}`,
  path: `s3://b/${index}`,
  description: `Dataset ${index}`,
  timestamp: `2026-01-01T00:0${index}:00`,
}));

// The JSON text as Python's json.dumps writes it: a space after each colon and comma.
const models = [[0, 1], [1], [], [2, 3, 0]].map((used, index) => ({
  name: `model-${index}`,
  commit: `commit-${index}`,
  used: used.map((at) => `hash-${at}`),
  hyperparameters: `{"lr": 1e-0${index + 1}, "depth": ${index}}`,
  environment: `{"python": "3.11"}`,
  timestamp: `2026-01-02T00:0${index}:00`,
}));

const inferences = Array.from({ length: 40 }, (_, index) => ({
  id: `inference-${index}`,
  model: models[(index * 7) % 4] ?? never(),
  input: `{"case": ${index}}`,
  output: `{"score": 0.${index}}`,
  timestamp: `2026-01-03T00:${String(index).padStart(2, '0')}:00`,
}));

const texts = [
  ...datasets.map((dataset) => JSON.stringify(dataset)),
  ...models.map(
    ({ name, commit, used, hyperparameters, environment, timestamp }) =>
      `{"type": "model", "model_name": "${name}", "git_commit": "${commit}", "dataset_hashes": ${JSON.stringify(used)}, "hyperparameters": ${hyperparameters}, "environment": ${environment}, "timestamp": "${timestamp}"}`,
  ),
  ...inferences.map(
    ({ id, model, input, output, timestamp }) =>
      `{"type": "inference", "id": "${id}", "model_name": "${model.name}", "input": ${input}, "output": ${output}, "timestamp": "${timestamp}"}`,
  ),
];

const links = models.flatMap((model) => model.used.map((hash) => ({ hash, model })));
const lineage = links.flatMap(({ hash, model }) =>
  inferences
    .filter((inference) => inference.model === model)
    .map((inference) => ({ hash, inference })),
);

const expected: Record<string, unknown[][]> = {
  '3.1': datasets.map((d) => [d.hash, d.path, d.description, d.timestamp]).toReversed(),
  '3.2': models
    .map((m) => [m.name, m.commit, m.hyperparameters, m.environment, m.timestamp])
    .toReversed(),
  '3.3': links.map(({ hash, model }) => [
    hash,
    datasets.find((dataset) => dataset.hash === hash)?.path,
    model.name,
    model.commit,
  ]),
  '3.4': inferences.map((i) => [i.id, i.model.name, i.input, i.output, i.timestamp]).toReversed(),
  '3.5': lineage.map(({ hash, inference }) => [
    hash,
    inference.model.name,
    inference.id,
    inference.timestamp,
  ]),
  '3.7': models
    .filter(({ used }) => used.length > 1)
    .map(({ name, used }) => [name, used.toSorted(), used.length]),
  '3.8': [['model-2']],
};

const folder = mkdtempSync(join(tmpdir(), 'custody-'));
let graph: Graph;

beforeAll(async () => {
  graph = openGraph(neo4jLogin);
  await wipe(graph);
  const { privateKey, key } = testKey();
  const path = join(folder, 'log.jsonl');
  writeFileSync(path, texts.map((text) => `${signRecord(text, privateKey, 'max')}\n`).join(''));
  const receipt = await ingestObject(storedFile(path), localStores(graph, folder), {
    keys: [key],
    onBadLine: 'reject',
  });
  if (receipt.accepted !== texts.length) throw new Error('the log was not accepted');
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await graph.close();
});

/** Rows of equal rank have no order of their own. */
const sorted = (rows: readonly (readonly unknown[])[]): string[] =>
  rows
    .map((row) =>
      JSON.stringify(row.map((of) => (Array.isArray(of) ? (of as string[]).toSorted() : of))),
    )
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

test.each(Object.keys(expected))('query %s gives the rows that the article gave', async (id) => {
  const table = await runSeedQuery(graph, id);
  expect(sorted(table?.rows ?? [])).toEqual(sorted(expected[id] ?? []));
});

test('query 3.6 gives the nodes along each path from dataset to inference', async () => {
  const table = await runSeedQuery(graph, '3.6');
  const ends = (table?.rows ?? []).map((row) => {
    const [d, m, i] = row as [{ hash: string }, { name: string }, { id: string }];
    return [d.hash, m.name, i.id];
  });
  expect(sorted(ends)).toEqual(
    sorted(lineage.map(({ hash, inference }) => [hash, inference.model.name, inference.id])),
  );
});

test.each(['3.1', '3.2', '3.4'])('query %s lists the newest first', async (id) => {
  expect((await runSeedQuery(graph, id))?.rows).toEqual(expected[id]);
});

function never(): never {
  throw new Error('there are four models');
}
