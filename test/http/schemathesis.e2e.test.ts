import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { safeDescription } from '../../lib/errors.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { json } from '../../lib/http/answer.ts';
import { openApi } from '../../lib/http/openapi.ts';
import { ROUTES } from '../../lib/http/routes.ts';
import { server } from '../../lib/http/serve.ts';
import { demoLog } from '../../lib/local/demo.ts';
import { listen, type LocalServer } from '../../lib/local/listen.ts';
import { atDepth } from '../support/depth.ts';
import { INTERNALS } from '../support/internals.ts';
import { neo4jLogin, PATIENT } from '../support/neo4j-login.ts';
import { pythonTools } from '../support/python.ts';
import { SignedLogs } from '../support/signed-logs.ts';

const run = promisify(execFile);

const PACKAGES = ['schemathesis==4.32.5', 'openapi-spec-validator==0.9.0'];
const HOME = resolve('.custody/schemathesis');
const DOCUMENT = `${HOME}/openapi.json`;

const REQUESTS = atDepth(20_000);
/** Of one route with parameters; the others are soon through. */
const EXAMPLES = atDepth(1_550);

let bin: string;
let graph: Graph;
let logs: SignedLogs;
let local: LocalServer;
/** Answers by path and status. */
const answers = new Map<string, number>();
const failures: string[] = [];

beforeAll(async () => {
  await mkdir(HOME, { recursive: true });
  bin = await pythonTools(`${HOME}/venv`, PACKAGES);
  graph = openGraph(neo4jLogin, PATIENT);
  logs = new SignedLogs(graph);
  const lines = demoLog(logs.signer.privateKey).trimEnd().split('\n');
  await logs.bring(lines.map((line) => (JSON.parse(line) as { signed_data: string }).signed_data));
  // Names that a generator hits, so that it is not only told what is not there.
  const timestamp = '2026-01-01T00:00:00Z';
  await logs.bring(
    ['0', '00', 'a', '\u0080', '\u{1F600}', '{}', 'null', 'false'].flatMap((name) => [
      { type: 'dataset', hash: name, path: name, timestamp },
      { type: 'model', model_name: name, git_commit: name, dataset_hashes: [name, '1'], timestamp },
      `{"type":"inference","id":${JSON.stringify(name)},"model_name":${JSON.stringify(name)},"input":NaN,"timestamp":"${timestamp}"}`,
    ]),
  );
  const document = openApi(ROUTES);
  await writeFile(DOCUMENT, JSON.stringify(document));
  const serve = server({
    routes: ROUTES,
    graph: () => Promise.resolve(graph),
    readEnvelope: logs.readEnvelope,
    ring: () => Promise.resolve([]),
    onFailure: (error, { path, query }) =>
      failures.push(`${path}?${query}: ${JSON.stringify(safeDescription(error))}`),
  });
  local = await listen(
    async (request) => {
      const answer = await serve(request);
      const key = `${request.path} ${answer.status}`;
      answers.set(key, (answers.get(key) ?? 0) + 1);
      if (answer.status !== 200 && INTERNALS.test(answer.body))
        failures.push(`${key}: ${answer.body.slice(0, 500)}`);
      return answer;
    },
    (path) => (path === '/openapi.json' ? json(200, document) : null),
    0,
  );
});

afterAll(async () => {
  await local?.close();
  await graph?.close();
  logs?.remove();
});

test('the OpenAPI document is one', async () => {
  const { stdout } = await run(`${bin}/openapi-spec-validator`, ['--schema', '3.1', DOCUMENT]);
  expect(stdout.trim()).toBe(`${DOCUMENT}: OK`);
});

/** One run over these paths; what it said where it found something, else nothing. */
async function schemathesis(paths: readonly string[], seed: number): Promise<string> {
  const argv = [
    'run',
    `${local.url}openapi.json`,
    ...paths.flatMap((path) => ['--include-path', path]),
    '--phases',
    'coverage,fuzzing',
    '--max-examples',
    String(EXAMPLES),
    '--seed',
    String(seed),
    // What has to be given together with something else no schema says, so that not all that it allows is accepted.
    '--checks',
    'all',
    '--exclude-checks',
    'positive_data_acceptance',
    '--suppress-health-check',
    'all',
    '--generation-database',
    'none',
    '--warnings',
    'off',
    '--continue-on-failure',
  ];
  const cwd = `${HOME}/run-${seed}`;
  await mkdir(cwd, { recursive: true });
  const env = { PATH: '/usr/bin:/bin', HOME: cwd, NO_COLOR: '1' };
  const options = { cwd, env, maxBuffer: 100_000_000, timeout: 1_800_000 };
  try {
    await run(`${bin}/schemathesis`, argv, options);
    return '';
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    // Its lines repeat what it sent, which can be long.
    const lines = `${stdout ?? ''}${stderr ?? ''}`.split('\n').map((line) => line.slice(0, 300));
    return `seed ${seed}:\n${lines.join('\n')}`;
  }
}

test(
  `${REQUESTS} requests that schemathesis makes of the document get 2xx and 4xx, as the document says, and none shows how it is made`,
  { timeout: 1_900_000 },
  async () => {
    const paths = ROUTES.map(({ path }) => path);
    const seed = Math.floor(Math.random() * 1_000_000) * 2;
    // It uses one processor: two halves side by side take half the time.
    const found = await Promise.all(
      [0, 1].map((half) =>
        schemathesis(
          paths.filter((_, index) => index % 2 === half),
          seed + half,
        ),
      ),
    );
    expect(found).toEqual(['', '']);
    expect(failures).toEqual([]);
    const statuses = Map.groupBy(answers, ([key]) => key.split(' ').at(-1));
    expect(new Set(statuses.keys())).toEqual(new Set(['200', '400', '404', '405']));
    const total = [...answers.values()].reduce((sum, count) => sum + count, 0);
    expect(total).toBeGreaterThanOrEqual(REQUESTS);
    // Each route was asked something that it could answer; whether it finds a file's URI is luck.
    const unanswered = paths.filter((path) => (answers.get(`${path} 200`) ?? 0) === 0);
    expect(unanswered.filter((path) => path !== '/v1/object')).toEqual([]);
  },
);
