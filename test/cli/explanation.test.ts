import { expect, test } from 'vitest';
import { explanation, signatureCause } from '../../cli/explanation.ts';
import { ConfigError, OutOfTimeError, TransientError } from '../../lib/errors.ts';
import type { Receipt } from '../../lib/ingest/receipt.ts';
import { NO_KEY } from '../../lib/trust/signers.ts';

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

/** Of a log of which so many lines were refused from the first on, as no known key signed them. */
function refused(lines: number, rejectedTotal: number): Receipt {
  const counts = { lines, accepted: 0, duplicate: 0, withheld: lines - rejectedTotal };
  const rejected = Array.from({ length: Math.min(rejectedTotal, 100) }, (_, index) => ({
    line: index + 1,
    code: 'SIGNATURE_INVALID',
    detail: NO_KEY,
  }));
  const of = { object: 'file:///a', status: 'rejected', bytes: 1, sha256: 'a' } as const;
  const seal = { root: null, kids: [], custody: '1.0.0' };
  return { ...of, ...counts, rejectedTotal, rejected, ...seal };
}

test.each([
  [1, 1, 'its one line: signed by none of the known keys'],
  [80, 80, 'all 80 lines: signed by none of the known keys'],
  [900, 900, 'the first 100 of 900 lines: signed by none of the known keys'],
  [5_000, 1_000, 'the first 100 of 5000 lines: signed by none of the known keys'],
  [5, 1, 'line 1 was changed after signing, or signed by another key than the others'],
])(
  'of %d lines, of which %d were refused, what their refusals have in common is one line',
  (lines, total, cause) => {
    expect(signatureCause(refused(lines, total))).toBe(cause);
  },
);
