import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { ROUTES } from '../../lib/http/routes.ts';
import { server } from '../../lib/http/serve.ts';
import { demoLog } from '../../lib/local/demo.ts';
import { listen, type LocalServer } from '../../lib/local/listen.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { SignedLogs } from '../support/signed-logs.ts';
import { wipe } from '../support/snapshot.ts';

const run = promisify(execFile);

const USUAL = 'http://127.0.0.1:4477/';
const readme = readFileSync('README.md', 'utf8');
/** Each command, and the part of its answer that README.md shows behind it. */
const EXAMPLES = [...readme.matchAll(/^(curl .+)\n# → (.+)$/gm)].map(
  ([, command = '', part = '']) => ({
    command,
    part,
  }),
);

let graph: Graph;
let logs: SignedLogs;
let local: LocalServer;
const statuses: number[] = [];
beforeAll(async () => {
  graph = openGraph(neo4jLogin);
  await wipe(graph);
  logs = new SignedLogs(graph);
  const lines = demoLog(logs.signer.privateKey).trimEnd().split('\n');
  await logs.bring(lines.map((line) => (JSON.parse(line) as { signed_data: string }).signed_data));
  const serve = server({
    routes: ROUTES,
    graph: () => Promise.resolve(graph),
    readEnvelope: logs.readEnvelope,
    ring: () => Promise.resolve([]),
    onFailure: (error) => {
      throw error;
    },
  });
  local = await listen(
    async (request) => {
      const answer = await serve(request);
      statuses.push(answer.status);
      return answer;
    },
    () => null,
    0,
  );
});
afterAll(async () => {
  await local.close();
  logs.remove();
  await graph.close();
});

test('README.md shows no curl command without its answer', () => {
  expect(EXAMPLES.map(({ command }) => command)).toEqual(readme.match(/^curl .+$/gm));
  expect(EXAMPLES.length).toBeGreaterThanOrEqual(4);
});

test.each(EXAMPLES)('$command answers as README.md says', async ({ command, part }) => {
  expect(command).toContain(USUAL);
  const { stdout } = await run('sh', ['-c', command.replace(USUAL, local.url)]);
  expect(stdout).toContain(part);
  expect(statuses.splice(0)).toEqual([200]);
});
