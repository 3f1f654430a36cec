import { Logger } from '@aws-lambda-powertools/logger';
import { safeDescription } from '../errors.ts';

/** Lines of JSON on stdout; numbers and names only. */
export interface Log {
  /** `event` is `noun.pastVerb`. */
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void;
  error(event: string, error: unknown, fields?: Readonly<Record<string, unknown>>): void;
}

/** Named by POWERTOOLS_SERVICE_NAME. */
export function openLog(): Log {
  const logger = new Logger();
  return {
    info: (event, fields = {}) => logger.info(event, fields),
    warn: (event, fields = {}) => logger.warn(event, fields),
    error: (event, error, fields = {}) =>
      logger.error(event, { ...fields, failure: safeDescription(error) }),
  };
}
