import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import type { ModelName } from '../model-name.ts';
import { count, maybe, only, text, texts } from '../rows.ts';
import { readHead, readRecord, type Asserted, type FoundRecord } from './evidence.ts';

/** What something rests on: the record asked for, and those of its model and of that one's datasets. */
export interface Chain {
  /** Each is named by one before it. */
  readonly records: readonly FoundRecord[];
  /** Datasets of the model that are not among them. */
  readonly left: number;
}

/** Datasets of one chain. */
const MAX_DATASETS = 1_000;

const MODEL_OF_INFERENCE = `
MATCH (i:Inference {id: $id})
USING INDEX SEEK i:Inference(id)
WHERE i.digest = $digest
MATCH (m:Model)-[:GENERATED]->(i)
RETURN m.name AS name, m.commit AS commit
`;

// A link may rest on records of the version that are not its head.
const RECORDS_OF_MODEL = `
MATCH (m:Model {name: $name, commit: $commit})
CALL (m) {
  OPTIONAL MATCH (d:Dataset)-[u:USED_IN]->(m)
  WITH d, u
  ORDER BY d.hash
  LIMIT $limit
  RETURN collect(DISTINCT CASE WHEN m.digest IN u.evidence THEN m.digest ELSE u.evidence[0] END) AS models,
    collect(d.digest) AS datasets
}
RETURN m.digest AS digest, models, datasets, COUNT { (m)<-[:USED_IN]-() } AS count
`;

/** The chain below what a record asserts; null where there is no such record. */
export async function readChain(graph: Graph, asked: Asserted | string): Promise<Chain | null> {
  const first = await firstOf(graph, asked);
  if (first === null) return null;
  const { asserts } = first;
  const model =
    asserts.kind === 'inference'
      ? await modelOf(graph, asserts.id, first.digest)
      : asserts.kind === 'model'
        ? asserts
        : null;
  if (model === null) return { records: [first], left: 0 };
  const below = await recordsOf(graph, model);
  const records = [first];
  for (const digest of below.digests) {
    const record = digest === first.digest ? null : await readRecord(graph, digest);
    if (record !== null) records.push(record);
  }
  return { records, left: below.left };
}

async function firstOf(graph: Graph, asked: Asserted | string): Promise<FoundRecord | null> {
  if (typeof asked === 'string') return readRecord(graph, asked);
  switch (asked.kind) {
    case 'inference':
      return readHead(graph, asked.id);
    case 'dataset': {
      const digest = await digestOf(graph, DIGEST_OF_DATASET, { hash: asked.hash });
      return digest === null ? null : readRecord(graph, digest);
    }
    case 'model': {
      const digest = await digestOf(graph, DIGEST_OF_MODEL, {
        name: asked.name,
        commit: asked.commit,
      });
      return digest === null ? null : readRecord(graph, digest);
    }
  }
}

const DIGEST_OF_DATASET = `
MATCH (e:Dataset {hash: $hash})
RETURN e.digest AS digest
`;

const DIGEST_OF_MODEL = `
MATCH (e:Model {name: $name, commit: $commit})
RETURN e.digest AS digest
`;

async function digestOf(
  graph: Graph,
  statement: string,
  parameters: Readonly<Record<string, string>>,
): Promise<string | null> {
  const [row] = await graph[database].ask(statement, parameters);
  return row === undefined ? null : text(row, 'digest');
}

/** Of the record that speaks for it; another of its records may name another model. */
async function modelOf(graph: Graph, id: string, digest: string): Promise<ModelName | null> {
  const [row] = await graph[database].ask(MODEL_OF_INFERENCE, { id, digest });
  return row === undefined ? null : { name: text(row, 'name'), commit: text(row, 'commit') };
}

async function recordsOf(
  graph: Graph,
  { name, commit }: ModelName,
): Promise<{ readonly digests: readonly string[]; readonly left: number }> {
  const parameters = { name, commit, limit: BigInt(MAX_DATASETS) };
  const row = only(await graph[database].ask(RECORDS_OF_MODEL, parameters));
  const head = maybe(text, row, 'digest');
  const datasets = texts(row, 'datasets');
  const digests = [...(head === null ? [] : [head]), ...texts(row, 'models'), ...datasets];
  return { digests: [...new Set(digests)], left: count(row, 'count') - datasets.length };
}
