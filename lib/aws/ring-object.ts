import { setTimeout as pause } from 'node:timers/promises';
import { AwsClient } from 'aws4fetch';
import { TransientError } from '../errors.ts';
import { parseRing } from '../key-ring.ts';
import { s3Name } from '../object/s3-name.ts';
import type { KeyProblem } from '../trust/keys.ts';
import { awsAccess } from './access.ts';

const ATTEMPTS = 4;
const TIMEOUT_MS = 10_000;
const MOST_PAUSE_MS = 200;
/** 64 keys with their scopes take less. */
const MAX_RING_BYTES = 1024 ** 2;

/**
 * The text of a key ring in S3, by one signed request and without the client of the SDK, which is as much as
 * a whole query function; or why it can't be read. The bucket is one of the function's own region.
 * {@link TransientError} where S3 fails four times.
 */
async function ringObject(uri: string): Promise<string | KeyProblem> {
  const name = s3Name(uri);
  if (name === null) return { problem: 'this is not of the form s3://bucket/key' };
  const { region, endpoint, ...credentials } = awsAccess();
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const base = endpoint ?? `https://s3.${region}.${domain}`;
  const path = [name.bucket, ...name.key.split('/')].map(encodeURIComponent).join('/');
  const version = name.versionId && `?versionId=${encodeURIComponent(name.versionId)}`;
  const url = `${base}/${path}${version ?? ''}`;
  const client = new AwsClient({ ...credentials, region, service: 's3', retries: 0 });
  for (let attempt = 1; ; attempt += 1) {
    const reply = await ask(client, url).catch((cause: unknown) => ({ cause }));
    if ('text' in reply || 'problem' in reply) return 'text' in reply ? reply.text : reply;
    if (attempt === ATTEMPTS)
      throw new TransientError('S3_FAILED', `${uri}: the key ring could not be read`, reply);
    await pause(Math.random() * MOST_PAUSE_MS * 2 ** attempt);
  }
}

/** Where a function that asks no KMS has its key ring from. */
export const ringSources = {
  s3: ringObject,
  parse: (text: string) => Promise.resolve(parseRing(text)),
} as const;

async function ask(
  client: AwsClient,
  url: string,
): Promise<{ readonly text: string } | KeyProblem | { readonly cause: unknown }> {
  const response = await client.fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const { status } = response;
  if (status >= 500 || status === 429) return { cause: new Error(`S3 answered ${status}`) };
  if (status === 403) return { problem: 'S3 refuses it: the role needs s3:GetObject for it' };
  if (status !== 200) return { problem: `it can’t be read: S3 answered ${status}` };
  const bytes = await response.arrayBuffer();
  if (bytes.byteLength > MAX_RING_BYTES)
    return { problem: `a key ring has at most ${MAX_RING_BYTES} bytes` };
  return { text: Buffer.from(bytes).toString('utf8') };
}
