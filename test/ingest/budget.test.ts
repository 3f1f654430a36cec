import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test, vi } from 'vitest';
import type { IngestOptions } from '../../lib/ingest/judge.ts';
import { verifyObject } from '../../lib/ingest/verify-object.ts';
import { storedFile } from '../../lib/object/file.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { testKey } from '../support/test-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'custody-'));
afterAll(() => rmSync(folder, { recursive: true }));

const { privateKey, key } = testKey();
const record = { type: 'dataset', hash: 'h', path: 'p', timestamp: '2026-01-01T00:00:00Z' };
const GOOD = `${signRecord(JSON.stringify(record), privateKey, 'digest')}\n`;
const FORGED = GOOD.replace('\\"h\\"', '\\"x\\"');
const options: IngestOptions = { keys: [key], onBadLine: 'reject' };

function fileOf(content: string | Uint8Array, name = 'log.jsonl'): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

test('behind a thousand refusals of a rejected log the lines are counted, and no signature is checked any more', async () => {
  const checks = vi.spyOn(key, 'verify');
  const path = fileOf(GOOD + FORGED.repeat(3_000) + GOOD);
  expect(await verifyObject(storedFile(path), options)).toMatchObject({
    status: 'rejected',
    lines: 3_002,
    rejectedTotal: 1_000,
    rejectedAtLeast: true,
    withheld: 2_002,
  });
  expect(checks).toHaveBeenCalledTimes(1_001);
  checks.mockRestore();
});

test('a thousand refusals that are all lines of a log are told as exactly so many', async () => {
  const receipt = await verifyObject(storedFile(fileOf(FORGED.repeat(1_000))), options);
  expect(receipt).toMatchObject({ status: 'rejected', rejectedTotal: 1_000, withheld: 0 });
  expect(receipt).not.toHaveProperty('rejectedAtLeast');
});

test('in quarantine every line is judged for as long as the log may still be kept', async () => {
  const path = fileOf(GOOD + '\n'.repeat(3_000) + GOOD);
  const quarantine = { ...options, onBadLine: 'quarantine' } as const;
  expect(await verifyObject(storedFile(path), quarantine)).toMatchObject({
    status: 'partial',
    lines: 3_002,
    rejectedTotal: 3_000,
    accepted: 1,
    duplicate: 1,
  });
});

test('a log with more lines than the limit is refused as soon as that is seen', async () => {
  const limited = { ...options, maxLines: 10 };
  expect(await verifyObject(storedFile(fileOf(GOOD.repeat(10))), limited)).toMatchObject({
    status: 'accepted',
  });
  const tooMany = verifyObject(storedFile(fileOf(GOOD.repeat(10) + GOOD.trimEnd())), limited);
  await expect(tooMany).rejects.toMatchObject({ code: 'LINES_TOO_MANY' });
});

test('a gzip log that unpacks to more than one may have is refused, and says that it may come plain', async () => {
  const path = fileOf(gzipSync(GOOD.repeat(10)), 'log.jsonl.gz');
  const read = (maxGzipBytes: number): Promise<unknown> =>
    verifyObject(storedFile(path, { maxGzipBytes }), options);
  expect(await read(GOOD.length * 10)).toMatchObject({ status: 'accepted' });
  await expect(read(GOOD.length * 10 - 1)).rejects.toMatchObject({
    code: 'GZIP_TOO_LARGE',
    message: expect.stringContaining('drop it plain') as unknown,
  });
});
