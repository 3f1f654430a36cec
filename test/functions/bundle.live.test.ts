import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import { ingestEnvironment } from '../support/lambda.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { PROCESS } from '../support/process.ts';
import { bringRecords, datasetRecord, inferenceRecord, modelRecord } from '../support/records.ts';
import { wipe } from '../support/snapshot.ts';
import { StubAws } from '../support/stub-aws.ts';
import { testKey } from '../support/test-key.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'custody-bundle-'));
const { publicPem } = testKey();

/** Of every function that answers questions with the graph alone, one of them. */
const QUESTIONS = {
  compliance: '/v1/compliance',
  datasets: '/v1/datasets',
  inferences: '/v1/inferences?since=2001-09-09T01:46:40Z',
  lineage: '/v1/lineage?inference=i&direction=up',
  models: '/v1/models?minDatasets=1',
  objects: '/v1/objects',
} as const;
const QUERIES = Object.keys(QUESTIONS) as (keyof typeof QUESTIONS)[];

let graph: Graph;
let aws: StubAws;
beforeAll(async () => {
  graph = openGraph(neo4jLogin);
  aws = await StubAws.start();
  const build = [join(root, 'scripts/build.ts'), '--out', folder];
  execFileSync(process.execPath, build, { cwd: root, stdio: 'ignore' });
  await wipe(graph);
  await bringRecords(new GraphWriter(graph), [
    datasetRecord('d', 1_000_000_000),
    modelRecord('m', 'c', 1_000_000_000, ['d']),
    inferenceRecord('i', 'm', 'c', 1_000_000_000),
  ]);
});
afterAll(async () => {
  await aws.close();
  await graph.close();
  rmSync(folder, { recursive: true });
});

interface Answered {
  readonly statusCode: number;
  readonly body: string;
}

/** One request to a function's bundle, in a process of its own. */
async function asked(name: string, address: string): Promise<Answered> {
  const [rawPath = '', rawQueryString = ''] = address.split('?');
  const authorizer = { iam: { userArn: 'arn:aws:iam::000000000000:user/auditor' } };
  const requestContext = { http: { method: 'GET' }, requestId: 'request-1', authorizer };
  const event = { rawPath, rawQueryString, headers: {}, requestContext };
  const argv = [join(root, 'test/support/invoke.ts'), join(folder, `${name}.mjs`)];
  const { stdout } = await run(process.execPath, [...argv, JSON.stringify(event)], {
    env: { ...PROCESS, ...ingestEnvironment(aws, neo4jLogin, publicPem) },
  });
  return JSON.parse(stdout) as Answered;
}

test.each(QUERIES)('the bundle of %s answers as deployed, and refuses', async (name) => {
  const { statusCode, body } = await asked(name, QUESTIONS[name]);
  expect([statusCode, JSON.parse(body)]).toMatchObject([200, { complete: true }]);
  const [path = ''] = QUESTIONS[name].split('?');
  const refused = await asked(name, `${path}?limit=0&unknown=1`);
  expect(refused.statusCode).toBe(400);
});

test('in the bundle times and evidence come out of the database as they do outside of it', async () => {
  const { body } = await asked('lineage', QUESTIONS.lineage);
  const { nodes } = JSON.parse(body) as { nodes: readonly Record<string, unknown>[] };
  expect(nodes).toMatchObject([
    { kind: 'inference', id: 'i', recordedAt: '2001-09-09T01:46:40Z' },
    { kind: 'model', name: 'm', inferenceCount: 1, evidence: { line: 2, offset: 1 } },
    { kind: 'dataset', hash: 'd', since: '2001-09-09T01:46:40Z' },
  ]);
});
