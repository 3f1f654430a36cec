/** Every failure that has a name: by who must act, then by its code, what happened, in words for anyone. The lists are closed. */
export const FAILURES = {
  ConfigError: {
    SETTING_INVALID: 'A setting is missing or wrong',
    DATABASE_SETTINGS_INVALID: 'The settings that name the database are incomplete or wrong',
    DATABASE_LOGIN_REFUSED: 'The database refuses the login',
    SCHEMA_MISSING: 'The database has no schema, or not all of it',
    KEYS_UNUSABLE: 'A key is missing or can’t be used',
    PERIOD_INVALID: 'The times given are no period',
    USAGE: 'The command can’t be run as it was given',
    LINE_UNSIGNABLE: 'A line can’t be signed',
    FILE_EXISTS: 'A file that would be overwritten is there already',
    TOOL_MISSING: 'Java or Maven is missing or too old',
    PORT_UNAVAILABLE: 'A port that was asked for is not free',
  },
  TransientError: {
    DATABASE_UNREACHABLE: 'The database can’t be reached',
    DATABASE_BUSY: 'The database could not finish',
    DATABASE_LOGIN_LOCKED: 'The database takes no login for some seconds',
    DATABASE_NOT_STARTED: 'The embedded database could not be started',
    SECRET_UNREADABLE: 'The secret with the database’s login can’t be read',
    KMS_FAILED: 'AWS KMS can’t be asked',
    S3_FAILED: 'S3 failed while an object was read',
    S3_REFUSED: 'S3 refused to let an object be read',
    OBJECT_CHANGED: 'An object changed while it was read',
    VERDICT_CHANGED: 'A line that was accepted before is not accepted now',
    BATCH_TOO_EARLY: 'The lines before a batch are not in the graph yet',
    QUEUE_FAILED: 'The queue took no message',
    TOPIC_FAILED: 'The topic took no message',
    RECEIPT_NOT_WRITTEN: 'A receipt could not be written',
    RECEIPTS_TOO_MANY: 'An object has too many receipts',
    REPORT_NOT_WRITTEN: 'A report could not be written',
    REPORT_EXISTS: 'A report of the same instant is there already',
    INVOCATION_FAILED: 'A function did not finish',
  },
  OutOfTimeError: {
    TIME_BUDGET: 'The database took too long for this question',
  },
  PoisonObjectError: {
    OBJECT_GONE: 'The object is not there any more',
    OBJECT_TOO_LARGE: 'The log is larger than the limit',
    PACKING_UNSUPPORTED: 'The file is packed in a way that is not read',
    GZIP_MISNAMED: 'The name and the bytes disagree on whether the file is gzip',
    GZIP_DAMAGED: 'The gzip data is damaged or cut off',
    MESSAGE_UNKNOWN: 'The message is no notification of an object',
  },
} as const;

export type ConfigCode = keyof typeof FAILURES.ConfigError;
export type TransientCode = keyof typeof FAILURES.TransientError;
type OutOfTimeCode = keyof typeof FAILURES.OutOfTimeError;
export type PoisonCode = keyof typeof FAILURES.PoisonObjectError;

/** The class says who must act, the code what happened. */
abstract class Failure<Code extends string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The operator must act before anything starts; names every problem at once. */
export class ConfigError extends Failure<ConfigCode> {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(code: ConfigCode, problems: readonly string[], options?: ErrorOptions) {
    super(code, problems.join('\n'), options);
    this.problems = problems;
  }
}

/** A dependency failed (database, disk, network); trying again later may help. */
export class TransientError extends Failure<TransientCode> {
  override readonly name = 'TransientError';
}

/** A question took longer than its answer may; a smaller one may not. */
export class OutOfTimeError extends Failure<OutOfTimeCode> {
  override readonly name = 'OutOfTimeError';
}

/** This object can't be read as it is; an operator must look at it, a retry would not help. */
export class PoisonObjectError extends Failure<PoisonCode> {
  override readonly name = 'PoisonObjectError';
}

/** True for an error of the system or of Node with that code, as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** What may be logged of an error. */
export interface SafeDescription {
  readonly name: string;
  /** Of {@link FAILURES}, or what the system or the database calls it. */
  readonly code?: string;
  /** Of our own errors only: those of a database or a parser may quote a record. */
  readonly message?: string;
  /** File and line of each frame. */
  readonly at: readonly string[];
  readonly cause?: SafeDescription;
}

/** An error without anything that could have come out of a record, a key or a secret. */
export function safeDescription(error: unknown): SafeDescription {
  if (!(error instanceof Error)) return { name: typeof error, at: [] };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  // The first lines of a stack are the message.
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    name: error.name,
    ...(code === undefined ? {} : { code }),
    ...(error instanceof Failure ? { message: error.message } : {}),
    at: frames.slice(0, 8).map((line) => line.trim()),
    ...(error.cause === undefined ? {} : { cause: safeDescription(error.cause) }),
  };
}
