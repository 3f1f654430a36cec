import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ManagedTransaction } from 'neo4j-driver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../../lib/graph/connection.ts';
import { database, type Database } from '../../../lib/graph/database.ts';
import { ingestObject } from '../../../lib/ingest/ingest.ts';
import { storedFile } from '../../../lib/object/file.ts';
import { signRecord } from '../../../lib/trust/sign.ts';
import { graphWith } from '../../support/graph-with.ts';
import { localStores } from '../../support/local-stores.ts';
import { neo4jLogin } from '../../support/neo4j-login.ts';
import { wipe } from '../../support/snapshot.ts';
import { testKey } from '../../support/test-key.ts';

const { privateKey, key } = testKey();
const folder = mkdtempSync(join(tmpdir(), 'custody-'));
let graph: Graph;
beforeAll(() => {
  graph = openGraph(neo4jLogin);
});
afterAll(async () => {
  await graph.close();
  rmSync(folder, { recursive: true });
});

/** BEGIN and COMMIT. */
const ENDS = 2;

/** What is asked for side by side travels together. */
class Trips {
  transactions = 0;
  trips = 0;

  async of<T>(work: (tx: ManagedTransaction) => Promise<T>, tx: ManagedTransaction): Promise<T> {
    this.transactions += 1;
    this.trips += ENDS;
    let open = 0;
    const run = (statement: string, parameters?: object): unknown => {
      if (open === 0) this.trips += 1;
      open += 1;
      const result = tx.run(statement, parameters);
      const answered = (): void => void (open -= 1);
      result.then(answered, answered);
      return result;
    };
    const watched = new Proxy(tx, {
      get: (of, name): unknown => (name === 'run' ? run : Reflect.get(of, name)),
    });
    return work(watched);
  }
}

async function tripsOf(batches: number): Promise<Trips> {
  await wipe(graph);
  const count = new Trips();
  const real = graph[database];
  const watched: Partial<Database> = {
    read: (work) => real.read((tx) => count.of(work, tx)),
    write: (work, limit) => real.write((tx) => count.of(work, tx), limit),
    look: (statement, parameters) => {
      count.transactions += 1;
      count.trips += 1;
      return real.look(statement, parameters);
    },
  };
  const stores = localStores(graphWith(graph, watched), folder);
  await stores.sink.known('file:///the-schema-is-asked-for-once');
  Object.assign(count, { transactions: 0, trips: 0 });
  const at = { timestamp: '2026-01-01T00:00:00Z' };
  const records = Array.from({ length: batches * 1_000 }, (_, index) =>
    index === 0
      ? { type: 'dataset', hash: 'd', path: 'p', ...at }
      : index === 1
        ? { type: 'model', model_name: 'm', dataset_hashes: ['d'], ...at }
        : { type: 'inference', id: `i${index}`, model_name: 'm', ...at },
  );
  const path = join(folder, 'log.jsonl');
  writeFileSync(
    path,
    records.map((of) => `${signRecord(JSON.stringify(of), privateKey, 'digest')}\n`).join(''),
  );
  const options = { keys: [key], onBadLine: 'reject' } as const;
  const receipt = await ingestObject(storedFile(path), stores, options);
  expect(receipt).toMatchObject({ status: 'accepted', accepted: records.length });
  return count;
}

test('an object of one batch is three transactions of six round trips', async () => {
  // What is known of its name, and of its log; the batch, which is applied alone.
  expect(await tripsOf(1)).toMatchObject({ transactions: 3, trips: 1 + 1 + 4 });
});

test('each batch more is one transaction of four round trips, or of five where it waits for the one before it', async () => {
  // The stretches of sixteen batches are made at once.
  const { transactions, trips } = await tripsOf(5);
  expect(transactions).toBe(3 + 1 + 4);
  const others = trips - (1 + 1 + 4) - 3;
  expect(others).toBeGreaterThanOrEqual(4 * 4);
  expect(others).toBeLessThanOrEqual(4 * 5);
});
