import { ConfigError, OutOfTimeError, TransientError } from '../lib/errors.ts';
import { RequestError } from '../lib/http/problem.ts';

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
  const lines = OF_SEVERAL_LINES.includes(code) ? message.split('\n') : [message];
  if (error instanceof ConfigError)
    return { lines: OF_SEVERAL_LINES.includes(code) ? lines : error.problems, exit: 2 };
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
    return { lines: ['the disk is full; nothing half-done was kept'], exit: 3 };
  return null;
}
