import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { migrate, missingSchema, SCHEMA_VERSION } from '../../lib/graph/schema.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';

let graph: Graph;
beforeAll(() => {
  graph = openGraph(neo4jLogin);
});
afterAll(() => graph.close());

/** All that a migration could change. */
async function everything(): Promise<unknown> {
  return [
    await graph[database].run('SHOW INDEXES YIELD name RETURN name ORDER BY name'),
    await graph[database].run('MATCH (n) RETURN labels(n) AS labels, properties(n) AS properties'),
  ];
}

const setVersion = (version: number): Promise<unknown> =>
  graph[database].run('MATCH (s:Schema) SET s.version = $version', { version });

test('a schema that is there is made again without a change', async () => {
  const before = await everything();
  expect(await migrate(graph)).toEqual([]);
  expect(await everything()).toEqual(before);
});

test.each([1, SCHEMA_VERSION + 1])(
  'a database of edition %i is told to be replayed, and nothing is written into it',
  async (edition) => {
    // As it is before an index of this edition: a refusal must come before what is missing is made.
    await graph[database].run('DROP CONSTRAINT progress_key');
    await setVersion(edition);
    try {
      const before = await everything();
      for (const ask of [
        () => migrate(graph),
        () => missingSchema(graph),
        () => new GraphWriter(graph).known('file:///a.jsonl'),
      ])
        await expect(ask()).rejects.toThrow(
          new RegExp(`edition ${edition} of the graph.*empty database.*ingest the logs again`),
        );
      expect(await everything()).toEqual(before);
    } finally {
      await setVersion(SCHEMA_VERSION);
      await migrate(graph);
    }
    expect(await missingSchema(graph)).toEqual([]);
  },
);
