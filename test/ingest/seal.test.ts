import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatJudged, judge, parseJudged, verdictOf } from '../../lib/ingest/judge.ts';
import { receiptOf, spellReceipt } from '../../lib/ingest/receipt.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { atDepth } from '../support/depth.ts';
import { logInMemory } from '../support/proofs.ts';
import { testKey } from '../support/test-key.ts';

const { privateKey, key } = testKey();
const other = testKey();
const options = { keys: [key, other.key], onBadLine: 'reject' } as const;

const timestamp = '2026-01-01T00:00:00Z';
const signed = Array.from({ length: 30 }, (_, at) =>
  signRecord(
    JSON.stringify({ type: 'dataset', hash: `${at}`, path: 'p', timestamp }),
    at % 7 === 3 ? other.privateKey : privateKey,
    'digest',
  ),
);

test('judged in one delivery or in many, a log has one seal: its root, its kids, the version that judged it', async () => {
  const log = Buffer.from(`${signed.join('\n')}\nno record\n`);
  const whole = verdictOf(await judge(logInMemory(log), options, null), options);
  expect(whole.seal).toMatchObject({ kids: [key.kid, other.key.kid].sort() });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 4 }), async (stops) => {
      let before = null;
      for (const stop of [...stops, Infinity]) {
        let left = stop;
        const isTimeUp = (): boolean => (left -= 1) < 0;
        const judged = await judge(logInMemory(log), { ...options, isTimeUp }, before);
        if (judged.isWhole) {
          expect(verdictOf(judged, options).seal).toEqual(whole.seal);
          return;
        }
        before = parseJudged(formatJudged(judged, options), options);
        expect(before).not.toBeNull();
      }
    }),
    { numRuns: atDepth(200) },
  );
});

test('a rejected log has the root of all that was read, and no line of it in the receipt', async () => {
  const log = Buffer.from('secret\n'.repeat(1_500));
  const object = logInMemory(log);
  const judged = await judge(object, options, null);
  const receipt = receiptOf(object.identity(), verdictOf(judged, options), {
    accepted: 0,
    duplicate: 0,
  });
  expect(receipt).toMatchObject({
    status: 'rejected',
    lines: 1_500,
    rejectedTotal: 1_000,
    kids: [],
  });
  expect(receipt.root).toMatch(/^[0-9a-f]{64}$/);
  expect(spellReceipt(receipt)).not.toContain('secret');
});

test('a receipt has one spelling whatever the order of its members, and fits a leaf of the tlog', () => {
  const rejected = Array.from({ length: 100 }, (_, at) => ({
    line: at + 1,
    code: 'LINE_NOT_JSON',
    detail: 'é'.repeat(500),
  }));
  const receipt = {
    custody: '1.0.0',
    kids: [],
    root: null,
    sha256: null,
    bytes: 1,
    rejected,
    rejectedTotal: 100,
    withheld: 0,
    duplicate: 0,
    accepted: 0,
    lines: 100,
    status: 'rejected',
    object: 'file:///a',
  } as const;
  const text = spellReceipt(receipt);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(65_535);
  expect(
    text.startsWith('{"type":"receipt","object":"file:///a","status":"rejected","lines":100,'),
  ).toBe(true);
  expect((JSON.parse(text) as { rejected: unknown[] }).rejected.length).toBeGreaterThan(50);
  expect(
    spellReceipt(Object.fromEntries(Object.entries(receipt).toReversed()) as typeof receipt),
  ).toBe(text);
});
