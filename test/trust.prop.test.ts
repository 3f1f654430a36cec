import { generateKeyPairSync, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openEnvelope } from '../lib/trust/envelope.ts';
import { readVerifyingKey } from '../lib/trust/keys.ts';
import { LineFramer, type Line } from '../lib/trust/lines.ts';
import { isRefusal } from '../lib/trust/rejection.ts';
import { signRecord } from '../lib/trust/sign.ts';
import { verifyLine } from '../lib/trust/verify.ts';

const LIMIT = 6;

function framed(bytes: Uint8Array, cuts: readonly number[]): unknown[] {
  const framer = new LineFramer(LIMIT);
  const points = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const lines: Line[] = [];
  let from = 0;
  for (const to of [...points, bytes.length]) {
    lines.push(...framer.push(bytes.slice(from, to)));
    from = to;
  }
  lines.push(...framer.end());
  return lines.map((line) => ({
    ...line,
    bytes: line.bytes && Buffer.from(line.bytes).toString('hex'),
  }));
}

const nasty = fc
  .array(fc.constantFrom(0x0a, 0x0d, 0x61, 0xe2, 0x80, 0xa8), { maxLength: 60 })
  .map((bytes) => Uint8Array.from(bytes));

test('cutting the same bytes anywhere never changes the lines', () => {
  fc.assert(
    fc.property(nasty, fc.array(fc.nat(), { maxLength: 8 }), (bytes, cuts) => {
      expect(framed(bytes, cuts)).toEqual(framed(bytes, []));
    }),
    { numRuns: 5_000 },
  );
});

test('lines are what lies between line feeds, a carriage return before one left out', () => {
  fc.assert(
    fc.property(nasty, (bytes) => {
      const parts = Buffer.from(bytes).toString('latin1').split('\n');
      const last = parts.pop() ?? '';
      const texts = [
        ...parts.map((part) => part.replace(/\r$/, '')),
        ...(last === '' ? [] : [last]),
      ];
      expect(framed(bytes, [])).toMatchObject(
        texts.map((text, index) => ({
          number: index + 1,
          length: text.length,
          bytes: text.length > LIMIT ? null : Buffer.from(text, 'latin1').toString('hex'),
        })),
      );
    }),
    { numRuns: 2_000 },
  );
});

test('every single-bit flip of 100 signed lines is refused', { timeout: 300_000 }, () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const key = readVerifyingKey(publicKey.export({ type: 'spki', format: 'pem' }).toString());
  if ('problem' in key) throw new Error(key.problem);
  const accepts = (bytes: Uint8Array): boolean =>
    !isRefusal(
      verifyLine({ number: 1, offset: 0, length: bytes.length, bytes, terminated: true }, 'a', [
        key,
      ]),
    );
  for (let index = 0; index < 100; index += 1) {
    const text = `{"type":"dataset","hash":"${index}","path":"p","timestamp":"2026-01-01T00:00:00Z"}`;
    const bytes = Buffer.from(signRecord(text, privateKey, index % 2 === 0 ? 'digest' : 'max'));
    expect(accepts(bytes)).toBe(true);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const at = bit >> 3;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      if (accepts(bytes)) throw new Error(`line ${index} is accepted with bit ${bit} flipped`);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
    }
  }
});

test('100,000 random lines are each read or refused, never a crash', { timeout: 120_000 }, () => {
  const good = '{"schema_version":"1.1","signed_data":"{}","signature":"AAAA"}';
  for (let index = 0; index < 100_000; index += 1) {
    const bytes = index % 2 === 0 ? randomBytes(index % 40) : Buffer.from(good);
    if (index % 2 === 1) randomBytes(3).copy(bytes, index % (bytes.length - 3));
    const result = openEnvelope(bytes);
    expect('code' in result || 'signedData' in result).toBe(true);
  }
});
