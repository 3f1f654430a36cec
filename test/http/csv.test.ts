import { expect, test } from 'vitest';
import { csv } from '../../lib/http/csv.ts';

const cellOf = (text: string): string =>
  /^"c","end"\r\n"([^]*)",\r\n,"complete"\r\n$/
    .exec(csv(['c'], [[text]], { complete: true }))?.[1]
    ?.replaceAll('""', '"') ?? 'no table of one cell';

test('a table has each text in quotes, numbers without, and a last row that speaks of the table', () => {
  expect(
    csv(
      ['a', 'b'],
      [
        ['x"y,\n', -1],
        [null, 2],
      ],
      { complete: true },
    ),
  ).toBe('"a","b","end"\r\n"x""y,\n",-1,\r\n,2,\r\n,,"complete"\r\n');
  expect(csv(['a'], [], { complete: false, note: 'next=x' })).toBe(
    '"a","end"\r\n,"incomplete: next=x"\r\n',
  );
});

const STARTS = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

test('a cell of a CSV is never a formula, whatever stands before its sign', () => {
  for (const start of STARTS)
    for (const before of ['', ' ', '"', "'", ' "', '\u{a0}', '\u{feff}', '\u{200b}', '\u{1}', '“'])
      expect(cellOf(`${before}${start}1+1`)).toBe(`'${before}${start}1+1`);
  for (const start of ['\t', '\r', '\n']) expect(cellOf(`${start}x`)).toBe(`'${start}x`);
  expect(cellOf('\t=1+1')).toBe("'\t'=1+1");
});

test('a cell is no formula where a spreadsheet takes another separator, either', () => {
  for (const start of STARTS)
    for (const before of [';', '\t', '\n', '\r\n', '\r'])
      expect(cellOf(`x${before}${start}1`)).toBe(`x${before}'${start}1`);
  expect(cellOf('x; "=1')).toBe(`x;' "=1`);
});

test('a text that begins no formula is kept to the letter', () => {
  for (const text of ['', 'x', 'a-b', 'a,=1', "o'clock", '1+1', 'a\r\nb', '; x', '#complete', 'é'])
    expect(cellOf(text)).toBe(text);
});

test('no row can be taken for the last one: a name fills no cell but its own', () => {
  const names = ['complete', 'incomplete: next=x', '","complete"\r\n', ',,complete', '#complete'];
  const text = csv(
    ['id', 'model'],
    names.map((name) => [name, name]),
    { complete: false },
  );
  const ends = [...text.matchAll(/(?:"(?:[^"]|"")*")?,(?:"(?:[^"]|"")*")?,("(?:[^"]|"")*")?\r\n/g)];
  expect(ends.map(([, end]) => end ?? '')).toEqual(['"end"', '', '', '', '', '', '"incomplete"']);
});
