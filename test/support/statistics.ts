import type { Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { migrate } from '../../lib/graph/schema.ts';

const DROP = [
  'DROP INDEX dataset_by_since',
  'DROP INDEX model_by_since',
  'DROP INDEX inference_by_time',
  'DROP INDEX inference_by_model',
  'DROP INDEX source_object_by_time',
  'DROP CONSTRAINT dataset_hash',
  'DROP CONSTRAINT model_name_commit',
  'DROP CONSTRAINT finding_key',
];

/** As in a new database: the planner knows nothing of an index whose first entries have just come, and then prefers to filter. */
export async function forgetStatistics(graph: Graph): Promise<void> {
  for (const statement of DROP) await graph[database].run(statement);
  await migrate(graph);
  await graph[database].run('CALL db.clearQueryCaches()');
}

/** The planner goes by what it was told of the data last. */
export async function learnStatistics(graph: Graph): Promise<void> {
  await graph[database].run('CALL db.resampleOutdatedIndexes()');
  await graph[database].run('CALL db.awaitIndexes(60)');
  await graph[database].run('CALL db.clearQueryCaches()');
}
