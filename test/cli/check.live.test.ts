import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { custody as runCustody, type Ended } from '../support/custody.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { SignedLogs } from '../support/signed-logs.ts';
import { wipe } from '../support/snapshot.ts';

const ORPHAN = 'model-without-dataset:{"commit":"c","kind":"model","name":"orphan"}';

let graph: Graph;
let logs: SignedLogs;
beforeAll(async () => {
  graph = openGraph(neo4jLogin);
  await wipe(graph);
  logs = new SignedLogs(graph);
  const timestamp = '2026-01-01T00:00:00Z';
  await logs.bring([
    { type: 'model', model_name: 'orphan', git_commit: 'c', dataset_hashes: [], timestamp },
  ]);
});
afterAll(async () => {
  logs.remove();
  await graph.close();
});

function custody(...args: string[]): Promise<Ended> {
  return runCustody(args, { cwd: logs.folder });
}

test('a finding that is waived at the command line rests until that time, and is then open and new again', async () => {
  const found = await custody('check');
  expect(found.exit).toBe(1);
  expect(found.out).toContain(
    `high    model-without-dataset: 1 of 1 model versions\n          ${ORPHAN}\n`,
  );
  // Long enough for the two commands that follow on a machine that is busy.
  const until = new Date(Date.now() + 15_000).toISOString().replace(/\.\d+Z$/, 'Z');
  const waiver = ['--who', 'auditor', '--why', 'a vendor’s model', '--until', until];
  const waived = await custody('waive', ORPHAN, ...waiver);
  expect([waived.exit, waived.out]).toEqual([
    0,
    `${ORPHAN}: waived until ${until.replace('Z', '.000Z')}\n`,
  ]);
  const resting = await custody('check', '--rule', 'model-without-dataset');
  expect([resting.exit, resting.out]).toEqual([
    0,
    'ok      model-without-dataset: 0 of 1 model versions, 1 waived\n',
  ]);
  await pause(Math.max(0, Date.parse(until) - Date.now()));
  const lapsed = await custody('check', '--json');
  expect(lapsed.exit).toBe(1);
  expect(JSON.parse(lapsed.out)).toMatchObject({
    fresh: [ORPHAN],
    open: [{ key: ORPHAN, status: 'open', waiver: { who: 'auditor' } }],
  });
});

test.each([
  ['nobody’s', ['--why', 'y', '--until', '2100-01-01T00:00:00Z'], /--who is needed/],
  ['without a reason', ['--who', 'w', '--until', '2100-01-01T00:00:00Z'], /--why is needed/],
  ['without an end', ['--who', 'w', '--why', 'y'], /--until is a time/],
  ['over already', ['--who', 'w', '--why', 'y', '--until', '2020-01-01T00:00:00Z'], /has passed/],
])('a waiver that is %s is refused', async (_, args, said) => {
  const { exit, err } = await custody('waive', ORPHAN, ...args);
  expect(exit).toBe(2);
  expect(err).toMatch(said);
});

test('only what a check has found can be waived', async () => {
  const args = ['--who', 'w', '--why', 'y', '--until', '2100-01-01T00:00:00Z'];
  const { exit, err } = await custody('waive', 'silence:{}', ...args);
  expect([exit, err]).toEqual([1, 'custody: there is no finding silence:{}\n']);
});
