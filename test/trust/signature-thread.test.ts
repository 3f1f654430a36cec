import fc from 'fast-check';
import { afterAll, expect, test, vi } from 'vitest';
import { openEnvelope, type Envelope } from '../../lib/trust/envelope.ts';
import type { VerifyingKey } from '../../lib/trust/keys.ts';
import { PassageFramer } from '../../lib/trust/passage.ts';
import { isRefusal } from '../../lib/trust/rejection.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { startSignatureThread, type SignatureThread } from '../../lib/trust/signature-thread.ts';
import { Signers } from '../../lib/trust/signers.ts';
import { verifyLines } from '../../lib/trust/verify.ts';
import { testKey } from '../support/test-key.ts';

const signers = [testKey(), testKey()] as const;
const keys = signers.map(({ key }) => key);
const LINES = 12;
const LOG = Buffer.from(
  Array.from({ length: LINES }, (_, index) => {
    const text = JSON.stringify({
      type: index === 7 ? 'elephant' : 'dataset',
      hash: `h${index} é 🐘`,
      path: 'p',
      timestamp: '2026-01-01T00:00:00Z',
    });
    const { privateKey } = signers[index % 3 === 0 ? 1 : 0];
    return index === 4 ? '' : signRecord(text, privateKey, index % 2 === 0 ? 'digest' : 'max');
  }).join('\n'),
);

const thread = startSignatureThread(keys);
afterAll(() => thread[Symbol.asyncDispose]());

async function verdicts(
  log: Uint8Array,
  by: readonly VerifyingKey[],
  other: SignatureThread | null,
): Promise<unknown[]> {
  const memory = new Signers();
  const framer = new PassageFramer();
  const passages = [framer.push(log), framer.end()];
  for (const passage of passages) if (other !== null) await memory.ahead(passage, other);
  return passages.flatMap((passage) =>
    [...verifyLines(passage, 'log', by, memory, { address: 'file:///a', now: 0 })].map(
      ([, verdict]) => verdict,
    ),
  );
}

test('what another thread has checked is not checked again, and comes to the same records', async () => {
  const alone = await verdicts(LOG, keys, null);
  expect(alone.filter((verdict) => !isRefusal(verdict as object))).toHaveLength(LINES - 2);
  const checks = keys.map((key) => vi.spyOn(key, 'verify'));
  expect(await verdicts(LOG, keys, thread)).toEqual(alone);
  for (const check of checks) {
    expect(check).not.toHaveBeenCalled();
    check.mockRestore();
  }
});

test('whatever bit is flipped and whichever keys count, another thread changes no verdict', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.option(fc.record({ at: fc.nat({ max: LOG.length - 1 }), bit: fc.nat({ max: 7 }) })),
      fc.subarray(keys),
      async (flip, by) => {
        const log = Buffer.from(LOG);
        if (flip !== null) log[flip.at] = (log[flip.at] ?? 0) ^ (1 << flip.bit);
        expect(await verdicts(log, by, thread)).toEqual(await verdicts(log, by, null));
      },
    ),
    { numRuns: 100 },
  );
});

test('an envelope is held to its own signature, not to its neighbour’s', async () => {
  const [one, two] = LOG.toString('utf8').split('\n').slice(0, 2).map(opened);
  if (one === undefined || two === undefined) throw new Error('there are two lines');
  const swapped = [
    { ...one, signature: two.signature },
    { ...two, signature: one.signature },
  ];
  expect(await thread.check([one, two])).toEqual([keys[1], keys[0]]);
  expect(await thread.check(swapped)).toEqual([null, null]);
  expect(await thread.check([])).toEqual([]);
});

test('a thread that is gone, or goes while it is asked, answers nothing, and the lines are verified all the same', async () => {
  const alone = await verdicts(LOG, keys, null);
  const mortal = startSignatureThread(keys);
  const asked = verdicts(LOG, keys, mortal);
  await mortal[Symbol.asyncDispose]();
  expect(await asked).toEqual(alone);
  expect(await verdicts(LOG, keys, mortal)).toEqual(alone);
  expect(await mortal.check([])).toBeNull();
});

function opened(line: string): Envelope {
  const envelope = openEnvelope(Buffer.from(line));
  if (isRefusal(envelope)) throw new Error(envelope.detail);
  return envelope;
}
