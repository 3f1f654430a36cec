import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { ringSources } from '../../lib/aws/ring-object.ts';
import { TransientError } from '../../lib/errors.ts';

const seen: IncomingMessage[] = [];
let answers: { readonly status: number; readonly body?: string }[] = [];
const server = createServer((request, response) => {
  seen.push(request);
  const { status, body = '' } = answers.shift() ?? { status: 500 };
  response.writeHead(status).end(body);
});
beforeAll(() => new Promise<void>((done) => void server.listen(0, '127.0.0.1', done)));
afterAll(() => server.close());
beforeEach(() => {
  [answers, seen.length] = [[], 0];
  const { port } = server.address() as AddressInfo;
  for (const [name, value] of [
    ['AWS_REGION', 'eu-central-1'],
    ['AWS_ACCESS_KEY_ID', 'id'],
    ['AWS_SECRET_ACCESS_KEY', 'secret'],
    ['AWS_ENDPOINT_URL', `http://127.0.0.1:${port}`],
  ] as const)
    vi.stubEnv(name, value);
});
afterEach(() => vi.unstubAllEnvs());

const { s3 } = ringSources;

test('a ring is asked for by its very name and version, in one signed request', async () => {
  answers = [{ status: 200, body: '{"keys":[]}' }];
  expect(await s3('s3://b/folder/a%20ring%3F.json?versionId=v1')).toBe('{"keys":[]}');
  expect(seen.map(({ url }) => url)).toEqual(['/b/folder/a%20ring%3F.json?versionId=v1']);
  expect(seen[0]?.headers.authorization).toMatch(/^AWS4-HMAC-SHA256 .*\/eu-central-1\/s3\//);
});

test.each([
  [403, /refuses it: the role needs s3:GetObject/],
  [404, /S3 answered 404/],
  [301, /S3 answered 301/],
])('what an operator has to mend is a problem, and asked once: %i', async (status, problem) => {
  answers = [{ status }];
  expect(await s3('s3://b/ring.json')).toMatchObject({
    problem: expect.stringMatching(problem) as unknown,
  });
  expect(seen).toHaveLength(1);
});

test('what may pass is asked again, four times in all', async () => {
  answers = [{ status: 503 }, { status: 429 }, { status: 200, body: 'x' }];
  expect(await s3('s3://b/ring.json')).toBe('x');
  await expect(s3('s3://b/ring.json')).rejects.toThrow(TransientError);
  expect(seen).toHaveLength(7);
});

test('what is no ring by its name or its size is a problem', async () => {
  expect(await s3('s3:/b')).toHaveProperty('problem');
  answers = [{ status: 200, body: ' '.repeat(1024 ** 2 + 1) }];
  expect(await s3('s3://b/ring.json')).toHaveProperty('problem');
});
