import type { Context } from 'aws-lambda';
import { TransientError } from '../errors.ts';
import type { Telemetry } from './telemetry.ts';
import { timeLimit } from './time-limit.ts';

/** The handler of a function that runs on a schedule; `name` begins the events that it logs. */
export function scheduledHandler<Result>(
  name: 'audit' | 'check' | 'log' | 'report' | 'sweep',
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
