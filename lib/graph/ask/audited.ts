import { isDateTime } from 'neo4j-driver';
import type { Instant } from '../../trust/timestamp.ts';
import type { Audited } from '../audited.ts';
import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { toDateTime } from '../instant.ts';
import { text, type Row } from '../rows.ts';

/** How a thing of the graph is read, to be compared: all that it has, also what it ought not to have. */
interface Reading {
  /** The next $limit in the order of identities, behind $a, $b, $c. */
  readonly pages: readonly string[];
  /** Those of $identities. */
  readonly named: string;
}

const DATASET = `
RETURN [d.hash] AS identity, d {.*} AS properties,
  COUNT { (d)--() } - COUNT { (d)-[:USED_IN]->() } - COUNT { (d)<-[:ASSERTS]-() } AS others
`;

const DATASETS = `
MATCH (d:Dataset)
USING INDEX SEEK d:Dataset(hash)
WHERE d.hash > $a
WITH d
ORDER BY d.hash
LIMIT $limit
${DATASET}
ORDER BY d.hash
`;

const NAMED_DATASETS = `
UNWIND $identities AS identity
MATCH (d:Dataset {hash: identity[0]})
${DATASET}
`;

const MODEL = `
RETURN [m.name, m.commit] AS identity, m {.*} AS properties,
  COUNT { (m)--() } - COUNT { (m)<-[:USED_IN]-() } - COUNT { (m)-[:GENERATED]->() }
    - COUNT { (m)<-[:ASSERTS]-() } AS others,
  COLLECT {
    MATCH (d)-[u:USED_IN]->(m)
    RETURN {hash: d.hash, isDataset: d:Dataset, properties: u {.*}}
  } AS used,
  COLLECT {
    MATCH (p:PendingLink)
    WHERE p.name = m.name AND p.commit = m.commit
    RETURN {properties: p {.*}, others: COUNT { (p)--() }}
  } AS pending
`;

// Two seeks: of a stored string and a parameter only a seek goes by code points.
const VERSIONS_OF_NAME = `
MATCH (m:Model)
USING INDEX SEEK m:Model(name, commit)
WHERE m.name = $a AND m.commit > $b
WITH m
ORDER BY m.name, m.commit
LIMIT $limit
${MODEL}
ORDER BY m.name, m.commit
`;

const MODELS = `
MATCH (m:Model)
USING INDEX SEEK m:Model(name, commit)
WHERE m.name > $a AND m.commit IS NOT NULL
WITH m
ORDER BY m.name, m.commit
LIMIT $limit
${MODEL}
ORDER BY m.name, m.commit
`;

const NAMED_MODELS = `
UNWIND $identities AS identity
MATCH (m:Model {name: identity[0], commit: identity[1]})
${MODEL}
`;

/** Of `r`. */
const AUDITED_SIGNED = `COLLECT {
    MATCH (r)-[x:SIGNED_IN]->(s)
    RETURN {kid: s.kid, log: s.log, number: s.number, isStretch: s:Stretch, properties: x {.*}}
  }`;

const AUDITED_RECORD = `
RETURN [r.digest] AS identity, r {.*} AS properties,
  COUNT { (r)--() } - COUNT { (r)-[:SIGNED_IN]->() } - COUNT { (r)-[:ASSERTS]->() } AS others,
  COLLECT {
    MATCH (r)-[a:ASSERTS]->(e)
    RETURN {label: labels(e)[0], identity: [e.hash, e.name, e.commit, e.id], properties: a {.*}}
  } AS asserts,
  ${AUDITED_SIGNED} AS signings
`;

const RECORDS = `
MATCH (r:Record)
USING INDEX SEEK r:Record(digest)
WHERE r.digest > $a
WITH r
ORDER BY r.digest
LIMIT $limit
${AUDITED_RECORD}
ORDER BY r.digest
`;

const NAMED_RECORDS = `
UNWIND $identities AS identity
MATCH (r:Record {digest: identity[0]})
${AUDITED_RECORD}
`;

const AUDITED_INFERENCE = `
RETURN [i.id] AS identity, i {.*} AS properties,
  COUNT { (i)--() } - COUNT { (i)<-[:GENERATED]-() } - COUNT { (i)<-[:ASSERTS]-() }
    - COUNT { (i)-[:SIGNED_IN]->() } AS others,
  COLLECT {
    MATCH (m)-[g:GENERATED]->(i)
    RETURN {name: m.name, commit: m.commit, isModel: m:Model, properties: g {.*}}
  } AS models,
  COLLECT {
    MATCH (i)-[x:SIGNED_IN]->(s)
    RETURN {kid: s.kid, log: s.log, number: s.number, isStretch: s:Stretch, properties: x {.*}}
  } AS signings,
  COLLECT {
    MATCH (r)-[:ASSERTS]->(i)
    RETURN {properties: r {.*}, isRecord: r:Record,
      others: COUNT { (r)--() } - COUNT { (r)-[:SIGNED_IN]->() } - 1,
      signings: ${AUDITED_SIGNED}}
  } AS records
`;

const INFERENCES = `
MATCH (i:Inference)
USING INDEX SEEK i:Inference(id)
WHERE i.id > $a
WITH i
ORDER BY i.id
LIMIT $limit
${AUDITED_INFERENCE}
ORDER BY i.id
`;

const NAMED_INFERENCES = `
UNWIND $identities AS identity
MATCH (i:Inference {id: identity[0]})
${AUDITED_INFERENCE}
`;

const STRETCH = `
CALL (s) {
  OPTIONAL MATCH (s)<-[x:SIGNED_IN]-(r)
  RETURN count(x) AS signings, min(r.recordedAt) AS first, max(r.recordedAt) AS last
}
RETURN [s.log, toString(s.number), s.kid] AS identity, s {.*} AS properties,
  COUNT { (s)--() } - COUNT { (s)<-[:SIGNED_IN]-() } - COUNT { (s)-[:PART_OF]->() } AS others,
  signings, first, last,
  COLLECT { MATCH (s)-[:PART_OF]->(l) RETURN l.sha256 } AS logs
`;

// Logs and kids are hexadecimal: their order is the same for parameters and stored values.
const AUDITED_STRETCHES = `
MATCH (s:Stretch)
USING INDEX SEEK s:Stretch(log, number, kid)
WHERE s.log >= $a AND s.number IS NOT NULL AND s.kid IS NOT NULL
  AND (s.log > $a OR s.number > toInteger($b) OR (s.number = toInteger($b) AND s.kid > $c))
WITH s
ORDER BY s.log, s.number, s.kid
LIMIT $limit
${STRETCH}
ORDER BY s.log, s.number, s.kid
`;

const NAMED_STRETCHES = `
UNWIND $identities AS identity
MATCH (s:Stretch {log: identity[0], number: toInteger(identity[1]), kid: identity[2]})
${STRETCH}
`;

const LOG = `
CALL (l) {
  OPTIONAL MATCH (s:Stretch)-[:PART_OF]->(l)
  RETURN sum(s.count) AS signings
}
RETURN [l.sha256] AS identity, l {.*} AS properties,
  COUNT { (l)--() } - COUNT { (l)<-[:PART_OF]-() } - COUNT { (l)<-[:OF]-() } - COUNT { (l)<-[:CARRIED]-() }
    - COUNT { (l)-[:AWAITS]->() } AS others,
  COLLECT {
    MATCH (p)-[:OF]->(l)
    RETURN {properties: p {.*}, others: COUNT { (p)--() } - 1, opener: head(COLLECT {
      MATCH (o:SourceObject {uri: p.openedBy}) RETURN o.status
    })}
  } AS progress,
  signings
`;

const LOGS = `
MATCH (l:Log)
USING INDEX SEEK l:Log(sha256)
WHERE l.sha256 > $a
WITH l
ORDER BY l.sha256
LIMIT $limit
${LOG}
ORDER BY l.sha256
`;

const NAMED_LOGS = `
UNWIND $identities AS identity
MATCH (l:Log {sha256: identity[0]})
${LOG}
`;

const OBJECT = `
OPTIONAL MATCH (p:Progress {key: o.progress})
RETURN [o.uri] AS identity, o {.*} AS properties,
  COUNT { (o)--() } - COUNT { (o)-[:CARRIED]->() } AS others,
  COLLECT { MATCH (o)-[:CARRIED]->(l) RETURN l.sha256 } AS carried,
  p {.*} AS progress
`;

const OBJECTS = `
MATCH (o:SourceObject)
USING INDEX SEEK o:SourceObject(uri)
WHERE o.uri > $a
WITH o
ORDER BY o.uri
LIMIT $limit
${OBJECT}
ORDER BY o.uri
`;

const NAMED_OBJECTS = `
UNWIND $identities AS identity
MATCH (o:SourceObject {uri: identity[0]})
${OBJECT}
`;

const FINDING = `
OPTIONAL MATCH (w:Waiver {key: f.key})
RETURN [f.key] AS identity, f {.*} AS properties, COUNT { (f)--() } AS others, w IS NOT NULL AS hasWaiver
`;

const AUDITED_FINDINGS = `
MATCH (f:Finding)
USING INDEX SEEK f:Finding(key)
WHERE f.key > $a
WITH f
ORDER BY f.key
LIMIT $limit
${FINDING}
ORDER BY f.key
`;

const NAMED_FINDINGS = `
UNWIND $identities AS identity
MATCH (f:Finding {key: identity[0]})
${FINDING}
`;

const WAIVER = `
RETURN [w.key] AS identity, w {.*} AS properties, COUNT { (w)--() } AS others
`;

const WAIVERS = `
MATCH (w:Waiver)
USING INDEX SEEK w:Waiver(key)
WHERE w.key > $a
WITH w
ORDER BY w.key
LIMIT $limit
${WAIVER}
ORDER BY w.key
`;

const NAMED_WAIVERS = `
UNWIND $identities AS identity
MATCH (w:Waiver {key: identity[0]})
${WAIVER}
`;

const READINGS: Readonly<Record<Audited, Reading>> = {
  dataset: { pages: [DATASETS], named: NAMED_DATASETS },
  model: { pages: [VERSIONS_OF_NAME, MODELS], named: NAMED_MODELS },
  record: { pages: [RECORDS], named: NAMED_RECORDS },
  inference: { pages: [INFERENCES], named: NAMED_INFERENCES },
  stretch: { pages: [AUDITED_STRETCHES], named: NAMED_STRETCHES },
  log: { pages: [LOGS], named: NAMED_LOGS },
  object: { pages: [OBJECTS], named: NAMED_OBJECTS },
  finding: { pages: [AUDITED_FINDINGS], named: NAMED_FINDINGS },
  waiver: { pages: [WAIVERS], named: NAMED_WAIVERS },
};

/** What stands in the graph, whatever it is: a time as `{at}`, so that no text can be taken for one. */
export type Plain =
  string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain };

export type PlainMap = Readonly<Record<string, Plain>>;

/** A thing of the graph with all that hangs on it. */
export interface FoundThing {
  readonly identity: readonly string[];
  /** Columns of its reading, by name. */
  readonly columns: PlainMap;
}

/** An instant as {@link Plain} has those of the graph. */
export function plainTime(at: Instant): PlainMap {
  return { at: toDateTime(at).toString() };
}

/** The next things behind a place in the order of identities; none at their end. */
export async function nextAudited(
  graph: Graph,
  kind: Audited,
  behind: readonly string[],
  limit: number,
): Promise<readonly FoundThing[]> {
  const [a = '', b = '', c = ''] = behind;
  const parameters = { a, b: kind === 'stretch' && b === '' ? '-1' : b, c, limit: BigInt(limit) };
  const found: FoundThing[] = [];
  for (const statement of READINGS[kind].pages) {
    const left = BigInt(limit - found.length);
    if (left <= 0n) break;
    found.push(...(await ask(graph, statement, { ...parameters, limit: left })));
  }
  return found;
}

/** Of these things those that are there, in no order. */
export async function namedAudited(
  graph: Graph,
  kind: Audited,
  identities: readonly (readonly string[])[],
): Promise<readonly FoundThing[]> {
  return ask(graph, READINGS[kind].named, { identities });
}

async function ask(graph: Graph, statement: string, parameters: Row): Promise<FoundThing[]> {
  const found = await graph[database].read(async (tx) => {
    const result = await tx.run(statement, parameters);
    return result.records.map((record): Row => record.toObject());
  });
  return found.map((row) => {
    const columns = mapOf(row);
    const identity = columns['identity'];
    return { identity: Array.isArray(identity) ? identity.map(String) : [], columns };
  });
}

function mapOf(row: Row): PlainMap {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]));
}

function plain(value: unknown): Plain {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  if (isDateTime(value)) return { at: value.toString() };
  if (Array.isArray(value)) return value.map(plain);
  // Points, durations, local times: nothing of Custody's.
  if (typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype)
    return { other: Object.prototype.toString.call(value) };
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, plain(of)]));
}

const AUDITED_TOTALS = `
CALL () { MATCH (n:Dataset) RETURN count(n) AS dataset }
CALL () { MATCH (n:Model) RETURN count(n) AS model }
CALL () { MATCH (n:Record) RETURN count(n) AS record }
CALL () { MATCH (n:Inference) RETURN count(n) AS inference }
CALL () { MATCH (n:Stretch) RETURN count(n) AS stretch }
CALL () { MATCH (n:Log) RETURN count(n) AS log }
CALL () { MATCH (n:SourceObject) RETURN count(n) AS object }
CALL () { MATCH (n:Finding) RETURN count(n) AS finding }
CALL () { MATCH (n:Waiver) RETURN count(n) AS waiver }
CALL () { MATCH (n:PendingLink) RETURN count(n) AS pending }
CALL () { MATCH (n:Progress) RETURN count(n) AS progress }
CALL () { MATCH (n:Relink) RETURN count(n) AS open }
CALL () { MATCH ()-[r:USED_IN]->() RETURN count(r) AS usedIn }
CALL () { MATCH ()-[r:GENERATED]->() RETURN count(r) AS generated }
CALL () { MATCH ()-[r:ASSERTS]->() RETURN count(r) AS asserts }
CALL () { MATCH ()-[r:SIGNED_IN]->() RETURN count(r) AS signedIn }
RETURN dataset, model, record, inference, stretch, log, object, finding, waiver, pending, progress, open,
  usedIn, generated, asserts, signedIn
`;

/** How many there are of each, from the store's own counts; `open` are the markers of links to be made. */
export async function auditedTotals(graph: Graph): Promise<PlainMap> {
  const [row = {}] = await graph[database].ask(AUDITED_TOTALS);
  return mapOf(row);
}

// What no seek meets: without its identity a thing is in no list of things, and in some answers all the same.
const STRAYS = `
CALL () {
  MATCH (n:Dataset) WHERE NOT coalesce(n.hash > '', false)
  RETURN 'dataset' AS kind, elementId(n) AS element, [] AS of
  UNION ALL
  MATCH (n:Model) WHERE NOT coalesce(n.name > '' AND n.commit > '', false)
  RETURN 'model' AS kind, elementId(n) AS element, [] AS of
  UNION ALL
  MATCH (n:Record) WHERE NOT coalesce(n.digest > '', false)
  RETURN 'record' AS kind, elementId(n) AS element, [] AS of
  UNION ALL
  MATCH (n:Inference) WHERE NOT coalesce(n.id > '', false)
  RETURN 'inference' AS kind, elementId(n) AS element, [] AS of
  UNION ALL
  MATCH (n:Stretch) WHERE NOT coalesce(n.log > '' AND n.number >= 0 AND n.kid > '', false)
  RETURN 'stretch' AS kind, elementId(n) AS element, [] AS of
  UNION ALL
  MATCH (n:Log) WHERE NOT coalesce(n.sha256 > '', false)
  RETURN 'log' AS kind, elementId(n) AS element, [] AS of
  UNION ALL
  MATCH (n:SourceObject) WHERE NOT coalesce(n.uri > '', false)
  RETURN 'object' AS kind, elementId(n) AS element, [] AS of
  UNION ALL
  MATCH (n:Finding) WHERE NOT coalesce(n.key > '', false)
  RETURN 'finding' AS kind, elementId(n) AS element, [] AS of
  UNION ALL
  MATCH (n:Waiver) WHERE NOT coalesce(n.key > '', false)
  RETURN 'waiver' AS kind, elementId(n) AS element, [] AS of
  UNION ALL
  MATCH (n:PendingLink)
  WHERE n.hash IS NULL OR NOT EXISTS { MATCH (:Model {name: n.name, commit: n.commit}) }
  RETURN 'pending link' AS kind, elementId(n) AS element, [n.name, n.commit] AS of
  UNION ALL
  MATCH (n:Progress) WHERE NOT EXISTS { (n)-[:OF]->(:Log) }
  RETURN 'progress' AS kind, elementId(n) AS element, [n.key] AS of
  UNION ALL
  MATCH ()-[r:USED_IN]->(m) WHERE NOT m:Model
  RETURN 'USED_IN' AS kind, elementId(r) AS element, [] AS of
  UNION ALL
  MATCH ()-[r:GENERATED]->(i) WHERE NOT i:Inference
  RETURN 'GENERATED' AS kind, elementId(r) AS element, [] AS of
  UNION ALL
  MATCH (a)-[r:ASSERTS]->(e) WHERE NOT a:Record
  RETURN 'ASSERTS' AS kind, elementId(r) AS element, [] AS of
  UNION ALL
  MATCH (a)-[r:SIGNED_IN]->(s) WHERE NOT (a:Record OR a:Inference)
  RETURN 'SIGNED_IN' AS kind, elementId(r) AS element, [] AS of
}
RETURN kind, element, of
LIMIT $limit
`;

/**
 * Nodes without an identity, and relationships that hang on no audited thing; of these no writer makes one.
 * A link that waits, or a progress, whose model or log is gone is one of them, with what it is of.
 */
export async function strays(
  graph: Graph,
  limit: number,
): Promise<
  readonly { readonly kind: string; readonly element: string; readonly of: readonly Plain[] }[]
> {
  const found = await graph[database].read(async (tx) => {
    const result = await tx.run(STRAYS, { limit: BigInt(limit) });
    return result.records.map((record): Row => record.toObject());
  });
  return found.map((row) => ({
    kind: text(row, 'kind'),
    element: text(row, 'element'),
    of: list(plain(row['of'])),
  }));
}

function list(value: Plain): readonly Plain[] {
  return Array.isArray(value) ? value.map((of: Plain) => of) : [];
}

const PROGRESS = `
UNWIND $keys AS key
MATCH (p:Progress {key: key})
RETURN key, p.isDone = true AS isDone,
  EXISTS { MATCH (o:SourceObject {uri: p.openedBy}) WHERE o.status = 'abandoned' } AS isAbandoned
`;

/** How far the graph says that it is with these logs, by the key of their progress. */
export async function progressOf(
  graph: Graph,
  keys: readonly string[],
): Promise<ReadonlyMap<string, 'done' | 'open' | 'abandoned'>> {
  const found = await graph[database].read(async (tx) => {
    const result = await tx.run(PROGRESS, { keys });
    return result.records.map((record): Row => record.toObject());
  });
  return new Map(
    found.map((row) => [
      String(row['key']),
      row['isDone'] === true ? 'done' : row['isAbandoned'] === true ? 'abandoned' : 'open',
    ]),
  );
}
