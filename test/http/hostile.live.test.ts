import { once } from 'node:events';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { httpHandler } from '../../lib/aws/http-handler.ts';
import { mayOf } from '../../lib/aws/permission.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import type { Scope } from '../../lib/http/route.ts';
import { ROUTES } from '../../lib/http/routes.ts';
import { listen } from '../../lib/local/listen.ts';
import { Api, isOptional } from '../support/api.ts';
import { BoltProxy } from '../support/bolt-proxy.ts';
import { atDepth } from '../support/depth.ts';
import { INTERNALS } from '../support/internals.ts';
import { neo4jLogin, PATIENT } from '../support/neo4j-login.ts';
import {
  bringRecords,
  datasetRecord,
  inferenceRecord,
  KID,
  modelRecord,
} from '../support/records.ts';
import { wipe } from '../support/snapshot.ts';
import { StubAws } from '../support/stub-aws.ts';

let graph: Graph;
let api: Api;
beforeAll(async () => {
  graph = openGraph(neo4jLogin, PATIENT);
  await wipe(graph);
  await bringRecords(new GraphWriter(graph), [
    datasetRecord('d', 1),
    ...Array.from({ length: 5 }, (_, index) => modelRecord('m', `c${index}`, 2, ['d', 'ghost'])),
    ...Array.from({ length: 20 }, (_, index) => inferenceRecord(`i${index}`, 'm', null, 3 + index)),
  ]);
  const gone = { status: 'gone', envelope: null, key: null } as const;
  api = new Api(graph, () => Promise.resolve(gone));
});
afterAll(() => graph.close());

const MAX_BYTES = 6_000_000;

const INJECTIONS = [
  "' OR 1=1 //",
  '"}) DETACH DELETE (n) //',
  '`) RETURN 1 //',
  '$hash',
  '${7*7}',
  '{{7*7}}',
  '../../../../etc/passwd',
  'file:///etc/passwd',
  'http://169.254.169.254/latest/meta-data/',
  '<script>alert(1)</script>',
  '\r\nset-cookie: a=b',
  '__proto__',
  'constructor',
  'toString',
  '%',
  '%ZZ',
  '%00',
  '\0',
  '\uFFFD',
  '\u{1F600}',
  '\u{10FFFF}',
  '\uD800',
  'null',
  'undefined',
  'NaN',
  '-1',
  '1e309',
  '9'.repeat(400),
  'x'.repeat(4_096),
  '\u{10FFFF}'.repeat(1_024),
  '\u20AC'.repeat(8_192),
  '9999-12-31T23:59:59.999999999-18:00',
  '0001-01-01T00:00:00+18:00',
  '2026-06-30T23:59:60Z',
  '[{"a":1}]',
];

const TRUE_VALUES = new Map<string, readonly string[]>(
  Object.entries({
    hash: ['d'],
    dataset: ['d'],
    name: ['m'],
    model: ['m'],
    commit: ['c0'],
    id: ['i0'],
    inference: ['i0'],
    kid: [KID],
    digest: [KID],
    limit: ['1', '200'],
    direction: ['up', 'down', 'both'],
    depth: ['0', '9'],
    orphan: ['true'],
    minDatasets: ['1', '999999'],
    include: ['payload'],
    since: ['1970-01-01T00:00:00Z'],
    until: ['9999-12-31T23:59:59.999999999Z'],
    asOf: ['1970-01-01T00:00:10Z', '0001-01-01T00:00:00Z'],
  }),
);

const NAMES = [...new Set(ROUTES.flatMap(({ parameters }) => Object.keys(parameters.shape)))];

const text = fc.oneof(
  fc.constantFrom(...INJECTIONS),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
);
const valueFor = (name: string): fc.Arbitrary<string> =>
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...(TRUE_VALUES.get(name) ?? ['x'])) }, text);

/** Percent-encoded as it should be, or not at all. */
const written = (part: string): fc.Arbitrary<string> =>
  fc.constantFrom(encodeURIComponent(part.toWellFormed()), part, part.replaceAll('&', '%'));

const member = (names: readonly string[]): fc.Arbitrary<string> =>
  fc
    .oneof({ weight: 12, arbitrary: fc.constantFrom(...names) }, fc.constantFrom(...NAMES), text)
    .chain((name) =>
      fc.tuple(written(name), valueFor(name).chain(written)).map((of) => of.join('=')),
    );

const asked = fc
  .oneof(
    {
      weight: 12,
      arbitrary: fc.constantFrom(...ROUTES.map(({ path }) => path)),
    },
    text,
  )
  .chain((path) => {
    const route = ROUTES.find((of) => of.path === path);
    const names = Object.keys(route?.parameters.shape ?? {});
    const own = names.length === 0 ? ['x'] : names;
    return fc.record({
      path: fc.constant(path),
      query: fc.oneof(
        { weight: 8, arbitrary: fc.array(member(own), { maxLength: 4 }).map((of) => of.join('&')) },
        text,
      ),
      method: fc.oneof(
        { weight: 20, arbitrary: fc.constant('GET') },
        fc.constantFrom('POST', 'DELETE', 'get', '', 'TRACE'),
      ),
      accepts: fc.oneof(
        { weight: 5, arbitrary: fc.constantFrom('application/json', 'text/csv', '') },
        text,
      ),
    });
  });

const REQUESTS = atDepth(20_000);

test(
  `${REQUESTS} random and hostile requests are answered or refused, and none of them shows how it is made`,
  { timeout: 1_800_000 },
  async () => {
    const statuses = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { minLength: 20, maxLength: 20 }), async (requests) => {
        const answers = await Promise.all(
          requests.map(({ path, query, ...as }) => api.ask(path, query, as)),
        );
        for (const [index, { status, headers, body }] of answers.entries()) {
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          const told = { request: requests[index], status, body: body.slice(0, 500) };
          expect([200, 400, 403, 404, 405], JSON.stringify(told)).toContain(status);
          expect(Buffer.byteLength(body)).toBeLessThan(MAX_BYTES);
          expect(headers['x-content-type-options']).toBe('nosniff');
          expect(headers['cache-control']).toBe('no-store');
          if (status === 200) continue;
          expect(body, JSON.stringify(told)).not.toMatch(INTERNALS);
          expect(Buffer.byteLength(body)).toBeLessThan(2_000);
        }
      }),
      { numRuns: atDepth(1_050), endOnFailure: true },
    );
    expect(api.failures).toEqual([]);
    const total = [...statuses.values()].reduce((a, b) => a + b, 0);
    expect(total).toBeGreaterThanOrEqual(REQUESTS);
    // It is not only the first check that they meet.
    expect(statuses.get(200)).toBeGreaterThan(REQUESTS / 10);
    expect(statuses.get(404)).toBeGreaterThan(REQUESTS / 40);
  },
);

test('every injection text in every parameter of every route is looked up or refused', async () => {
  for (const { path, parameters } of ROUTES)
    for (const name of Object.keys(parameters.shape))
      for (const value of INJECTIONS) {
        const others = Object.keys(parameters.shape).filter(
          (of) => of !== name && !isOptional(parameters, of),
        );
        const query = Object.fromEntries([
          ...others.map((of) => [of, TRUE_VALUES.get(of)?.[0] ?? '']),
          [name, value.toWellFormed()],
        ]) as Record<string, string>;
        const { status, body } = await api.ask(path, query);
        expect([200, 400, 404], `${path} ${name} ${value.slice(0, 20)}: ${body}`).toContain(status);
        if (status !== 200) expect(body).not.toMatch(INTERNALS);
      }
  expect(api.failures).toEqual([]);
  // And all of it is still there.
  expect((await api.get('/v1/inferences')).items).toHaveLength(20);
});

interface Heard {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request to the local server, under any name for it. */
async function send(
  url: string,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Heard> {
  const sent = request(new URL(url), { path, method, headers, setHost: !('host' in headers) });
  sent.end();
  const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream & Heard];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const { statusCode, headers: heard } = response as unknown as {
    statusCode: number;
    headers: IncomingHttpHeaders;
  };
  return { status: statusCode, headers: heard, body: Buffer.concat(chunks).toString('utf8') };
}

/** What a server says to bytes that are no request of HTTP as it should be. */
async function raw(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(text);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

async function local(): Promise<string> {
  const server = await listen(
    api.serve,
    (path) =>
      path === '/page'
        ? { status: 200, headers: { 'content-type': 'text/html' }, body: 'a page' }
        : null,
    0,
  );
  onTestFinished(() => server.close());
  return server.url;
}

const codeOf = ({ body }: Heard): unknown => (JSON.parse(body) as { code: unknown }).code;

test('the local server answers under names of this machine only', async () => {
  const url = await local();
  const { port } = new URL(url);
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'localhost'])
    expect([host, (await send(url, '/v1/datasets', { host })).status]).toEqual([host, 200]);
  // A page of evil.example that had its name rebound to 127.0.0.1, and what looks like a name of ours.
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    'evil.example#localhost',
    '127.0.0.2',
    '0.0.0.0',
    '169.254.169.254',
    `localhost:${port}:80`,
    'localhost:x',
    '',
  ])
    for (const path of ['/v1/datasets', '/page', '/nothing']) {
      const refused = await send(url, path, { host });
      expect([host, refused.status, codeOf(refused)]).toEqual([host, 403, 'HOST_REFUSED']);
    }
});

test('the local server listens on loopback only', async () => {
  const url = await local();
  const others = Object.values(networkInterfaces())
    .flatMap((of) => of ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4');
  for (const { address } of others) {
    const socket = connect(Number(new URL(url).port), address);
    const reached = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    expect([address, reached]).toEqual([address, false]);
  }
});

test('a HEAD is a GET without its body; every other method is refused', async () => {
  const url = await local();
  for (const path of ['/v1/datasets', '/page', '/v1/nothing']) {
    const got = await send(url, path);
    const head = await send(url, path, {}, 'HEAD');
    expect([head.status, head.body]).toEqual([got.status, '']);
    expect(head.headers['content-type']).toBe(got.headers['content-type']);
    expect(head.headers['content-length']).toBe(got.headers['content-length']);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])
    for (const path of ['/v1/datasets', '/page']) {
      const refused = await send(url, path, {}, method);
      expect([method, path, refused.status]).toEqual([method, path, path === '/page' ? 404 : 405]);
      expect(refused.headers['access-control-allow-origin']).toBeUndefined();
      if (refused.status === 405) expect(refused.headers.allow).toBe('GET');
    }
});

test('bytes that are no proper request of HTTP are refused, and the server goes on', async () => {
  const url = await local();
  const host = `Host: ${new URL(url).host}\r\nConnection: close\r\n`;
  for (const text of [
    'nonsense\r\n\r\n',
    'GET /v1/datasets HTTP/1.1\r\nConnection: close\r\n\r\n',
    'GET /v1/datasets HTTP/1.0\r\n\r\n',
    `GET /v1/datasets HTTP/1.1\r\n${host}Host: evil.example\r\n\r\n`,
    `GET http://evil.example/v1/datasets HTTP/1.1\r\n${host}\r\n`,
    `GET /${'x'.repeat(150_000)} HTTP/1.1\r\n${host}\r\n`,
    `GET /v1/datasets HTTP/1.1\r\n${host}X: ${'x'.repeat(150_000)}\r\n\r\n`,
    `GET /v1/data\0sets HTTP/1.1\r\n${host}\r\n`,
    `POST /v1/datasets HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `OPTIONS * HTTP/1.1\r\n${host}\r\n`,
    `GET //evil.example/v1/datasets HTTP/1.1\r\n${host}\r\n`,
    `GET /v1/../v1/datasets HTTP/1.1\r\n${host}\r\n`,
  ]) {
    const answer = await raw(url, text);
    expect(answer, text.slice(0, 60)).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer).not.toMatch(INTERNALS);
  }
  expect((await send(url, '/v1/datasets')).status).toBe(200);
});

const SECRET = 'arn:aws:secretsmanager:eu-central-1:000000000000:secret:neo4j';
const READER = 'arn:aws:iam::111122223333:role/auditor';

const byIam = (userArn: string): object => ({ authorizer: { iam: { userArn } } });
const byJwt = (scope: unknown): object => ({
  authorizer: { jwt: { claims: { scope }, scopes: null } },
});
const ALL: readonly Scope[] = ['lineage:read', 'payload:read', 'compliance:read'];

test.each([
  ['nobody', {}, []],
  ['an empty authorizer', { authorizer: {} }, []],
  ['an authorizer of another kind', { authorizer: { lambda: { userArn: READER } } }, []],
  ['a caller without an ARN', { authorizer: { iam: { userArn: null } } }, []],
  ['any IAM user', byIam('arn:aws:iam::111122223333:user/x'), ['lineage:read', 'compliance:read']],
  [
    'a session of a payload reader',
    byIam('arn:aws:sts::111122223333:assumed-role/auditor/me'),
    ALL,
  ],
  ['the payload reader itself', byIam(READER), ALL],
  [
    'a role of the same name elsewhere',
    byIam('arn:aws:sts::999999999999:assumed-role/auditor/me'),
    ['lineage:read', 'compliance:read'],
  ],
  [
    'a role whose name goes on',
    byIam('arn:aws:sts::111122223333:assumed-role/auditor2/me'),
    ['lineage:read', 'compliance:read'],
  ],
  [
    'a session that is named like the reader',
    byIam('arn:aws:sts::111122223333:assumed-role/x/auditor'),
    ['lineage:read', 'compliance:read'],
  ],
  ['a token with one scope', byJwt('lineage:read'), ['lineage:read']],
  ['a token with all scopes', byJwt('openid lineage:read payload:read compliance:read'), ALL],
  ['a token with scopes that only look like ours', byJwt('lineage:reader xlineage:read'), []],
  ['a token without scopes', byJwt(undefined), []],
  ['a token with an empty scope', byJwt(''), []],
] as const)('%s is let do what it may and no more', (_, requestContext, allowed) => {
  const may = mayOf(requestContext, `arn:aws:iam::111122223333:user/y, ${READER}`);
  expect(ALL.filter(may)).toEqual(allowed);
  // No reader is named: nobody reads payloads by IAM.
  if ('iam' in ((requestContext as { authorizer?: object }).authorizer ?? {}))
    expect(mayOf(requestContext, '')('payload:read')).toBe(false);
});

function event(
  path: string,
  rawQueryString: string,
  context: object,
  headers: Record<string, string> = {},
): APIGatewayProxyEventV2 {
  return {
    version: '2.0',
    routeKey: `GET ${path}`,
    rawPath: path,
    rawQueryString,
    headers,
    isBase64Encoded: false,
    requestContext: { requestId: 'r-1', http: { method: 'GET', path }, ...context },
  } as unknown as APIGatewayProxyEventV2;
}

interface Deployed {
  readonly aws: StubAws;
  readonly proxy: BoltProxy;
  readonly ask: (
    path: string,
    query?: string,
    context?: object,
    headers?: Record<string, string>,
  ) => Promise<Heard>;
  readonly logged: readonly string[];
}

/** The function as it is deployed, with a stub for AWS and a real database behind a proxy. */
async function deployed(): Promise<Deployed> {
  const aws = await StubAws.start();
  const proxy = await BoltProxy.start(neo4jLogin.uri);
  const { username, password } = neo4jLogin;
  aws.secrets.set(
    SECRET,
    JSON.stringify({ NEO4J_URI: proxy.uri, NEO4J_USERNAME: username, NEO4J_PASSWORD: password }),
  );
  const logged: string[] = [];
  const more = {
    POWERTOOLS_SERVICE_NAME: 'http',
    POWERTOOLS_METRICS_NAMESPACE: 'Custody',
    POWERTOOLS_DEV: 'true',
  };
  for (const [name, value] of Object.entries({ ...aws.environment, ...more }))
    vi.stubEnv(name, value);
  for (const level of ['debug', 'info', 'warn', 'error', 'log'] as const)
    vi.spyOn(console, level).mockImplementation((...parts: unknown[]) => {
      logged.push(parts.map(String).join(' '));
    });
  const settings = { neo4jSecretArn: SECRET, payloadReaders: READER };
  const handler = httpHandler(ROUTES, settings, {
    readEnvelope: () => Promise.resolve({ status: 'gone', envelope: null, key: null }),
    ring: () => Promise.resolve([]),
  });
  onTestFinished(async () => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    await proxy.close();
    await aws.close();
  });
  const ask: Deployed['ask'] = async (path, query = '', context = byIam(READER), headers = {}) => {
    const answer = await handler(event(path, query, context, headers));
    return {
      status: answer.statusCode ?? 0,
      headers: answer.headers as IncomingHttpHeaders,
      body: answer.body ?? '',
    };
  };
  return { aws, proxy, ask, logged };
}

test('a function answers events of API Gateway as the caller in them may be answered', async () => {
  const { ask, logged } = await deployed();
  const found = await ask('/v1/inference', 'id=i0&include=payload');
  expect(found.status).toBe(200);
  expect(found.headers).toMatchObject({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  expect(JSON.parse(found.body)).toMatchObject({ inference: { id: 'i0', input: {}, output: {} } });
  const other = byIam('arn:aws:iam::111122223333:user/x');
  expect((await ask('/v1/inference', 'id=i0', other)).status).toBe(200);
  for (const context of [other, byJwt('lineage:read'), {}]) {
    const refused = await ask('/v1/inference', 'id=i0&include=payload', context);
    expect([refused.status, codeOf(refused)]).toEqual([403, 'FORBIDDEN']);
  }
  for (const context of [{}, byJwt('payload:read')])
    for (const { path } of ROUTES) expect((await ask(path, '', context)).status).toBe(403);
  const csv = await ask('/v1/impact', 'dataset=d', byJwt('lineage:read'), { accept: 'text/csv' });
  expect(csv.headers['content-type']).toContain('text/csv');
  expect(csv.body.split('\r\n')).toHaveLength(23);
  expect(logged).toEqual([]);
});

test('while the secret or the database is away a function answers 503, and afterwards 200', async () => {
  const { aws, proxy, ask, logged } = await deployed();
  const away = async (code: string): Promise<void> => {
    const answer = await ask('/v1/datasets', 'asOf=2026-01-01T00:00:00Z');
    expect([answer.status, codeOf(answer)]).toEqual([503, code]);
    expect(answer.headers['retry-after']).toBe('5');
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.body).not.toMatch(INTERNALS);
    expect(answer.body).not.toContain(SECRET);
  };
  aws.fault = () => ({ status: 400, code: 'AccessDeniedException' });
  await away('SECRET_UNREADABLE');
  aws.fault = () => ({ status: 500, code: 'InternalServiceError' });
  await away('SECRET_UNREADABLE');
  aws.fault = () => null;
  proxy.isDown = true;
  await away('DATABASE_UNREACHABLE');
  proxy.isDown = false;
  expect((await ask('/v1/datasets')).status).toBe(200);
  proxy.isDown = true;
  proxy.breakAll();
  await away('DATABASE_UNREACHABLE');
  proxy.isDown = false;
  expect((await ask('/v1/health')).status).toBe(200);
  // Whoever is refused costs nothing: nobody is asked anything for them.
  const before = aws.requests.length;
  expect((await ask('/v1/datasets', '', {})).status).toBe(403);
  expect(aws.requests).toHaveLength(before);
  expect(logged.length).toBeGreaterThan(0);
  for (const line of logged) {
    expect(line).not.toContain(neo4jLogin.password);
    expect(line).toContain('r-1');
  }
});
