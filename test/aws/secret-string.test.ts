import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test, vi } from 'vitest';
import { secretString } from '../../lib/aws/secret-string.ts';

const ARN = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:neo4j-AbCdEf';
const KEY = 'a secret access key';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Secrets Manager, and what it received; replies one after the other, the last one for good. */
async function service(...replies: readonly (readonly [number, string])[]): Promise<Received[]> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const [status, reply] = replies[Math.min(received.length, replies.length - 1)] ?? [500, ''];
      received.push({ headers: request.headers, body });
      response.writeHead(status).end(reply);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
    vi.unstubAllEnvs();
  });
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKID');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', KEY);
  vi.stubEnv('AWS_SESSION_TOKEN', 'a session');
  return received;
}

const sha256 = (of: string): string => createHash('sha256').update(of).digest('hex');
const hmac = (key: string | Buffer, of: string): Buffer =>
  createHmac('sha256', key).update(of).digest();

/** Signature Version 4 as AWS documents it, over the headers that the request says are signed. */
function signature({ headers, body }: Received, signed: readonly string[]): string {
  const lines = signed.map((name) => `${name}:${String(headers[name])}\n`);
  const request = ['POST', '/', '', lines.join(''), signed.join(';'), sha256(body)].join('\n');
  const time = String(headers['x-amz-date']);
  const scope = [time.slice(0, 8), 'eu-central-1', 'secretsmanager', 'aws4_request'];
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${KEY}`);
  return hmac(
    key,
    ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(request)].join('\n'),
  ).toString('hex');
}

test('a secret is asked for in the name of the role, by a request that is signed whole', async () => {
  const received = await service([200, JSON.stringify({ SecretString: 'text' })]);
  expect(await secretString(ARN)).toBe('text');
  const [request = { headers: {}, body: '' }] = received;
  expect(received).toHaveLength(1);
  expect(JSON.parse(request.body)).toEqual({ SecretId: ARN });
  expect(request.headers).toMatchObject({
    'x-amz-target': 'secretsmanager.GetSecretValue',
    'x-amz-security-token': 'a session',
  });
  const [, names = '', found] =
    /SignedHeaders=([^,]+), Signature=([0-9a-f]+)/.exec(request.headers.authorization ?? '') ?? [];
  const signed = names.split(';');
  expect(signed).toEqual(
    expect.arrayContaining(['host', 'x-amz-date', 'x-amz-security-token', 'x-amz-target']),
  );
  expect(found).toBe(signature(request, signed));
});

test('what may pass is asked again, and what may not is not', async () => {
  const throttled = JSON.stringify({ __type: 'ThrottlingException', message: 'slow down' });
  const good = JSON.stringify({ SecretString: 'text' });
  const passing = await service([500, 'not JSON'], [400, throttled], [200, good]);
  expect(await secretString(ARN)).toBe('text');
  expect(passing).toHaveLength(3);
  const denied = JSON.stringify({ __type: 'com.amazon.coral#AccessDeniedException' });
  const refusing = await service([400, denied], [200, good]);
  await expect(secretString(ARN)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  expect(refusing).toHaveLength(1);
});
