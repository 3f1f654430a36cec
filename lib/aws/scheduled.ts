import type { Context } from 'aws-lambda';
import { TransientError } from '../errors.ts';
import type { Telemetry } from './telemetry.ts';

/** Enough for what is on its way, and for handing on what is not done. */
const STOP_BEFORE_END_MS = 60_000;

/** True when an invocation is to begin no further work. */
export function timeLimit(context: Context): () => boolean {
  return () => context.getRemainingTimeInMillis() < STOP_BEFORE_END_MS;
}

/** The handler of a function that runs on a schedule; `name` begins the events that it logs. */
export function scheduled<Result>(
  name: 'check' | 'report' | 'sweep',
  telemetry: Telemetry,
  work: (isTimeUp: () => boolean, event: unknown) => Promise<Result>,
): (event: unknown, context: Context) => Promise<Result> {
  return async (event, context) => {
    try {
      return await work(timeLimit(context), event);
    } catch (error) {
      telemetry.error(`${name}.failed`, error);
      // The runtime logs what it is thrown; the error itself may quote a record.
      throw new TransientError(
        'INVOCATION_FAILED',
        `the ${name} was not finished; the log before this line says why`,
      );
    } finally {
      telemetry.flush();
    }
  };
}
