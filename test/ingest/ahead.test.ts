import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ahead } from '../../lib/ingest/ahead.ts';

async function* upTo(last: number): AsyncGenerator<number> {
  for (let item = 1; item <= last; item += 1) yield await Promise.resolve(item);
}

test.each([0, 1, 3, 4, 9])(
  'of %i items each comes in its turn, when it is ready, and no more than four are begun',
  async (count) => {
    const [begun, over] = [new Set<number>(), new Set<number>()];
    const seen: number[] = [];
    const begin = async (item: number): Promise<void> => {
      begun.add(item);
      // The later, the sooner.
      await pause(10 - item);
      over.add(item);
    };
    for await (const item of ahead(upTo(count), begin, 4)) {
      expect(over).toContain(item);
      seen.push(item);
      expect(begun.size - seen.length).toBeLessThan(4);
    }
    expect(seen).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  },
);

test('where the items break off, so does what comes of them', async () => {
  const broken = async function* (): AsyncGenerator<number> {
    yield* upTo(6);
    throw new Error('broken');
  };
  const seen: number[] = [];
  const all = async (): Promise<void> => {
    for await (const item of ahead(broken(), () => Promise.resolve(), 4)) seen.push(item);
  };
  await expect(all()).rejects.toThrow('broken');
  expect(seen).toEqual([1, 2, 3]);
});
