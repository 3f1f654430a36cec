import neo4j from 'neo4j-driver';
import type { Graph } from '../connection.ts';
import { database } from '../database.ts';

/** One of the eight questions that the project began with. */
export interface SeedQuery {
  readonly id: string;
  readonly title: string;
  /** For the Neo4j Browser as it stands. */
  readonly statement: string;
}

/** The eight queries; each keeps the columns that people's notebooks already name. */
export const SEED_QUERIES: readonly SeedQuery[] = [
  {
    id: '3.1',
    title: 'Datasets, newest first',
    statement: `MATCH (d:Dataset)
RETURN d.hash AS hash, d.path AS path, d.description AS description, d.timestamp AS logged_at
ORDER BY logged_at DESC`,
  },
  {
    id: '3.2',
    title: 'Models and their hyperparameters',
    statement: `MATCH (m:Model)
RETURN m.name AS model, m.commit AS git_commit, m.hyperparameters AS hyperparams, m.environment AS env, m.timestamp AS logged_at
ORDER BY logged_at DESC`,
  },
  {
    id: '3.3',
    title: 'Datasets used for each model',
    statement: `MATCH (d:Dataset)-[:USED_IN]->(m:Model)
RETURN d.hash AS dataset_hash, d.path AS dataset_path, m.name AS model, m.commit AS commit
ORDER BY model`,
  },
  {
    id: '3.4',
    title: 'Inferences with input and output',
    statement: `MATCH (m:Model)-[:GENERATED]->(i:Inference)
RETURN i.id AS inference_id, m.name AS model, i.input AS input_data, i.output AS output_data, i.timestamp AS ts
ORDER BY ts DESC`,
  },
  {
    id: '3.5',
    title: 'Lineage from dataset through model to inference',
    statement: `MATCH (d:Dataset)-[:USED_IN]->(m:Model)-[:GENERATED]->(i:Inference)
RETURN d.hash AS dataset_hash, m.name AS model, i.id AS inference_id, i.timestamp AS ts
ORDER BY ts DESC`,
  },
  {
    id: '3.6',
    title: 'The graph to look at',
    statement: `MATCH (d:Dataset)-[:USED_IN]->(m:Model)-[:GENERATED]->(i:Inference)
RETURN d, m, i`,
  },
  {
    id: '3.7',
    title: 'Models with more than one dataset',
    statement: `MATCH (m:Model)<-[:USED_IN]-(d:Dataset)
WITH m, collect(d.hash) AS datasets
WHERE size(datasets) > 1
RETURN m.name AS model, datasets, size(datasets) AS dataset_count`,
  },
  {
    id: '3.8',
    title: 'Models without a dataset behind them',
    statement: `MATCH (m:Model)
WHERE NOT (m)<-[:USED_IN]-(:Dataset)
RETURN m.name AS model_without_provenance`,
  },
];

/** Columns in the statement's order and rows of JSON values; a node becomes its properties. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** Runs one of {@link SEED_QUERIES}; undefined when there is none of that id. */
export async function runSeedQuery(graph: Graph, id: string): Promise<Table | undefined> {
  const query = SEED_QUERIES.find((candidate) => candidate.id === id);
  if (query === undefined) return undefined;
  return graph[database].read(async (tx) => {
    const result = tx.run(query.statement);
    const columns = await result.keys();
    const { records } = await result;
    return {
      columns,
      rows: records.map((record) => columns.map((name) => plain(record.get(name)))),
    };
  });
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  if ('properties' in value) return plain(value.properties);
  if (neo4j.isDateTime(value)) return value.toString();
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}
