import type { Context } from 'aws-lambda';

/** Enough for what is on its way, and for handing on what is not done. */
const STOP_BEFORE_END_MS = 60_000;

/** True when an invocation is to begin no further work. */
export function timeLimit(context: Context): () => boolean {
  return () => context.getRemainingTimeInMillis() < STOP_BEFORE_END_MS;
}
