import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineFramer, MAX_LINE_BYTES, type Line } from '../../lib/trust/lines.ts';

function framed(chunks: readonly Uint8Array[], limit?: number): Line[] {
  const framer = new LineFramer(limit);
  const lines = chunks.flatMap((chunk) => framer.push(chunk));
  return [...lines, ...framer.end()];
}
const chunked = (bytes: Uint8Array, size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.slice(index * size, (index + 1) * size),
  );
const facts = (lines: readonly Line[]): unknown[] =>
  lines.map((line) => ({ ...line, bytes: line.bytes && Buffer.from(line.bytes).toString('hex') }));

test('a line is the slice of the input at its offset, and lines leave no byte over', () => {
  const piece = fc.constantFrom('\n', '\r\n', '\r', 'a', 'bcd', '\u2028', '\u0085');
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }),
      fc.integer({ min: 1, max: 9 }),
      fc.nat({ max: 8 }),
      (pieces, size, limit) => {
        const bytes = Buffer.from(pieces.join(''));
        const lines = framed(chunked(bytes, size), limit);
        expect(facts(lines)).toEqual(facts(framed([bytes], limit)));
        let next = 0;
        for (const { offset, length, bytes: held, terminated } of lines) {
          expect(offset).toBe(next);
          const slice = bytes.subarray(offset, offset + length).toString('hex');
          expect(held && Buffer.from(held).toString('hex')).toBe(length <= limit ? slice : null);
          next = terminated ? bytes.indexOf(0x0a, offset) + 1 : offset + length;
        }
        expect(next).toBe(bytes.length);
      },
    ),
    { numRuns: 5_000 },
  );
});

test('CR LF does not count against the limit, wherever the chunks end', () => {
  for (let size = 1; size <= 8; size += 1) {
    const lines = framed(chunked(Buffer.from('abcd\r\nabcde\nabc\r\r\nabcd\r'), size), 4);
    expect(lines.map(({ bytes, length }) => [length, bytes !== null])).toEqual([
      [4, true],
      [5, false],
      [4, true],
      [5, false],
    ]);
  }
});

test('a carried line does not change when its chunk is reused', () => {
  const framer = new LineFramer();
  const chunk = Buffer.from('abc');
  framer.push(chunk);
  chunk.fill('x');
  const [line] = framer.push(Buffer.from('\n'));
  expect(line?.bytes && Buffer.from(line.bytes).toString()).toBe('abc');
});

test('a line of the default limit is held and one byte more is not', () => {
  const bytes = Buffer.alloc(2 * MAX_LINE_BYTES + 3, 'a');
  bytes[MAX_LINE_BYTES] = 0x0a;
  bytes[bytes.length - 1] = 0x0a;
  const lines = framed(chunked(bytes, 1_000));
  expect(lines.map(({ length, bytes: held }) => [length, held !== null])).toEqual([
    [MAX_LINE_BYTES, true],
    [MAX_LINE_BYTES + 1, false],
  ]);
});

const LIMIT = 6;

function framedAt(bytes: Uint8Array, cuts: readonly number[]): unknown[] {
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
      expect(framedAt(bytes, cuts)).toEqual(framedAt(bytes, []));
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
      expect(framedAt(bytes, [])).toMatchObject(
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
