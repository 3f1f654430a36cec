import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { watchRings } from '../../lib/local/ring-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'custody-rings-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a ring that has changed is told, and what was not allowed before is taken again; the same text is not', async () => {
  const file = join(folder, 'ring.json');
  writeFileSync(file, 'one');
  const told: string[] = [];
  let changes = 0;
  let says = 'first';
  const watched = await watchRings(
    [file],
    () => Promise.resolve(says),
    (message) => told.push(message),
    () => (changes += 1),
  );
  expect([told, changes]).toEqual([['first'], 0]);
  says = 'second';
  // Watching begins a moment later; each writing is another text.
  let writings = 0;
  await vi.waitFor(
    () => {
      writeFileSync(file, `two ${(writings += 1)}`);
      expect(changes).toBeGreaterThan(0);
    },
    { timeout: 20_000, interval: 1_000 },
  );
  expect(told.slice(0, 2)).toEqual(['first', 'second']);
  await watched.close();
  const before = changes;
  writeFileSync(file, 'three');
  expect(changes).toBe(before);
});

test('where there is no ring, nothing is told', async () => {
  const told: string[] = [];
  const watched = await watchRings(
    [],
    () => Promise.resolve('x'),
    (said) => told.push(said),
    () => undefined,
  );
  await watched.close();
  expect(told).toEqual([]);
});
