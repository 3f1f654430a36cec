/** Where a function's own request to AWS goes, and in whose name. */
export interface AwsAccess {
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** In place of the service's usual one. */
  readonly endpoint?: string;
}

/** By the variables that Lambda sets for its function's role, and the SDK's for another endpoint. */
export function awsAccess(env = process.env): AwsAccess {
  const sessionToken = env['AWS_SESSION_TOKEN'];
  const endpoint = env['AWS_ENDPOINT_URL'];
  return {
    region: env['AWS_REGION'] ?? '',
    accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    ...(sessionToken ? { sessionToken } : {}),
    ...(endpoint ? { endpoint } : {}),
  };
}
