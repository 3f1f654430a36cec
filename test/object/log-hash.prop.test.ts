import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isHashState, LogHash, type HashState } from '../../lib/object/log-hash.ts';
import { storedObject, type StoredObject } from '../../lib/object/stored.ts';
import { atDepth } from '../support/depth.ts';

const hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What a delivery leaves for the next one has gone through the database as text. */
const kept = (state: HashState | null): HashState | null => {
  const text: unknown = JSON.parse(JSON.stringify(state));
  return isHashState(text) ? text : null;
};

const PART = 64;
const partsOf = (bytes: Uint8Array): string[] =>
  Array.from({ length: Math.ceil(bytes.length / PART) }, (_, index) =>
    hex(bytes.subarray(index * PART, (index + 1) * PART)),
  );

test('wherever it is cut, and however often it is saved, the hash of a log is that of all its bytes, and of each part', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.boolean()), { maxLength: 12 }),
      fc.boolean(),
      async (chunks, hasParts) => {
        const partBytes = hasParts ? PART : null;
        let hash = await LogHash.resumed(partBytes, null);
        const once = LogHash.ofOneReading(partBytes);
        for (const [chunk, isSaved] of chunks) {
          hash.update(chunk);
          once.update(chunk);
          if (isSaved) hash = await LogHash.resumed(partBytes, kept(hash.state()));
        }
        const all = Buffer.concat(chunks.map(([chunk]) => chunk));
        const parts = hasParts ? { bytes: PART, sha256: partsOf(all) } : null;
        expect(hash.end()).toEqual({ sha256: hex(all), parts });
        expect(once.end()).toEqual({ sha256: hex(all), parts });
      },
    ),
    { numRuns: atDepth(1_000) },
  );
});

const CHUNK = 50;

function objectOf(bytes: Uint8Array): StoredObject {
  async function* chunks(from: number): AsyncGenerator<Uint8Array> {
    for (let at = from; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
  }
  const s3 = { bucket: 'b', key: 'k', versionId: 'v' };
  const store = { name: 'k', origin: { s3, etag: 'e' }, isGzip: false, uri: 'u' };
  const named = { ...store, bytes: bytes.length, uriOf: () => 'u', chunks };
  return storedObject(named, { copyLimits: { wholeBytes: 500, partBytes: PART } });
}

test('read in several deliveries, an object has the name of all its bytes, and no byte is told twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 1_500 }),
      fc.array(fc.nat({ max: 12 }), { maxLength: 6 }),
      async (bytes, stops) => {
        bytes[0] = 0x7b;
        const told: Uint8Array[] = [];
        const length = (): number => told.reduce((sum, part) => sum + part.length, 0);
        let state: HashState | null = null;
        for (const [nth, stop] of [...stops, Infinity].entries()) {
          const object = objectOf(bytes);
          // The first delivery's hash can't be saved: the second one makes it good.
          const hash = nth === 0 ? undefined : await object.resumedHash(state);
          let chunks = 0;
          for await (const chunk of object.read(length(), hash)) {
            told.push(chunk);
            if ((chunks += 1) > stop) break;
          }
          state = kept(hash?.state() ?? null);
          const parts = bytes.length > 500 ? { bytes: PART, sha256: partsOf(bytes) } : null;
          if (stop === Infinity)
            expect(object.identity()).toMatchObject({ sha256: hex(bytes), parts });
        }
        expect(Buffer.concat(told).equals(bytes)).toBe(true);
      },
    ),
    { numRuns: atDepth(1_000) },
  );
});
