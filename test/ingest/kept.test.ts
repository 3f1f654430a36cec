import { expect, test } from 'vitest';
import { Kept } from '../../lib/ingest/kept.ts';
import { isRefusal } from '../../lib/trust/rejection.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import type { VerifiedRecord } from '../../lib/trust/verify.ts';
import { testKey } from '../support/test-key.ts';
import { verdictOn } from '../support/verdict.ts';

const { privateKey, key } = testKey();
const text = '{"type":"dataset","hash":"h","path":"p","timestamp":"2026-01-01T00:00:00Z"}';
const line = Buffer.from(signRecord(text, privateKey, 'digest'));

function verified(): VerifiedRecord {
  const verdict = verdictOn(line, [key]);
  if (isRefusal(verdict)) throw new Error(verdict.detail);
  return verdict;
}

test('records are kept up to the bound, and beyond it none of them', () => {
  for (const [lines, isKept] of [
    [3, true],
    [4, false],
    [5, false],
  ] as const) {
    const kept = new Kept(line.length * 3);
    for (let count = 0; count < lines; count += 1) kept.add(verified());
    expect(kept.take(lines)).toEqual(isKept ? [verified(), verified(), verified()] : null);
  }
});

test('of a log that is announced to be too large nothing is kept, and of any other all is', () => {
  for (const [announced, isKept] of [
    [line.length + 1, false],
    [line.length, true],
    [null, true],
  ] as const) {
    const kept = new Kept(line.length, announced);
    kept.add(verified());
    expect(kept.take(1)).toEqual(isKept ? [verified()] : null);
  }
});

test('where a line has no record, none is given away, and nothing is given away twice', () => {
  const kept = new Kept();
  kept.add(verified());
  expect(kept.take(2)).toBeNull();
  expect(kept.take(1)).toBeNull();
});
