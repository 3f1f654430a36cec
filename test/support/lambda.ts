import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { vi } from 'vitest';
import type { StubAws } from './stub-aws.ts';

/** One invocation; `remaining` is what the context answers each time it is asked for the time left. */
export type Invoke = (
  bodies: readonly string[],
  options?: { readonly remaining?: () => number; readonly receiveCount?: number },
) => Promise<SQSBatchResponse>;

const SECRET = 'arn:aws:secretsmanager:eu-central-1:000000000000:secret:neo4j';

export interface Login {
  readonly uri: string;
  readonly username: string;
  readonly password: string;
}

/** Puts the database's credentials into a secret of the stub; answers its ARN. */
export function keptSecret(aws: StubAws, { uri, username, password }: Login): string {
  const members = { NEO4J_URI: uri, NEO4J_USERNAME: username, NEO4J_PASSWORD: password };
  aws.secrets.set(SECRET, JSON.stringify(members));
  return SECRET;
}

/** The environment of a deployed `ingest`, with a stub for AWS and the given database. */
export function ingestEnvironment(
  aws: StubAws,
  login: Login,
  keys: string,
): Record<string, string> {
  return {
    ...aws.environment,
    CUSTODY_KEYS: keys,
    CUSTODY_NEO4J_SECRET_ARN: keptSecret(aws, login),
    CUSTODY_BUCKET: 'logs',
    CUSTODY_PREFIX: '',
    CUSTODY_EVIDENCE_BUCKET: 'evidence',
    CUSTODY_QUEUE_URL: `${aws.url}/000000000000/queue`,
    POWERTOOLS_SERVICE_NAME: 'ingest',
    POWERTOOLS_METRICS_NAMESPACE: 'Custody',
    // Logs and metrics go through the global console, where a test can hear them.
    POWERTOOLS_DEV: 'true',
    // Which alone would silence the metrics.
    POWERTOOLS_METRICS_DISABLED: 'false',
  };
}

/** A fresh container of `ingest`, whose modules nobody else has loaded. */
export async function ingestContainer(environment: Record<string, string>): Promise<Invoke> {
  vi.resetModules();
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const { handler } = await import('../../functions/ingest.ts');
  return async (bodies, { remaining = () => 900_000, receiveCount = 1 } = {}) => {
    const context = { getRemainingTimeInMillis: remaining } as Context;
    const response = await handler(sqsEvent(bodies, receiveCount), context);
    if (response === undefined) throw new Error('the messages were not taken for messages');
    return response;
  };
}

/** What SQS hands to a function. */
export function sqsEvent(bodies: readonly string[], receiveCount: number): SQSEvent {
  return {
    Records: bodies.map((body, index) => ({
      messageId: `message-${index}`,
      receiptHandle: `handle-${index}`,
      body,
      attributes: {
        ApproximateReceiveCount: String(receiveCount),
        SentTimestamp: '0',
        SenderId: 'x',
        ApproximateFirstReceiveTimestamp: '0',
      },
      messageAttributes: {},
      md5OfBody: '',
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:eu-central-1:000000000000:queue',
      awsRegion: 'eu-central-1',
    })),
  };
}

/** What S3 tells of an object that was put. */
export function notification(bucket: string, key: string, versionId: string | null): string {
  const version = versionId === null ? {} : { versionId };
  const encoded = encodeURIComponent(key).replaceAll('%20', '+');
  return JSON.stringify({
    Records: [
      {
        eventSource: 'aws:s3',
        eventName: 'ObjectCreated:Put',
        s3: { bucket: { name: bucket }, object: { key: encoded, ...version } },
      },
    ],
  });
}
