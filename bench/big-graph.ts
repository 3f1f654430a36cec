import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openGraph, type Graph } from '../lib/graph/connection.ts';
import { migrate } from '../lib/graph/schema.ts';
import { GraphWriter } from '../lib/graph/write/writer.ts';
import { startNeo4j, type EmbeddedNeo4j } from '../lib/local/neo4j.ts';
import { PassageFramer } from '../lib/trust/passage.ts';
import { isRefusal } from '../lib/trust/rejection.ts';
import { Signers } from '../lib/trust/signers.ts';
import { verifyLines, type VerifiedRecord } from '../lib/trust/verify.ts';
import { testKey } from '../test/support/test-key.ts';
import { writeObject } from '../test/support/write-object.ts';
import { datasets, inference, MODELS, models, ORPHANS, signedLines } from './logs.ts';

const DATASETS_OF_MODEL = 3;
/** A graph is dropped as so many logs; the first one is also the warm-up of its server. */
const OBJECTS = 20;

/** A graph of a size, on a server of its own. */
export interface BigGraph {
  readonly server: EmbeddedNeo4j;
  readonly graph: Graph;
  /** Of each of its logs, records written a second, when it was made. */
  readonly rates: readonly number[];
}

/**
 * The graph in `home` of so many inferences, made there if there is none. The product's own reading and
 * writing make it, of records that are really signed: half a millisecond of a core each.
 */
export async function bigGraph(home: string, inferences: number): Promise<BigGraph> {
  const ratesPath = join(home, 'rates');
  const rates = await readFile(ratesPath, 'utf8').catch(() => null);
  if (rates === null) await rm(home, { recursive: true, force: true });
  const server = await startNeo4j({ home, boltPort: 0 });
  const graph = openGraph(server);
  if (rates !== null) return { server, graph, rates: rates.split('\n').map(Number) };
  await migrate(graph);
  const made = await fill(graph, inferences);
  // Only now is it whole: what was left half-way is made anew.
  await writeFile(ratesPath, made.join('\n'));
  return { server, graph, rates: made };
}

async function fill(graph: Graph, inferences: number): Promise<number[]> {
  const writer = new GraphWriter(graph);
  const rates: number[] = [];
  const each = Math.ceil(inferences / OBJECTS);
  for (let from = 0; from < inferences; from += each) {
    const texts = Array.from({ length: Math.min(each, inferences - from) }, (_, index) =>
      inference(from + index, MODELS + ORPHANS),
    );
    const first = from === 0 ? [...datasets(), ...models(ORPHANS, DATASETS_OF_MODEL)] : [];
    const lines = await signedLines([...first, ...texts], privateKey, 'digest');
    const log = Buffer.from(lines.join(''));
    const sha256 = createHash('sha256').update(log).digest('hex');
    const uri = `file:///log-${from}.jsonl?sha256=${sha256}`;
    const records = verified(sha256, log);
    const start = performance.now();
    await writeObject(writer, { uri, log: sha256, records }, 1_000);
    rates.push(records.length / ((performance.now() - start) / 1000));
    console.log(`${from + texts.length} inferences, ${Math.round(rates.at(-1) ?? 0)} records/s`);
  }
  return rates;
}

const { privateKey, key } = testKey();

const HERE = { address: 'file:///bench', now: Date.now() };

function verified(sha256: string, log: Buffer): VerifiedRecord[] {
  const passage = new PassageFramer().push(log);
  return Array.from(verifyLines(passage, sha256, [key], new Signers(), HERE), ([, result]) => {
    if (isRefusal(result)) throw new Error(`line ${result.line}: ${result.detail}`);
    return result;
  });
}
