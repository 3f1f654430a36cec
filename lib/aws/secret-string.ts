import { setTimeout as pause } from 'node:timers/promises';
import { AwsClient } from 'aws4fetch';
import { jsonMembers } from '../members.ts';
import { awsAccess, type AwsAccess } from './access.ts';

const ATTEMPTS = 4;
const TIMEOUT_MS = 10_000;
const MOST_PAUSE_MS = 200;

/** What Secrets Manager refused, by its code; of what it answered nothing else is kept. */
class RefusedError extends Error {
  constructor(code: string) {
    super(`Secrets Manager refused: ${code}`);
    this.name = code;
  }
}

interface Reply {
  readonly status: number;
  readonly body: string;
}

/**
 * The text of a secret, by one signed request and without the client that the SDK has for it, which is
 * a quarter of a query function. What may pass (no reply, 5xx, throttling) is tried four times in all.
 */
export async function secretString(arn: string): Promise<string> {
  const access = awsAccess();
  for (let attempt = 1; ; attempt += 1) {
    const isLast = attempt === ATTEMPTS;
    try {
      const { status, body } = await ask(arn, access);
      const { SecretString: found, __type: type } = jsonMembers(body);
      if (status === 200 && typeof found === 'string') return found;
      const code = typeof type === 'string' ? type.replace(/^.*#/, '') : `status ${status}`;
      const mayPass = status >= 500 || status === 429 || code.startsWith('Throttling');
      if (!mayPass || isLast) throw new RefusedError(code);
    } catch (error) {
      if (error instanceof RefusedError || isLast) throw error;
    }
    await pause(Math.random() * MOST_PAUSE_MS * 2 ** attempt);
  }
}

async function ask(arn: string, { region, endpoint, ...credentials }: AwsAccess): Promise<Reply> {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const url = endpoint ?? `https://secretsmanager.${region}.${domain}`;
  const client = new AwsClient({ ...credentials, region, service: 'secretsmanager', retries: 0 });
  const response = await client.fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'secretsmanager.GetSecretValue',
    },
    body: JSON.stringify({ SecretId: arn }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return { status: response.status, body: await response.text() };
}
