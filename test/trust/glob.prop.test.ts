import fc from 'fast-check';
import { expect, test } from 'vitest';
import { glob } from '../../lib/trust/glob.ts';
import { atDepth } from '../support/depth.ts';

/** The same, said in another way: what is left of the pattern, of what is left of the name. */
function fits(pattern: readonly string[], name: readonly string[], isWhole: boolean): boolean {
  const [token, ...more] = pattern;
  const [char, ...rest] = name;
  if (token === undefined) return !isWhole || char === undefined;
  if (token === '*' || token === '**') {
    if (fits(more, name, isWhole)) return true;
    return char !== undefined && (token === '**' || char !== '/') && fits(pattern, rest, isWhole);
  }
  if (char === undefined) return false;
  const isOne = token === '?' ? char !== '/' : token.replace('\\', '') === char;
  return isOne && fits(more, rest, isWhole);
}

const char = fc.constantFrom('a', 'b', '/', '😀', '*', '?');
const name = fc.array(char, { maxLength: 8 });
const tokens = fc
  .array(fc.constantFrom('a', 'b', '/', '😀', '?', '*', '**', '\\*', '\\?', '\\a'), {
    maxLength: 6,
  })
  // Three stars in a row are two and one.
  .filter((all) =>
    all.every((token, at) => !token.startsWith('*') || all[at + 1]?.startsWith('*') !== true),
  );

test('a name is of a pattern where, and only where, the pattern read letter by letter says so', () => {
  fc.assert(
    fc.property(tokens, name, (pattern, chars) => {
      const read = glob(pattern.join(''));
      const text = chars.join('');
      expect(read?.matches(text)).toBe(fits(pattern, chars, true));
      expect(read?.begins(text)).toBe(fits(pattern, chars, false));
      // Asked again, it is remembered.
      expect(read?.matches(text)).toBe(fits(pattern, chars, true));
    }),
    { numRuns: atDepth(20_000) },
  );
});

test('every name is of the pattern that it is itself, once its signs are escaped, and no longer one is', () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ minLength: 1 }), (text, more) => {
      const read = glob(text.replace(/[*?\\]/g, '\\$&'));
      expect(read?.matches(text)).toBe(true);
      expect(read?.matches(text + more)).toBe(false);
      expect(read?.begins(text + more)).toBe(true);
      expect(glob('**')?.matches(text)).toBe(true);
      expect(glob('*')?.matches(text)).toBe(!text.includes('/'));
    }),
    { numRuns: atDepth(2_000) },
  );
});

test('a pattern that ends in a lone backslash is none', () => {
  expect(glob('a\\')).toBeNull();
  expect(glob('a\\\\')?.matches('a\\')).toBe(true);
});

test('the longest name under a pattern of many stars takes no longer than the two are long', () => {
  const pattern = glob('*a'.repeat(500));
  const start = performance.now();
  expect(pattern?.matches('a'.repeat(2_047) + 'b')).toBe(false);
  expect(performance.now() - start).toBeLessThan(5_000);
});
