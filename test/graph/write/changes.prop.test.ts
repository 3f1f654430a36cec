import fc from 'fast-check';
import { expect, test } from 'vitest';
import { atDepth } from '../../support/depth.ts';
import { MemoryGraph } from '../../support/memory-graph.ts';
import { expectedGraph } from '../../support/oracle.ts';
import { manyVersions, randomObjects } from '../../support/random-records.ts';

const SETS = atDepth(2_000);

test(
  `${SETS} record sets in any order, split and repetition are decided as the oracle says`,
  { timeout: 900_000 },
  () => {
    fc.assert(
      fc.property(
        randomObjects,
        fc.array(fc.nat(), { minLength: 20, maxLength: 20 }),
        fc.integer({ min: 1, max: 9 }),
        (objects, keys, size) => {
          const records = objects.flatMap((object) => object.records);
          const order = [...records, ...records.slice(0, (keys[0] ?? 0) % 20)]
            .map((record, index) => ({ record, key: (keys[index % 20] ?? 0) * (index + 1) }))
            .sort((a, b) => a.key - b.key)
            .map(({ record }) => record);
          const graph = new MemoryGraph();
          for (let at = 0; at < order.length; at += size) graph.apply(order.slice(at, at + size));
          expect(graph.snapshot()).toEqual(expectedGraph(records, Infinity));
        },
      ),
      { numRuns: SETS },
    );
  },
);

test('a batch that is applied again changes nothing, and all of it is counted as duplicate', () => {
  fc.assert(
    fc.property(fc.oneof(randomObjects, manyVersions), (objects) => {
      const graph = new MemoryGraph();
      const records = objects.flatMap((object) => object.records);
      const first = graph.apply(records);
      const signings = records.map(({ record, kid }) => `${record.digest} ${kid}`);
      expect(first.accepted).toBe(new Set(signings).size);
      const before = graph.snapshot();
      const again = graph.apply(records);
      expect([again.accepted, again.duplicate]).toEqual([0, records.length]);
      expect(graph.snapshot()).toEqual(before);
    }),
    { numRuns: SETS / 4 },
  );
});
