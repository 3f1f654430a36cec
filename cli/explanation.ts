import { ConfigError, OutOfTimeError, TransientError } from '../lib/errors.ts';
import { RequestError } from '../lib/http/problem.ts';
import type { Receipt } from '../lib/ingest/receipt.ts';
import { NO_KEY } from '../lib/trust/signers.ts';

/** What to tell of a failure, line by line, and the exit code. */
export interface Explanation {
  readonly lines: readonly string[];
  readonly exit: 1 | 2 | 3;
}

/** These messages are of our own text and have several lines; in any other a line feed came from elsewhere. */
const OF_SEVERAL_LINES = ['TOOL_MISSING', 'DATABASE_NOT_STARTED'];

/** Null for what is a mistake in Custody. */
export function explanation(error: unknown): Explanation | null {
  if (!(error instanceof Error)) return null;
  const code = 'code' in error ? String(error.code) : '';
  const { message } = error;
  const told = error instanceof ConfigError ? error.problems : [message];
  const lines = OF_SEVERAL_LINES.includes(code) ? message.split('\n') : told;
  if (error instanceof ConfigError) return { lines, exit: 2 };
  if (error instanceof TransientError) return { lines, exit: 3 };
  // What is not there is an answer; anything else is wrong with the question.
  if (error instanceof RequestError) return { lines, exit: error.code === 'NOT_FOUND' ? 1 : 2 };
  if (error instanceof OutOfTimeError)
    return {
      lines: [`${message}; ask for less, or try again when the database has less to do`],
      exit: 3,
    };
  if (code.startsWith('ERR_PARSE_ARGS')) return { lines, exit: 2 };
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR') return { lines, exit: 2 };
  if (code === 'ENOSPC')
    return { lines: ['the disk is full; what was being written is cut off or not there'], exit: 3 };
  return null;
}

const FOREIGN = 'signed by none of the known keys';

/** What the refused signatures of a log have in common, for a person; null where nothing can be said of them all. */
export function signatureCause({ lines, rejected, rejectedTotal }: Receipt): string | null {
  const isForeign = rejected.every(({ detail }) => detail === NO_KEY);
  if (rejectedTotal === 0 || !isForeign) return null;
  // Of a longer list only its beginning is known.
  const isAll = rejected.length === rejectedTotal;
  if (rejectedTotal === lines && isAll)
    return `${lines === 1 ? 'its one line' : `all ${lines} lines`}: ${FOREIGN}`;
  // Behind a thousand refusals no line is judged, and behind a hundred no reason is kept.
  if (!isAll)
    return rejected.every(({ line }, index) => line === index + 1)
      ? `the first ${rejected.length} of ${lines} lines: ${FOREIGN}`
      : null;
  const [{ line } = { line: 0 }] = rejected;
  return rejectedTotal === 1
    ? `line ${line} was changed after signing, or signed by another key than the others`
    : `${rejectedTotal} lines were changed after signing, or signed by another key than the others`;
}
