import fc from 'fast-check';
import { expect, test } from 'vitest';
import { visible, visibleJson } from '../../cli/terminal.ts';

test.each([
  ['an escape sequence', '\x1b[8mhidden', '\\u{1b}[8mhidden'],
  ['an end of line', 'a\r\nb', 'a\\u{d}\\u{a}b'],
  ['a tab', 'a\tb', 'a\\u{9}b'],
  ['a control character of C1', 'a\u{9b}8mb', 'a\\u{9b}8mb'],
  ['DEL', 'a\x7f', 'a\\u{7f}'],
  ['an override of direction', 'a\u{202e}b', 'a\\u{202e}b'],
  ['an isolate', '\u{2066}a\u{2069}', '\\u{2066}a\\u{2069}'],
  ['a space without width', 'a\u{200b}b\u{feff}', 'a\\u{200b}b\\u{feff}'],
  ['separators of lines and paragraphs', 'a\u{2028}b\u{2029}', 'a\\u{2028}b\\u{2029}'],
  ['a tag', 'a\u{e0041}', 'a\\u{e0041}'],
  ['a letter without a shape', 'a\u{3164}', 'a\\u{3164}'],
  ['half of a surrogate pair', 'a\ud800', 'a\\u{d800}'],
])('%s is shown, not obeyed', (_, text, shown) => {
  expect(visible(text)).toBe(shown);
});

test('what can be seen is shown as it is', () => {
  for (const text of ['', 'plain \\ "text"', 'é 日本 😀', 'ــع'])
    expect([visible(text), visibleJson(text)]).toEqual([text, text]);
});

test('JSON keeps its value, and has nothing unseen left', () => {
  const unseen = fc.constantFrom(
    '\u{7f}',
    '\u{9b}',
    '\u{202e}',
    '\u{200b}',
    '\u{2028}',
    '\u{e0041}',
  );
  const text = fc.array(fc.oneof(unseen, fc.string({ unit: 'binary' }))).map((of) => of.join(''));
  fc.assert(
    fc.property(fc.dictionary(text, text), (value) => {
      const json = visibleJson(JSON.stringify(value));
      expect(JSON.parse(json)).toEqual(value);
      expect(visible(json)).toBe(json);
    }),
  );
});
