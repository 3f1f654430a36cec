import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { VerifyingKey } from '../../lib/trust/keys.ts';
import type { Place } from '../../lib/trust/lines.ts';
import { PassageFramer } from '../../lib/trust/passage.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { Signers } from '../../lib/trust/signers.ts';
import { verifyLines } from '../../lib/trust/verify.ts';
import { testKey } from '../support/test-key.ts';

const signers = [testKey(), testKey()] as const;
const keys = signers.map(({ key }) => key);

/** Lines of two keys, a blank one, one that is signed and no record, and a last one without its LF. */
const LOG = Buffer.from(
  Array.from({ length: 12 }, (_, index) => {
    const text = JSON.stringify({
      type: index === 7 ? 'elephant' : 'dataset',
      hash: `h${index}`,
      path: 'p',
      timestamp: '2026-01-01T00:00:00Z',
    });
    const { privateKey } = signers[index % 3 === 0 ? 1 : 0];
    return index === 4 ? '' : signRecord(text, privateKey, 'digest');
  }).join('\r\n'),
);
const CHUNK_BYTES = 1_500;

function chunksOf(log: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(log.length / size) }, (_, index) =>
    log.subarray(index * size, (index + 1) * size),
  );
}

function reading(
  chunks: readonly Uint8Array[],
  by: readonly VerifyingKey[],
  memory: Signers,
  begin?: Place,
): unknown[] {
  const framer = new PassageFramer(undefined, begin);
  const passages = [...chunks.map((chunk) => framer.push(chunk)), framer.end()];
  return passages.flatMap((passage) =>
    [...verifyLines(passage, 'file:///a', by, memory, { address: 'file:///a', now: 0 })].map(
      ([, verdict]) => verdict,
    ),
  );
}

function filled(): Signers {
  const memory = new Signers();
  reading(chunksOf(LOG, CHUNK_BYTES), keys, memory);
  return memory;
}

test('a second reading of the same bytes comes to the same records without checking a signature', () => {
  const memory = filled();
  const first = reading(chunksOf(LOG, CHUNK_BYTES), keys, new Signers());
  const checks = keys.map((key) => vi.spyOn(key, 'verify'));
  expect(reading(chunksOf(LOG, CHUNK_BYTES), keys, memory)).toEqual(first);
  expect(first).toMatchObject([
    ...[1, 0, 0, 1].map((by) => ({ kid: keys[by]?.kid })),
    { code: 'LINE_NOT_JSON' },
    ...[0, 1].map((by) => ({ kid: keys[by]?.kid })),
    { code: 'RECORD_TYPE_UNKNOWN' },
    ...[0, 1, 0, 0].map((by) => ({ kid: keys[by]?.kid })),
  ]);
  for (const check of checks) {
    expect(check).not.toHaveBeenCalled();
    check.mockRestore();
  }
});

test('a changed byte is found, and every line from its chunk on is verified again', () => {
  const memory = filled();
  const line = LOG.indexOf('"hash\\":\\"h6');
  const changed = Buffer.from(LOG);
  changed.write('x', line + '"hash\\":\\"'.length);
  const check = vi.spyOn(signers[0].key, 'verify');
  const verdicts = reading(chunksOf(changed, CHUNK_BYTES), keys, memory);
  expect(verdicts[6]).toMatchObject({ line: 7, code: 'SIGNATURE_INVALID' });
  expect(check).toHaveBeenCalled();
  check.mockRestore();
});

test('whatever was verified before, no other bytes, cuts, places or keys come to another verdict', () => {
  const memory = filled();
  fc.assert(
    fc.property(
      fc.option(fc.record({ at: fc.nat({ max: LOG.length - 1 }), bit: fc.nat({ max: 7 }) })),
      fc.oneof(
        fc.constantFrom(0.5, 1, 2).map((share) => share * CHUNK_BYTES),
        fc.integer({ min: 1, max: LOG.length }),
      ),
      fc.nat({ max: 2 }),
      fc.constantFrom(undefined, { number: 1, offset: 0 }, { number: 5, offset: 3_000 }),
      fc.subarray(keys),
      (flip, size, dropped, begin, by) => {
        const log = Buffer.from(LOG);
        if (flip !== null) log[flip.at] = (log[flip.at] ?? 0) ^ (1 << flip.bit);
        const chunks = chunksOf(log, size).slice(dropped);
        expect(reading(chunks, by, memory, begin)).toEqual(
          reading(chunks, by, new Signers(), begin),
        );
      },
    ),
    { numRuns: 300 },
  );
});
