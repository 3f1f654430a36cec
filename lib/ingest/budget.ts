import { PoisonObjectError } from '../errors.ts';
import { MAX_REFUSALS } from '../graph/source-object.ts';

/** Of one object: who can write to the bucket must not keep a reader busy for ever. */
const MAX_LINES = 100_000_000;

/** True when what follows changes no verdict: the lines are only counted from here on. */
export function isSpent(refusals: number, isRejectedAnyway: boolean): boolean {
  return isRejectedAnyway && refusals >= MAX_REFUSALS;
}

/** {@link PoisonObjectError} where an object has more lines than one may have. */
export function withinLines(lines: number, maxLines = MAX_LINES): void {
  if (lines > maxLines)
    throw new PoisonObjectError('LINES_TOO_MANY', `the log has more than ${maxLines} lines`);
}
