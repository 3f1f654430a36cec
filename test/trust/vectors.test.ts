import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { KeyPolicy } from '../../lib/trust/key-policy.ts';
import { readVerifyingKey } from '../../lib/trust/keys.ts';
import { isRefusal, REJECTION_CODES } from '../../lib/trust/rejection.ts';
import { usable } from '../support/test-key.ts';
import { verdictOn } from '../support/verdict.ts';

interface Vectors {
  readonly keys: readonly string[];
  readonly maxLineBytes: number;
  readonly vectors: readonly {
    readonly id: string;
    readonly line: string;
    readonly result: string;
  }[];
}

interface RingVectors {
  readonly key: string;
  readonly vectors: readonly {
    readonly id: string;
    readonly policy: KeyPolicy;
    readonly address: string;
    readonly now: string;
    readonly line: string;
    readonly result: string;
  }[];
}

const parsed = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'));
const read = (name: string): Vectors => parsed(name) as Vectors;
const ring = parsed('ring') as RingVectors;

describe.each(['python', 'node'])('lines signed by %s', (signer) => {
  const { keys: pems, maxLineBytes, vectors } = read(signer);
  const keys = pems.map(usable);

  test.each(vectors)('$id: $result', ({ line, result }) => {
    const bytes = Buffer.from(line, 'base64');
    const verdict = verdictOn(bytes, keys, maxLineBytes);
    expect(isRefusal(verdict) ? verdict.code : 'accepted').toBe(result);
    const told = isRefusal(verdict) ? verdict.detail : '';
    const content = bytes.toString('utf8').slice(0, 40);
    expect(content.length === 40 && told.includes(content)).toBe(false);
  });
});

test.each(ring.vectors)('under what a ring says: $id: $result', ({ policy, result, ...of }) => {
  const key = readVerifyingKey(ring.key, policy);
  if ('problem' in key) throw new Error(key.problem);
  const circumstances = { address: of.address, now: Date.parse(of.now) };
  const verdict = verdictOn(Buffer.from(of.line, 'base64'), [key], undefined, circumstances);
  expect(isRefusal(verdict) ? verdict.code : 'accepted').toBe(result);
  const told = isRefusal(verdict) ? verdict.detail : '';
  for (const signed of ['d1', 'team-a', 'credit', '2026']) expect(told).not.toContain(signed);
});

test('every rejection code has a vector', () => {
  const results = [...read('python').vectors, ...read('node').vectors, ...ring.vectors].map(
    ({ result }) => result,
  );
  expect(REJECTION_CODES.filter((code) => !results.includes(code))).toEqual([]);
});

test('what was signed is kept to the letter', () => {
  const { keys, vectors } = read('python');
  const line = vectors.find(({ id }) => id === 'big-integer')?.line ?? '';
  expect(verdictOn(Buffer.from(line, 'base64'), keys.map(usable))).toMatchObject({
    record: { input: '{"n": 12345678901234567890, "f": 10.0, "e": 1e-05}' },
  });
});
