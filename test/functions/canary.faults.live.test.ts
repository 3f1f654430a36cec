import { generateKeyPairSync } from 'node:crypto';
import neo4j from 'neo4j-driver';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ConfigError, safeDescription, TransientError } from '../../lib/errors.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import type { Answer } from '../../lib/http/answer.ts';
import { ROUTES } from '../../lib/http/routes.ts';
import { server } from '../../lib/http/serve.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { BoltProxy } from '../support/bolt-proxy.ts';
import { graphWith } from '../support/graph-with.ts';
import { ingestContainer, ingestEnvironment, notification } from '../support/lambda.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { wipe } from '../support/snapshot.ts';
import { StubAws } from '../support/stub-aws.ts';
import { testKey } from '../support/test-key.ts';

const CANARY = 'c4n4ry-7f3a';
const { privateKey, publicPem } = testKey();
const stranger = generateKeyPairSync('rsa', { modulusLength: 2_048 });

/** Everything that was logged or measured. */
const heard: string[] = [];
let graph: Graph;
let proxy: BoltProxy;
let aws: StubAws;
beforeAll(async () => {
  for (const level of ['debug', 'info', 'warn', 'error', 'log'] as const)
    vi.spyOn(console, level).mockImplementation((...parts: unknown[]) => {
      heard.push(parts.map(String).join(' '));
    });
  graph = openGraph(neo4jLogin);
  await wipe(graph);
  proxy = await BoltProxy.start(neo4jLogin.uri);
  aws = await StubAws.start();
});
afterAll(async () => {
  await proxy.close();
  await aws.close();
  await graph.close();
  vi.unstubAllEnvs();
});

const at = { timestamp: '2026-01-01T00:00:00Z' };
const record = {
  type: 'inference',
  id: `id-${CANARY}`,
  model_name: `model-${CANARY}`,
  input: { name: CANARY },
  output: CANARY,
  ...at,
};
const signed = (of: unknown, key = privateKey): string =>
  signRecord(typeof of === 'string' ? of : JSON.stringify(of), key, 'max');

/** A log for each thing that can be wrong with a line, all of them full of what nobody may repeat. */
const LOGS: Readonly<Record<string, string>> = {
  good: signed(record),
  equivocating: `${signed(record)}\n${signed({ ...record, output: `other ${CANARY}` })}`,
  'other-signer': signed(record, stranger.privateKey),
  altered: signed(record).replace('model-', 'm0del-'),
  torn: signed(record).slice(0, -40),
  'not-json': `{"${CANARY}": `,
  'not-utf8': `\xFF${CANARY}`,
  'no-envelope': JSON.stringify({ [CANARY]: CANARY }),
  'other-version': signed(record).replace('"1.1"', `"${CANARY}"`),
  'record-not-json': signed(`{${CANARY}`),
  'record-type': signed({ ...record, type: CANARY }),
  'record-field': signed({ ...record, model_name: { [CANARY]: CANARY } }),
  'record-time': signed({ ...record, timestamp: CANARY }),
  'record-twice': signed(`{"type":"inference","${CANARY}":1,"${CANARY}":2,"model_name":"m"}`),
};

test(
  'no content of a record, no password and no key gets into a log, a metric, a message or a receipt',
  { timeout: 900_000 },
  async () => {
    const login = { ...neo4jLogin, uri: proxy.uri };
    const environment = ingestEnvironment(aws, login, publicPem);
    const messages = Object.entries(LOGS).map(([name, log]) =>
      notification(
        'logs',
        `${name}.jsonl`,
        aws.put(`logs/${name}.jsonl`, Buffer.from(log, 'latin1')),
      ),
    );
    const invoke = await ingestContainer(environment);
    expect(await invoke(messages)).toEqual({ batchItemFailures: [] });
    // A message that is none, S3 that quotes what it was asked for, a database that is gone.
    const good = messages[0] ?? '';
    expect((await invoke([`{"${CANARY}"`])).batchItemFailures).toHaveLength(1);
    aws.fault = ({ action }) =>
      action.startsWith('s3:') ? { status: 403, code: 'AccessDenied' } : null;
    expect((await invoke([good])).batchItemFailures).toHaveLength(1);
    aws.fault = () => null;
    // A login that is refused; a secret that is no JSON.
    const secret = environment['CUSTODY_NEO4J_SECRET_ARN'] ?? '';
    for (const text of [
      JSON.stringify({ NEO4J_URI: proxy.uri, NEO4J_USERNAME: 'neo4j', NEO4J_PASSWORD: CANARY }),
      `{"NEO4J_PASSWORD":"${CANARY}`,
      JSON.stringify({ NEO4J_URI: `bolt://${CANARY}`, NEO4J_PASSWORD: CANARY }),
    ]) {
      aws.secrets.set(secret, text);
      const other = await ingestContainer(environment);
      expect((await other([good])).batchItemFailures).toHaveLength(1);
    }
    const told = [
      ...heard,
      ...aws.messages,
      ...[...aws.objects.keys()]
        .filter((place) => place.startsWith('evidence/receipts/'))
        .map((place) => aws.text(place) ?? ''),
    ];
    // So much was told, of each log once, and of each failure.
    expect(told.length).toBeGreaterThan(2 * Object.keys(LOGS).length);
    expect(heard.filter((text) => text.includes('"CloudWatchMetrics"'))).not.toEqual([]);
    expect(told.filter((text) => text.includes(CANARY))).toEqual([]);
    expect(told.filter((text) => text.includes(neo4jLogin.password))).toEqual([]);
    expect(told.filter((text) => text.includes(publicPem.split('\n')[1] ?? ''))).toEqual([]);
  },
);

test('an error that is not ours is logged without its message, which may quote a record', () => {
  const foreign = new neo4j.Neo4jError(
    `Node(1) already exists with property id = '${CANARY}'`,
    'Neo.ClientError.Schema.ConstraintValidationFailed',
    '22N41',
    'quoted',
  );
  const ours = new TransientError('DATABASE_UNREACHABLE', 'the database is away', {
    cause: foreign,
  });
  const parsing = new ConfigError('SETTING_INVALID', ['not JSON'], {
    cause: new SyntaxError(`at ${CANARY}`),
  });
  for (const error of [foreign, ours, parsing, CANARY, { message: CANARY }])
    expect(JSON.stringify(safeDescription(error))).not.toContain(CANARY);
  expect(safeDescription(ours)).toMatchObject({
    name: 'TransientError',
    code: 'DATABASE_UNREACHABLE',
    message: 'the database is away',
    cause: { code: 'Neo.ClientError.Schema.ConstraintValidationFailed' },
  });
});

test('a problem document repeats nothing of what was asked or of what went wrong', async () => {
  const failures: unknown[] = [];
  const failing = (): Promise<never> => Promise.reject(new Error(CANARY));
  const broken = graphWith(graph, { read: failing, ask: failing });
  const ask = (of: Graph, path: string, query: string): Promise<Answer> =>
    server({
      routes: ROUTES,
      graph: () => Promise.resolve(of),
      readEnvelope: () => Promise.reject(new Error('not asked for')),
      ring: () => Promise.resolve([]),
      onFailure: (error) => failures.push(error),
    })({ method: 'GET', path, query, accepts: '', requestId: 'r-1', may: () => true });
  const answers = [
    await ask(graph, `/v1/${CANARY}`, ''),
    await ask(graph, '/v1/object', `uri=${CANARY}`),
    await ask(graph, '/v1/objects', `cursor=${CANARY}`),
    await ask(graph, '/v1/objects', `limit=${CANARY}`),
    await ask(graph, '/v1/objects', `${CANARY}=1`),
    await ask(broken, '/v1/health', ''),
  ];
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 400, 400, 400, 500]);
  expect(failures).toHaveLength(1);
  for (const { body } of answers) expect(body).not.toContain(CANARY);
});
