import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { request as overHttp, type IncomingMessage } from 'node:http';
import { request as overHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { SignatureV4 } from '@smithy/signature-v4';
import { awsAccess, type AwsAccess } from '../config.ts';

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
      const { status, body } = await asked(arn, access);
      const { SecretString: found, __type: type } = members(body);
      if (status === 200 && found !== undefined) return found;
      const code = type?.split('#').at(-1) ?? `status ${status}`;
      const mayPass = status >= 500 || status === 429 || code.startsWith('Throttling');
      if (!mayPass || isLast) throw new RefusedError(code);
    } catch (error) {
      if (error instanceof RefusedError || isLast) throw error;
    }
    await pause(Math.random() * MOST_PAUSE_MS * 2 ** attempt);
  }
}

async function asked(arn: string, { region, endpoint, ...credentials }: AwsAccess): Promise<Reply> {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const url = new URL(endpoint ?? `https://secretsmanager.${region}.${domain}`);
  const service = 'secretsmanager';
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
  const body = JSON.stringify({ SecretId: arn });
  const { method, headers } = await signer.sign({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    headers: {
      host: url.host,
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'secretsmanager.GetSecretValue',
    },
    body,
  });
  return sent(url, method, headers, body);
}

async function sent(
  url: URL,
  method: string,
  headers: Record<string, string>,
  body: string,
): Promise<Reply> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const send = url.protocol === 'http:' ? overHttp : overHttps;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    send(url, { method, headers, signal }, resolve).once('error', reject).end(body);
  });
  return { status: response.statusCode ?? 0, body: await text(response) };
}

/** Nothing of what can't be parsed may get into a message. */
function members(body: string): { readonly SecretString?: string; readonly __type?: string } {
  try {
    return JSON.parse(body) as object;
  } catch {
    return {};
  }
}

/** As the signer wants to have it: keyed where it is given a secret. */
export class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string | Buffer);
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    throw new Error('used once only');
  }
}
