import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseString, scanObject } from '../../lib/trust/json.ts';

test('a string, escaped or not, says what a parser makes of it, as a value and as a name', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, isEscaped) => {
      const escaped = text.replaceAll(
        /[^]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
      const raw = isEscaped ? `"${escaped}"` : JSON.stringify(text);
      expect(parseString(raw)).toBe(text);
      expect(scanObject(`{${raw}: 1}`)).toMatchObject([{ name: text }]);
    }),
  );
});
