import { rows, type Graph, type Row } from './connection.ts';
import { CREATE_SLOTS } from './lock.ts';

/** Raised with every change of {@link SCHEMA}; kept on the `Schema` node. */
const SCHEMA_VERSION = 1;

/** Constraints and indexes by name; each statement may be run any number of times. */
const SCHEMA = {
  dataset_hash:
    'CREATE CONSTRAINT dataset_hash IF NOT EXISTS FOR (d:Dataset) REQUIRE d.hash IS UNIQUE',
  model_name_commit:
    'CREATE CONSTRAINT model_name_commit IF NOT EXISTS FOR (m:Model) REQUIRE (m.name, m.commit) IS UNIQUE',
  inference_id:
    'CREATE CONSTRAINT inference_id IF NOT EXISTS FOR (i:Inference) REQUIRE i.id IS UNIQUE',
  record_digest:
    'CREATE CONSTRAINT record_digest IF NOT EXISTS FOR (r:Record) REQUIRE r.digest IS UNIQUE',
  pending_link:
    'CREATE CONSTRAINT pending_link IF NOT EXISTS FOR (p:PendingLink) REQUIRE (p.hash, p.name, p.commit) IS UNIQUE',
  source_object_uri:
    'CREATE CONSTRAINT source_object_uri IF NOT EXISTS FOR (o:SourceObject) REQUIRE o.uri IS UNIQUE',
  relink_key: 'CREATE CONSTRAINT relink_key IF NOT EXISTS FOR (k:Relink) REQUIRE k.key IS UNIQUE',
  write_lock:
    'CREATE CONSTRAINT write_lock IF NOT EXISTS FOR (w:WriteLock) REQUIRE w.slot IS UNIQUE',
  schema_name:
    'CREATE CONSTRAINT schema_name IF NOT EXISTS FOR (s:Schema) REQUIRE s.name IS UNIQUE',
  inference_by_model:
    'CREATE INDEX inference_by_model IF NOT EXISTS FOR (i:Inference) ON (i.model, i.recordedAt, i.digest)',
} as const;

const NAMES = `
SHOW INDEXES YIELD name, state
WHERE state = 'ONLINE'
RETURN name
`;

const READ_VERSION = `
MATCH (s:Schema {name: 'custody'})
RETURN s.version AS version
`;

const WRITE_VERSION = `
MERGE (s:Schema {name: 'custody'})
SET s.version = $version
`;

/** Creates what is missing, waits until it is usable, and names it. Changes nothing the second time. */
export async function migrate(graph: Graph): Promise<readonly string[]> {
  const missing = await missingSchema(graph);
  if (missing.length === 0) return missing;
  for (const statement of Object.values(SCHEMA)) await graph.run(statement);
  await graph.run('CALL db.awaitIndexes(300)');
  await graph.run(CREATE_SLOTS);
  await graph.run(WRITE_VERSION, { version: SCHEMA_VERSION });
  return missing;
}

/** The names of constraints and indexes that are not there or not online; `version` when only the number differs. */
export async function missingSchema(graph: Graph): Promise<readonly string[]> {
  const found = await graph.read(async (tx) => {
    const names = rows(await tx.run(NAMES));
    const version: Row | undefined = rows(await tx.run(READ_VERSION))[0];
    return { names: new Set(names.map((row) => row['name'])), version: version?.['version'] };
  });
  const missing = Object.keys(SCHEMA).filter((name) => !found.names.has(name));
  return missing.length === 0 && found.version !== SCHEMA_VERSION ? ['version'] : missing;
}
