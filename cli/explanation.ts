import { ConfigError, OutOfTimeError, TransientError } from '../lib/errors.ts';

/** What to tell of a failure, and the exit code; null for what is a mistake in Custody. */
export function explanation(error: unknown): { message: string; exit: 2 | 3 } | null {
  if (!(error instanceof Error)) return null;
  const code = 'code' in error ? String(error.code) : '';
  const { message } = error;
  if (error instanceof ConfigError) return { message, exit: 2 };
  if (error instanceof TransientError) return { message, exit: 3 };
  if (error instanceof OutOfTimeError)
    return {
      message: `${message}; ask for less, or try again when the database has less to do`,
      exit: 3,
    };
  if (code.startsWith('ERR_PARSE_ARGS')) return { message, exit: 2 };
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR') return { message, exit: 2 };
  if (code === 'ENOSPC')
    return { message: 'the disk is full; nothing half-done was kept', exit: 3 };
  return null;
}
