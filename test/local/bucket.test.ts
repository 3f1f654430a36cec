import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { watchBucket } from '../../lib/local/bucket.ts';

test('a file that is to be tried again holds up no other, and is tried until it is done', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'custody-bucket-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const taken: string[] = [];
  let isReady = false;
  const bucket = watchBucket(
    folder,
    {
      take: (_, name) => {
        taken.push(name);
        return Promise.resolve(name !== 'a.jsonl' || isReady);
      },
      passOver: () => Promise.resolve(true),
    },
    50,
  );
  onTestFinished(() => bucket.close());
  writeFileSync(join(folder, 'a.jsonl'), 'a');
  await vi.waitFor(() => expect(taken.length).toBeGreaterThan(2), 20_000);
  writeFileSync(join(folder, 'b.jsonl'), 'b');
  await vi.waitFor(() => expect(taken).toContain('b.jsonl'), 20_000);
  isReady = true;
  const before = taken.length;
  await vi.waitFor(() => expect(taken.length).toBeGreaterThan(before), 20_000);
  await bucket.close();
  expect(taken.filter((name) => name === 'b.jsonl')).toHaveLength(1);
  expect(taken.at(-1)).toBe('a.jsonl');
});
