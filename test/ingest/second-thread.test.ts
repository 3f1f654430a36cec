import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { verifyObject } from '../../lib/ingest/verify-object.ts';
import { storedFile } from '../../lib/object/file.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { startSignatureThread, type SignatureThread } from '../../lib/trust/signature-thread.ts';
import { testKey } from '../support/test-key.ts';

const { privateKey, key } = testKey();
const folder = mkdtempSync(join(tmpdir(), 'custody-thread-'));
afterAll(() => rmSync(folder, { recursive: true }));

const signed = signRecord(
  '{"type":"dataset","hash":"h","path":"p","timestamp":"2026-01-01T00:00:00Z"}',
  privateKey,
  'max',
);
/** Some are cut by the chunks in which a file is read, and there are more chunks than are begun at once. */
const LINES = 2_000;

function logOf(name: string, bad: readonly number[]): string {
  const path = join(folder, name);
  const lines = Array.from({ length: LINES }, (_, index) =>
    bad.includes(index + 1) ? signed.replace('dataset', 'Dataset') : signed,
  );
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

const whole = logOf('whole', []);
const broken = logOf('broken', [1, 1_000, LINES]);

const options = { keys: [key], onBadLine: 'quarantine' } as const;
const ALONE = await Promise.all(
  [whole, broken].map(async (path) => ({
    path,
    verdict: await verifyObject(storedFile(path), options),
  })),
);

const working = (): SignatureThread => startSignatureThread([key]);
const ofNoKey = (): SignatureThread => startSignatureThread([]);
/** Its end comes while it is being asked. */
const dying = (): SignatureThread => {
  const thread = working();
  setImmediate(() => void thread[Symbol.asyncDispose]());
  return thread;
};

test.each([
  ['that works', working],
  ['that dies', dying],
  ['that knows no key', ofNoKey],
])(
  'with a thread %s a log comes to the verdict that it has without one',
  async (_, startThread) => {
    for (const { path, verdict } of ALONE)
      expect(await verifyObject(storedFile(path), { ...options, startThread })).toEqual(verdict);
  },
);

test('with a thread that works this one checks no signature of a good log, and ends it', async () => {
  const check = vi.spyOn(key, 'verify');
  const thread = working();
  const receipt = await verifyObject(storedFile(whole), { ...options, startThread: () => thread });
  expect(receipt).toMatchObject({ status: 'accepted', lines: LINES });
  expect(check).not.toHaveBeenCalled();
  check.mockRestore();
  expect(await thread.check([])).toBeNull();
});
