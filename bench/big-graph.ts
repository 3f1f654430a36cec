import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openGraph, type Graph } from '../lib/graph/connection.ts';
import { migrate } from '../lib/graph/schema.ts';
import { GraphWriter } from '../lib/graph/write/writer.ts';
import { startNeo4j, type EmbeddedNeo4j } from '../lib/local/neo4j.ts';
import { sealed } from '../lib/trust/sign.ts';
import { recallLine, type VerifiedRecord } from '../lib/trust/verify.ts';
import { writeObject } from '../test/support/write-object.ts';

export const MODELS = 100;
/** Models that use no dataset, beside those that do. */
const ORPHANS = 10;
const DATASETS = 50;
const DATASETS_OF_MODEL = 3;
/** A graph is dropped as so many logs; the first one is also the warm-up of its server. */
const OBJECTS = 20;
const KID = 'ab'.repeat(32);
const SIGNATURE = Buffer.alloc(256, 7);
const BEGAN = Date.UTC(2025, 0, 1);

/** A graph of a size, on a server of its own. */
export interface BigGraph {
  readonly server: EmbeddedNeo4j;
  readonly graph: Graph;
  /** Of each of its logs, records written a second, when it was made. */
  readonly rates: readonly number[];
}

export function inferenceId(index: number): string {
  return `inference-${index}`;
}

export function modelName(index: number): string {
  return `model-${index}`;
}

/**
 * The graph in `home` of so many inferences, made there if there is none. The product's own reading and
 * writing make it; the signatures alone are not real, since making a million takes a quarter of an hour.
 */
export async function bigGraph(home: string, inferences: number): Promise<BigGraph> {
  const rates = await readFile(join(home, 'rates.json'), 'utf8').catch(() => null);
  if (rates === null) await rm(home, { recursive: true, force: true });
  const server = await startNeo4j({ home, boltPort: 0, httpPort: 0 });
  const graph = openGraph(server);
  if (rates !== null) return { server, graph, rates: JSON.parse(rates) as number[] };
  await migrate(graph);
  const made = await fill(graph, inferences);
  // Only now is it whole: what was left half-way is made anew.
  await writeFile(join(home, 'rates.json'), JSON.stringify(made));
  return { server, graph, rates: made };
}

async function fill(graph: Graph, inferences: number): Promise<number[]> {
  const writer = new GraphWriter(graph);
  const rates: number[] = [];
  const each = Math.ceil(inferences / OBJECTS);
  for (let from = 0; from < inferences; from += each) {
    const uri = `file:///log-${from}.jsonl?sha256=0`;
    const texts = Array.from({ length: Math.min(each, inferences - from) }, (_, index) =>
      inference(from + index),
    );
    const records = verified(uri, from === 0 ? [...datasets(), ...models(), ...texts] : texts);
    const start = performance.now();
    await writeObject(writer, { uri, records }, 1_000);
    rates.push(records.length / ((performance.now() - start) / 1000));
    console.log(`${from + texts.length} inferences, ${Math.round(rates.at(-1) ?? 0)} records/s`);
  }
  return rates;
}

/** As the second reading of an ingest brings them: everything is read anew but the signature. */
function verified(uri: string, records: readonly object[]): VerifiedRecord[] {
  let offset = 0;
  return records.map((record, index) => {
    const bytes = Buffer.from(sealed(JSON.stringify(record), SIGNATURE));
    const line = { number: index + 1, offset, length: bytes.length, bytes, terminated: true };
    offset += bytes.length + 1;
    const read = recallLine(line, uri, KID);
    if ('code' in read) throw new Error(`line ${read.line}: ${read.detail}`);
    return read;
  });
}

/** One second after the other. */
function timestamp(second: number): string {
  return new Date(BEGAN + second * 1000).toISOString();
}

function datasets(): object[] {
  return Array.from({ length: DATASETS }, (_, index) => ({
    type: 'dataset',
    hash: `dataset-${index}`,
    path: `s3://data/${index}.parquet`,
    timestamp: timestamp(0),
  }));
}

function models(): object[] {
  return Array.from({ length: MODELS + ORPHANS }, (_, index) => ({
    type: 'model',
    model_name: modelName(index),
    git_commit: 'c',
    dataset_hashes:
      index >= MODELS
        ? []
        : Array.from(
            { length: DATASETS_OF_MODEL },
            (__, of) => `dataset-${(index + of) % DATASETS}`,
          ),
    timestamp: timestamp(0),
  }));
}

function inference(index: number): object {
  return {
    type: 'inference',
    id: inferenceId(index),
    model_name: modelName(index % (MODELS + ORPHANS)),
    input: { applicant: index, text: 'x'.repeat(120) },
    output: { score: index / 7 },
    timestamp: timestamp(index + 1),
  };
}
