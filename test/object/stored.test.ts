import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { storedFile } from '../../lib/object/file.ts';
import type { StoredObject } from '../../lib/object/stored.ts';

/** The lengths of the chunks that a reading comes in. */
async function cutsOf(object: StoredObject, everyPause: number): Promise<number[]> {
  const cuts: number[] = [];
  for await (const chunk of object.read()) {
    cuts.push(chunk.length);
    if (cuts.length % everyPause === 0) await pause(20);
  }
  return cuts;
}

test('a gzip log is cut the same way, whoever waits for whom', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'custody-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'log.jsonl.gz');
  const log = Buffer.from(randomBytes(3_000_000).toString('base64'));
  writeFileSync(file, gzipSync(log));
  const object = storedFile(file);
  const quick = await cutsOf(object, Infinity);
  expect(await cutsOf(object, 4)).toEqual(quick);
  expect(quick.reduce((sum, length) => sum + length, 0)).toBe(log.length);
});
