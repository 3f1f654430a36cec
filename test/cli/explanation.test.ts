import { expect, test } from 'vitest';
import { explanation } from '../../cli/explanation.ts';
import { ConfigError, OutOfTimeError, TransientError } from '../../lib/errors.ts';

const coded = (code: string): Error => Object.assign(new Error('of the system'), { code });

test.each([
  [
    'a question that took too long',
    new OutOfTimeError('TIME_BUDGET', 'it took too long'),
    3,
    /ask for less/,
  ],
  ['a dependency that failed', new TransientError('DATABASE_BUSY', 'try again'), 3, /^try again$/],
  [
    'a wrong setting',
    new ConfigError('SETTING_INVALID', ['set it', 'and that']),
    2,
    /^set it\nand that$/,
  ],
  ['a wrong option', coded('ERR_PARSE_ARGS_UNKNOWN_OPTION'), 2, /^of the system$/],
  ['a missing file', coded('ENOENT'), 2, /^of the system$/],
  ['a full disk', coded('ENOSPC'), 3, /^the disk is full/],
])('the commands say what to do about %s, and end with its exit code', (_, error, exit, said) => {
  const explained = explanation(error);
  expect(explained?.exit).toBe(exit);
  expect(explained?.lines.join('\n')).toMatch(said);
});

test('a mistake in Custody keeps its stack', () => {
  expect(explanation(new TypeError('x is undefined'))).toBeNull();
});
