import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { envelopeReader } from '../lib/evidence.ts';
import { storedObject } from '../lib/object/stored.ts';

test('reading a log that takes too long ends when its time is up, and asks the archive for nothing more', async () => {
  let chunks = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      await setImmediate();
      chunks += 1;
      yield Buffer.alloc(1_000);
    }
  }
  const store = { name: 'log', origin: { pipe: 'log' }, isGzip: false, uri: 'a:', bytes: null };
  const read = envelopeReader(
    {
      open: () =>
        Promise.resolve(storedObject({ ...store, uriOf: () => 'a:', chunks: endless }, {})),
    },
    () => Promise.resolve([]),
  );
  const place = { kid: 'k', log: 'l', line: 1, offset: 0, length: 1e15, version: null };
  await expect(read('d', place, AbortSignal.timeout(50))).rejects.toThrow(/aborted due to timeout/);
  const before = chunks;
  await setImmediate();
  expect(chunks).toBe(before);
});
