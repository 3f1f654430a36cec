/** What a service calls a failure: the AWS SDK has its code in the error's name. */
export function failureCode(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}
