import { ConfigError } from '../errors.ts';

/** Told in place of a service's failure where the service was never asked; null where it was. */
export function credentialsMissing(error: unknown): ConfigError | null {
  if (failureCode(error) !== 'CredentialsProviderError') return null;
  return new ConfigError(
    'AWS_CREDENTIALS_MISSING',
    [
      'no AWS credentials were found; three ways to give them:',
      '  1. set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN where there is one;',
      '  2. aws configure, or aws sso login, and AWS_PROFILE where its profile is not the default;',
      '  3. run where a role gives them, as on EC2, ECS or Lambda.',
    ],
    { cause: error },
  );
}

/** What a service calls a failure: the AWS SDK has its code in the error's name. */
export function failureCode(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}
