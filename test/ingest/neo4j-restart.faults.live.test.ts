import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { migrate } from '../../lib/graph/schema.ts';
import { startNeo4j, type EmbeddedNeo4j } from '../../lib/local/neo4j.ts';
import {
  ingestContainer,
  ingestEnvironment,
  notification,
  type Invoke,
  type Login,
} from '../support/lambda.ts';
import { lineageLog } from '../support/lineage-log.ts';
import { emptyHome } from '../support/neo4j-home.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { graphSnapshot, wipe } from '../support/snapshot.ts';
import { StubAws } from '../support/stub-aws.ts';
import { testKey } from '../support/test-key.ts';

const HOME = '.custody/test-neo4j-restarted';
const OBJECTS = 24;
const INFERENCES = 300;
const { privateKey, publicPem } = testKey();

let aws: StubAws;
let neo4j: EmbeddedNeo4j;
let undisturbed: Graph;
beforeAll(async () => {
  for (const level of ['info', 'warn', 'error', 'log'] as const)
    vi.spyOn(console, level).mockReturnValue();
  aws = await StubAws.start();
  undisturbed = openGraph(neo4jLogin);
  await wipe(undisturbed);
  await emptyHome(HOME);
  neo4j = await startNeo4j({ home: HOME, boltPort: 0 });
});
afterAll(async () => {
  await undisturbed.close();
  await neo4j.stop({ now: true });
  await aws.close();
  vi.unstubAllEnvs();
});

/** Messages that fail come back, as in SQS; resolves when none is left. */
async function worked(queue: string[], invoke: Invoke): Promise<void> {
  for (let batch = queue.splice(0, 2); batch.length > 0; batch = queue.splice(0, 2)) {
    const { batchItemFailures } = await invoke(batch);
    for (const { itemIdentifier } of batchItemFailures)
      queue.push(batch[Number(itemIdentifier.slice('message-'.length))] ?? '');
  }
}

async function snapshotOf(login: Login): Promise<readonly string[]> {
  const graph = openGraph(login);
  const lines = await graphSnapshot(graph);
  await graph.close();
  return lines;
}

test(
  'a database that is killed and stopped under load, and comes back, ends with everything in it',
  { timeout: 600_000 },
  async () => {
    const log = lineageLog(privateKey, INFERENCES);
    const messages = Array.from({ length: OBJECTS }, (_, index) => {
      // The same ids under other names: each object brings its own.
      const own = index === 0 ? log : lineageLog(privateKey, 40 + index, { of: index });
      return notification('logs', `${index}.jsonl`, aws.put(`logs/${index}.jsonl`, own));
    });
    const containers = async (login: Login): Promise<Invoke[]> => {
      const environment = ingestEnvironment(aws, login, publicPem);
      return Promise.all([ingestContainer(environment), ingestContainer(environment)]);
    };
    const [calm] = await containers(neo4jLogin);
    await worked([...messages], calm ?? never());
    const expected = await graphSnapshot(undisturbed);
    aws.objects.forEach((_, place) => place.startsWith('evidence/') && aws.objects.delete(place));

    const port = Number(new URL(neo4j.uri).port);
    const login = neo4j;
    const graph = openGraph(login);
    await migrate(graph);
    await graph.close();
    const queue = [...messages];
    const load = Promise.all((await containers(login)).map((invoke) => worked(queue, invoke)));
    for (const how of [{ now: true }, undefined] as const) {
      const left = queue.length;
      while (queue.length > left - 3 && queue.length > 0) await pause(5);
      await neo4j.stop(how);
      neo4j = await startNeo4j({ home: HOME, boltPort: port });
    }
    await load;
    // What came back to the queue when its worker had gone home.
    const [last] = await containers(login);
    await worked(queue, last ?? never());
    expect(await snapshotOf(login)).toEqual(expected);
    expect(
      [...aws.objects.keys()].filter((place) => place.startsWith('evidence/receipts/')),
    ).toHaveLength(OBJECTS);
  },
);

function never(): never {
  throw new Error('there is a container');
}
