import { expect, test } from 'vitest';
import { csv } from '../../lib/http/csv.ts';

test('a cell of a CSV is never a formula, and text is kept to the letter', () => {
  expect(csv([['a', 1, null, '=1+1', 'b"c,d\n', '-2', -2]])).toBe(
    `a,1,,'=1+1,"b""c,d\n",'-2,-2\r\n`,
  );
  for (const start of ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
    expect(csv([[`${start}1+1`]])).toMatch(/^"?'/);
});
