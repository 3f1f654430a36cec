import type { FAILURES } from './failures.ts';

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
