import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../../lib/graph/connection.ts';
import { database } from '../../../lib/graph/database.ts';
import { GraphWriter } from '../../../lib/graph/write/writer.ts';
import { atDepth } from '../../support/depth.ts';
import { graphWith } from '../../support/graph-with.ts';
import { neo4jLogin } from '../../support/neo4j-login.ts';
import { expectedGraph } from '../../support/oracle.ts';
import { randomObjects, type RandomObject } from '../../support/random-records.ts';
import { graphSnapshot, wipe } from '../../support/snapshot.ts';
import { writeObject } from '../../support/write-object.ts';

let graph: Graph;
beforeAll(() => {
  graph = openGraph(neo4jLogin);
});
afterAll(() => graph.close());

class Lost extends Error {}

/** The real graph, whose n-th writing transaction is lost before its COMMIT or has its reply lost after it. */
function failing(fault: 'lost-before-commit' | 'reply-lost-after-commit', nth: number): Graph {
  let count = 0;
  return graphWith(graph, {
    async write(work) {
      count += 1;
      if (count !== nth) return graph[database].write(work);
      if (fault === 'reply-lost-after-commit') await graph[database].write(work);
      // The driver runs the work again after a lost reply; a lost transaction reaches the caller.
      return fault === 'reply-lost-after-commit'
        ? graph[database].write(work)
        : graph[database].write(async (tx) => {
            await work(tx);
            throw new Lost();
          });
    },
  });
}

async function deliver(writer: GraphWriter, object: RandomObject): Promise<boolean> {
  try {
    await writeObject(writer, object, 3);
    return true;
  } catch (error) {
    if (error instanceof Lost) return false;
    throw error;
  }
}

test.each(['lost-before-commit', 'reply-lost-after-commit'] as const)(
  'a write %s is made good by the redelivery, at every transaction, and counted once',
  { timeout: 1_800_000 },
  async (fault) => {
    for (const objects of fc.sample(randomObjects, { numRuns: atDepth(12), seed: 20_261 })) {
      for (let nth = 1; nth <= 6; nth += 1) {
        await wipe(graph);
        const writer = new GraphWriter(failing(fault, nth));
        for (const object of objects) {
          const isDone = (await deliver(writer, object)) || (await deliver(writer, object));
          expect(isDone).toBe(true);
          const { status, accepted, duplicate } = await writer.known(object.uri);
          expect([status, accepted + duplicate]).toEqual(['accepted', object.records.length]);
        }
        const records = objects.flatMap((object) => object.records);
        expect(await graphSnapshot(graph)).toEqual(expectedGraph(records));
      }
    }
  },
);
