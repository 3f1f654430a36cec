/** The operator must act before anything starts; names every problem at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join('\n'), options);
    this.problems = problems;
  }
}

/** A dependency failed (database, disk, network); trying again later may help. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
}

/** This object can't be read as it is; an operator must look at it, a retry would not help. */
export class PoisonObjectError extends Error {
  override readonly name = 'PoisonObjectError';
}

/** True for an error of the system or of Node with that code, as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
