import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../../lib/graph/connection.ts';
import { GraphWriter } from '../../../lib/graph/write/writer.ts';
import { atDepth } from '../../support/depth.ts';
import { neo4jLogin } from '../../support/neo4j-login.ts';
import { expectedGraph } from '../../support/oracle.ts';
import {
  inferenceLogs,
  manyVersions,
  randomObjects,
  relabelled,
} from '../../support/random-records.ts';
import { graphSnapshot, placesOf, possiblePlaces, wipe } from '../../support/snapshot.ts';
import { writeObject } from '../../support/write-object.ts';

let graph: Graph;
beforeAll(() => {
  graph = openGraph(neo4jLogin);
});
afterAll(() => graph.close());

const expected = (objects: { records: Parameters<typeof expectedGraph>[0] }[]) =>
  expectedGraph(objects.flatMap(({ records }) => records));

const SETS = atDepth(200);

test(
  `any order, split, repetition and break-off of ${SETS} record sets ends in the same graph`,
  { timeout: 1_800_000 },
  async () => {
    const orders = fc.array(
      fc.record({
        pick: fc.nat(),
        size: fc.integer({ min: 1, max: 7 }),
        stop: fc.integer({ min: 1, max: 9 }),
      }),
      { maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(randomObjects, orders, async (objects, extra) => {
        await wipe(graph);
        const writer = new GraphWriter(graph);
        for (const { pick, size, stop } of extra) {
          const object = objects[pick % objects.length];
          if (object !== undefined) await writeObject(writer, object, size, stop);
        }
        for (const object of objects.toReversed()) await writeObject(writer, object, 5);
        expect(await graphSnapshot(graph)).toEqual(expected(objects));
        const places = possiblePlaces(objects.flatMap(({ records }) => records));
        expect((await placesOf(graph)).filter((place) => !places.has(place))).toEqual([]);
      }),
      { numRuns: SETS, endOnFailure: true },
    );
  },
);

test(
  'an edge or a pending link keeps the 100 least digests of its evidence',
  { timeout: 1_800_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(manyVersions, fc.integer({ min: 1, max: 40 }), async (objects, size) => {
        await wipe(graph);
        const writer = new GraphWriter(graph);
        for (const object of objects) await writeObject(writer, object, size);
        expect(await graphSnapshot(graph)).toEqual(expected(objects));
      }),
      { numRuns: atDepth(12), endOnFailure: true },
    );
  },
);

// Mostly inferences, in several batches each: what writers add side by side, while others bring models.
const crowd = fc.array(fc.oneof(inferenceLogs, inferenceLogs, randomObjects), {
  minLength: 4,
  maxLength: 6,
});

const ROUNDS = { overlapping: atDepth(50), between: atDepth(20) };

test.each([
  [
    `overlapping records, ${ROUNDS.overlapping} times`,
    fc.sample(randomObjects, ROUNDS.overlapping),
  ],
  [
    `logs of inferences between new models, ${ROUNDS.between} times`,
    fc.sample(crowd, ROUNDS.between).map((all) => relabelled(all.flat())),
  ],
])(
  '8 writers at once on %s end in the graph of the oracle',
  { timeout: 1_800_000 },
  async (_, rounds) => {
    const graphs = Array.from({ length: 8 }, () => openGraph(neo4jLogin));
    try {
      for (const objects of rounds) {
        await wipe(graph);
        await Promise.all(
          graphs.map(async (own, index) => {
            const writer = new GraphWriter(own);
            for (let step = 0; step < objects.length; step += 1) {
              const object = objects[(index + step) % objects.length];
              if (object !== undefined) await writeObject(writer, object, 1 + (index % 4));
            }
          }),
        );
        expect(await graphSnapshot(graph)).toEqual(expected(objects));
      }
    } finally {
      await Promise.all(graphs.map((own) => own.close()));
    }
  },
);
