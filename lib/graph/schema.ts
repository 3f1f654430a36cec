import { randomBytes } from 'node:crypto';
import { ConfigError } from '../errors.ts';
import type { Graph } from './connection.ts';
import { database } from './database.ts';
import { SLOTS } from './lock.ts';
import { count, rows, text } from './rows.ts';

/**
 * The edition of the graph, kept on the `Schema` node. Raised when what is stored means something else
 * than before: the logs of an older database are then ingested again, into an empty one.
 */
export const SCHEMA_VERSION = 2;

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
  record_by_model: 'CREATE INDEX record_by_model IF NOT EXISTS FOR (r:Record) ON (r.model)',
  pending_link:
    'CREATE CONSTRAINT pending_link IF NOT EXISTS FOR (p:PendingLink) REQUIRE (p.hash, p.name, p.commit) IS UNIQUE',
  source_object_uri:
    'CREATE CONSTRAINT source_object_uri IF NOT EXISTS FOR (o:SourceObject) REQUIRE o.uri IS UNIQUE',
  passed_over:
    'CREATE CONSTRAINT passed_over IF NOT EXISTS FOR (n:PassedOver) REQUIRE n.uri IS UNIQUE',
  passed_over_count:
    'CREATE CONSTRAINT passed_over_count IF NOT EXISTS FOR (c:PassedOverCount) REQUIRE c.why IS UNIQUE',
  log_sha256: 'CREATE CONSTRAINT log_sha256 IF NOT EXISTS FOR (l:Log) REQUIRE l.sha256 IS UNIQUE',
  progress_key:
    'CREATE CONSTRAINT progress_key IF NOT EXISTS FOR (p:Progress) REQUIRE p.key IS UNIQUE',
  stretch:
    'CREATE CONSTRAINT stretch IF NOT EXISTS FOR (s:Stretch) REQUIRE (s.log, s.number, s.kid) IS UNIQUE',
  stretch_by_kid:
    'CREATE INDEX stretch_by_kid IF NOT EXISTS FOR (s:Stretch) ON (s.kid, s.log, s.number)',
  relink_key: 'CREATE CONSTRAINT relink_key IF NOT EXISTS FOR (k:Relink) REQUIRE k.key IS UNIQUE',
  write_lock:
    'CREATE CONSTRAINT write_lock IF NOT EXISTS FOR (w:WriteLock) REQUIRE w.slot IS UNIQUE',
  schema_name:
    'CREATE CONSTRAINT schema_name IF NOT EXISTS FOR (s:Schema) REQUIRE s.name IS UNIQUE',
  finding_key:
    'CREATE CONSTRAINT finding_key IF NOT EXISTS FOR (f:Finding) REQUIRE f.key IS UNIQUE',
  waiver_key: 'CREATE CONSTRAINT waiver_key IF NOT EXISTS FOR (w:Waiver) REQUIRE w.key IS UNIQUE',
  finding_by_status:
    'CREATE INDEX finding_by_status IF NOT EXISTS FOR (f:Finding) ON (f.status, f.rule, f.key)',
  finding_by_untold: 'CREATE INDEX finding_by_untold IF NOT EXISTS FOR (f:Finding) ON (f.untold)',
  finding_by_group: 'CREATE INDEX finding_by_group IF NOT EXISTS FOR (f:Finding) ON (f.group)',
  finding_by_wider_group:
    'CREATE INDEX finding_by_wider_group IF NOT EXISTS FOR (f:Finding) ON (f.widerGroup)',
  finding_group_key:
    'CREATE CONSTRAINT finding_group_key IF NOT EXISTS FOR (g:FindingGroup) REQUIRE g.key IS UNIQUE',
  difference_key:
    'CREATE CONSTRAINT difference_key IF NOT EXISTS FOR (d:Difference) REQUIRE d.key IS UNIQUE',
  audit_name: 'CREATE CONSTRAINT audit_name IF NOT EXISTS FOR (a:Audit) REQUIRE a.name IS UNIQUE',
  rule_pass: 'CREATE CONSTRAINT rule_pass IF NOT EXISTS FOR (p:RulePass) REQUIRE p.rule IS UNIQUE',
  check_id: 'CREATE CONSTRAINT check_id IF NOT EXISTS FOR (c:Check) REQUIRE c.id IS UNIQUE',
  check_by_time: 'CREATE INDEX check_by_time IF NOT EXISTS FOR (c:Check) ON (c.startedAt)',
  source_object_by_status:
    'CREATE INDEX source_object_by_status IF NOT EXISTS FOR (o:SourceObject) ON (o.status, o.lastSeenAt)',
  source_object_by_time:
    'CREATE INDEX source_object_by_time IF NOT EXISTS FOR (o:SourceObject) ON (o.firstSeenAt, o.uri)',
  dataset_by_since:
    'CREATE INDEX dataset_by_since IF NOT EXISTS FOR (d:Dataset) ON (d.since, d.hash)',
  model_by_since:
    'CREATE INDEX model_by_since IF NOT EXISTS FOR (m:Model) ON (m.since, m.name, m.commit)',
  pending_link_by_model:
    'CREATE INDEX pending_link_by_model IF NOT EXISTS FOR (p:PendingLink) ON (p.name, p.commit)',
  inference_by_time:
    'CREATE INDEX inference_by_time IF NOT EXISTS FOR (i:Inference) ON (i.recordedAt, i.digest)',
  inference_by_resolution:
    'CREATE INDEX inference_by_resolution IF NOT EXISTS FOR (i:Inference) ON (i.resolution, i.model)',
  inference_by_model:
    'CREATE INDEX inference_by_model IF NOT EXISTS FOR (i:Inference) ON (i.model, i.recordedAt, i.digest)',
} as const;

/** A slot that is not there can't be waited for. */
const CREATE_SLOTS = `
UNWIND range(1, $slots) AS slot
MERGE (:WriteLock {slot: slot})
`;

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
SET s.version = $version, s.cursorKey = coalesce(s.cursorKey, $cursorKey)
`;

const READ_CURSOR_KEY = `
MATCH (s:Schema {name: 'custody'})
RETURN s.cursorKey AS cursorKey
`;

/**
 * Creates what is missing, waits until it is usable, and names it. Changes nothing the second time, and
 * nothing of a database that was written under another {@link SCHEMA_VERSION}: {@link ConfigError}.
 */
export async function migrate(graph: Graph): Promise<readonly string[]> {
  const missing = await missingSchema(graph);
  if (missing.length === 0) return missing;
  for (const statement of Object.values(SCHEMA)) await graph[database].run(statement);
  await graph[database].run('CALL db.awaitIndexes(300)');
  await graph[database].run(CREATE_SLOTS, { slots: BigInt(SLOTS) });
  const cursorKey = randomBytes(32).toString('base64url');
  await graph[database].run(WRITE_VERSION, { version: SCHEMA_VERSION, cursorKey });
  return missing;
}

/**
 * The key that seals cursors: the same for every server of this database, for as long as it lives.
 * Who can read it can read the whole graph anyway.
 */
export async function readCursorKey(graph: Graph): Promise<string> {
  const [row] = await graph[database].ask(READ_CURSOR_KEY);
  const key = row?.['cursorKey'];
  if (typeof key !== 'string')
    throw new ConfigError('SCHEMA_MISSING', ['the database has no schema: run custody migrate']);
  return key;
}

/**
 * The names of constraints and indexes that are not there or not online; `version` when nothing but the
 * number is missing. {@link ConfigError} when the number is another one.
 */
export async function missingSchema(graph: Graph): Promise<readonly string[]> {
  const found = await graph[database].read(async (tx) => {
    const names = rows(await tx.run(NAMES)).map((row) => text(row, 'name'));
    const [schema] = rows(await tx.run(READ_VERSION));
    return { names: new Set(names), version: schema && count(schema, 'version') };
  });
  if (found.version !== undefined && found.version !== SCHEMA_VERSION)
    throw new ConfigError('SCHEMA_OTHER', [
      `the database was written under edition ${found.version} of the graph, and this is edition ${SCHEMA_VERSION}: nothing in it was changed; take an empty database, run custody migrate, and ingest the logs again`,
    ]);
  const missing = Object.keys(SCHEMA).filter((name) => !found.names.has(name));
  return missing.length === 0 && found.version === undefined ? ['version'] : missing;
}
