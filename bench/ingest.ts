import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGraph, type Graph } from '../lib/graph/connection.ts';
import { database } from '../lib/graph/database.ts';
import { migrate } from '../lib/graph/schema.ts';
import { GraphWriter } from '../lib/graph/write/writer.ts';
import { ingestObject } from '../lib/ingest/ingest.ts';
import type { IngestOptions } from '../lib/ingest/judge.ts';
import type { Stores } from '../lib/ingest/stores.ts';
import { localArchive } from '../lib/local/log-archive.ts';
import { startNeo4j } from '../lib/local/neo4j.ts';
import { storedFile } from '../lib/object/file.ts';
import { signRecord } from '../lib/trust/sign.ts';
import { testKey } from '../test/support/test-key.ts';

// Ingest of a signed log against the plainest thing that could be done with the same records once
// they are parsed: UNWIND and MERGE of prebuilt rows, two transactions in flight, no verification,
// no evidence. In turn, in one process, on one database; the ratio of each round is what counts.
const INFERENCES = Number(process.argv[2] ?? 60_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const MODELS = 100;
const DATASETS = 50;
const BATCH = 1_000;

const PLAIN_MODELS = `
UNWIND $rows AS row
MERGE (m:Model {name: row.name, commit: 'c'})
SET m.timestamp = row.timestamp
`;

const PLAIN_INFERENCES = `
UNWIND $rows AS row
MATCH (m:Model {name: row.model, commit: 'c'})
MERGE (i:Inference {id: row.id})
SET i.input = row.input, i.output = row.output, i.timestamp = row.timestamp
MERGE (m)-[:GENERATED]->(i)
`;

const { privateKey, key } = testKey();
const options: IngestOptions = { keys: [key], onBadLine: 'reject' };
const timestamp = '2026-01-01T00:00:00Z';

interface Inference {
  readonly id: string;
  readonly model_name: string;
  readonly input: object;
  readonly output: object;
}

/** The same amount of work for either contender, under names of its own. */
function inferences(round: string): Inference[] {
  return Array.from({ length: INFERENCES }, (_, index) => ({
    id: `${round}-${index}`,
    model_name: `${round}-m${index % MODELS}`,
    input: { applicant: index, text: 'x'.repeat(120) },
    output: { score: index / INFERENCES },
  }));
}

function logOf(round: string): string {
  const records = [
    ...Array.from({ length: DATASETS }, (_, index) => ({
      type: 'dataset',
      hash: `${round}-d${index}`,
      path: 'p',
    })),
    ...Array.from({ length: MODELS }, (_, index) => ({
      type: 'model',
      model_name: `${round}-m${index}`,
      git_commit: 'c',
      dataset_hashes: [`${round}-d${index % DATASETS}`],
    })),
    ...inferences(round).map((members) => ({ type: 'inference', ...members })),
  ];
  return records
    .map((record) => `${signRecord(JSON.stringify({ ...record, timestamp }), privateKey, 'max')}\n`)
    .join('');
}

function storesOf(graph: Graph): Stores {
  return { sink: new GraphWriter(graph), archive: localArchive(join(folder, 'archive')) };
}

async function custody(graph: Graph, path: string): Promise<number> {
  const start = performance.now();
  const receipt = await ingestObject(storedFile(path), storesOf(graph), options);
  if (receipt.accepted !== INFERENCES + MODELS + DATASETS) throw new Error('not all was accepted');
  return performance.now() - start;
}

async function plain(graph: Graph, round: string): Promise<number> {
  const rows = inferences(round).map(({ id, model_name, input, output }) => ({
    id,
    model: model_name,
    input: JSON.stringify(input),
    output: JSON.stringify(output),
    timestamp,
  }));
  const start = performance.now();
  const models = Array.from({ length: MODELS }, (_, index) => ({
    name: `${round}-m${index}`,
    timestamp,
  }));
  await graph[database].write((tx) => tx.run(PLAIN_MODELS, { rows: models }));
  let at = 0;
  const worker = async (): Promise<void> => {
    while (at < rows.length) {
      const batch = rows.slice(at, at + BATCH);
      at += BATCH;
      await graph[database].write((tx) => tx.run(PLAIN_INFERENCES, { rows: batch }));
    }
  };
  await Promise.all([worker(), worker()]);
  return performance.now() - start;
}

const folder = mkdtempSync(join(tmpdir(), 'custody-bench-'));
const server = await startNeo4j({ home: join(folder, 'neo4j'), boltPort: 0 });
const graph = openGraph(server);
try {
  await migrate(graph);
  console.log(
    `${cpus().length} cores, Node ${process.version}, ${INFERENCES} inferences, ${ROUNDS} rounds after a warm-up`,
  );
  const ratios: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const path = join(folder, `log-${round}.jsonl`);
    writeFileSync(path, logOf(`a${round}`));
    const ours = await custody(graph, path);
    const theirs = await plain(graph, `b${round}`);
    const again = performance.now();
    await ingestObject(storedFile(path), storesOf(graph), options);
    const replay = performance.now() - again;
    const rate = (ms: number): string => `${Math.round(INFERENCES / (ms / 1000))}/s`;
    if (round > 0) ratios.push(theirs / ours);
    console.log(
      `${round === 0 ? 'warm-up' : `round ${round}`}: custody ${rate(ours)}, plain ${rate(theirs)}, custody/plain ${(theirs / ours).toFixed(2)}, replay ${(ours / replay).toFixed(1)} times faster`,
    );
  }
  ratios.sort((a, b) => a - b);
  const at = (share: number): string =>
    (ratios[Math.round(share * (ratios.length - 1))] ?? 0).toFixed(2);
  console.log(`custody/plain: median ${at(0.5)}, quartiles ${at(0.25)} and ${at(0.75)}`);
} finally {
  await graph.close();
  await server.stop({ now: true });
  rmSync(folder, { recursive: true, force: true });
}
