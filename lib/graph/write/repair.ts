import neo4j, { type ManagedTransaction } from 'neo4j-driver';
import type { VerifiedRecord } from '../../trust/verify.ts';
import type { Audited } from '../audited.ts';
import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { lockAlone } from '../lock.ts';
import { count, rows, text, type Row } from '../rows.ts';
import type { Payload } from '../settings.ts';
import { stretchOf } from '../stretch.ts';
import { decide, linkKey, type Changes, type Stored } from './changes.ts';
import { versionsOf } from './read-stored.ts';
import { writeChanges } from './write-changes.ts';

/** Takes away what is asserted and signed; tells the stretches that are to be counted again. */
const TAKE_RECORDS = `
MATCH (r)
WHERE elementId(r) IN $elements
CALL (r) {
  OPTIONAL MATCH (r)-[:SIGNED_IN]->(s:Stretch)
  RETURN collect(s {.log, .number, .kid}) AS stretches
}
DETACH DELETE r
RETURN stretches
`;

const RECORDS_OF_DATASET = `
OPTIONAL MATCH (r:Record)-[:ASSERTS]->(:Dataset {hash: $identity[0]})
RETURN elementId(r) AS element
UNION
OPTIONAL MATCH (r:Record)
WHERE r.digest IN $digests
RETURN elementId(r) AS element
`;

const REPLAYED_OF_MODEL = `
OPTIONAL MATCH (r:Record)-[:ASSERTS]->(:Model {name: $identity[0], commit: $identity[1]})
RETURN elementId(r) AS element
UNION
OPTIONAL MATCH (r:Record)
WHERE r.digest IN $digests
RETURN elementId(r) AS element
`;

const RECORDS_OF_INFERENCE = `
OPTIONAL MATCH (r)-[:ASSERTS]->(:Inference {id: $identity[0]})
RETURN elementId(r) AS element
UNION
OPTIONAL MATCH (r:Record)
WHERE r.digest IN $digests
RETURN elementId(r) AS element
UNION
OPTIONAL MATCH (r:Inference {id: $identity[0]})
RETURN elementId(r) AS element
`;

const RECORD_ALONE = `
OPTIONAL MATCH (r:Record {digest: $identity[0]})
RETURN elementId(r) AS element
`;

const CLEAR_DATASET = `
MERGE (d:Dataset {hash: $identity[0]})
SET d = {hash: $identity[0]}
WITH d
MATCH (d)-[x]-()
WHERE NOT (type(x) = 'USED_IN' AND startNode(x) = d)
DELETE x
`;

const CLEAR_MODEL = `
MERGE (m:Model {name: $identity[0], commit: $identity[1]})
SET m = {name: $identity[0], commit: $identity[1]}
WITH m
MATCH (m)-[x]-()
WHERE NOT (type(x) = 'GENERATED' AND startNode(x) = m)
DELETE x
`;

const CLEAR_PENDING = `
MATCH (p:PendingLink)
WHERE p.name = $identity[0] AND p.commit = $identity[1]
DETACH DELETE p
`;

const DELETE_DATASET = `
MATCH (d:Dataset {hash: $identity[0]})
DETACH DELETE d
`;

const DELETE_MODEL = `
MATCH (m:Model {name: $identity[0], commit: $identity[1]})
DETACH DELETE m
`;

const DELETE_STRETCH = `
MATCH (s:Stretch {log: $identity[0], number: toInteger($identity[1]), kid: $identity[2]})
DETACH DELETE s
`;

const DELETE_LOG = `
MATCH (l:Log {sha256: $identity[0]})
DETACH DELETE l
`;

const DELETE_FINDING = `
MATCH (f:Finding {key: $identity[0]})
DETACH DELETE f
`;

const DELETE_WAIVER = `
MATCH (w:Waiver {key: $identity[0]})
DETACH DELETE w
`;

const DELETE_NODE = `
MATCH (n)
WHERE elementId(n) = $element
DETACH DELETE n
`;

const DELETE_RELATIONSHIP = `
MATCH ()-[r]->()
WHERE elementId(r) = $element
DELETE r
`;

const COUNT_AGAIN = `
UNWIND $stretches AS row
MATCH (s:Stretch {log: row.log, number: row.number, kid: row.kid})
CALL (s) {
  OPTIONAL MATCH (s)<-[x:SIGNED_IN]-(r)
  RETURN count(x) AS count, min(r.recordedAt) AS first, max(r.recordedAt) AS last
}
SET s = {log: row.log, number: row.number, kid: row.kid, count: count, first: first, last: last}
WITH s
CALL (s) {
  MATCH (s)-[x]-()
  WHERE type(x) <> 'SIGNED_IN'
  DELETE x
}
WITH s
MATCH (l:Log {sha256: s.log})
MERGE (s)-[:PART_OF]->(l)
`;

const SET_LOG = `
MERGE (l:Log {sha256: $log})
SET l = {sha256: $log, bytes: $bytes, lines: $lines, version: l.version,
  firstSeenAt: coalesce(l.firstSeenAt, datetime.transaction())}
WITH l
CALL (l) {
  MATCH (l)-[x]-(other)
  WHERE NOT (type(x) = 'PART_OF' AND other:Stretch OR type(x) = 'CARRIED' AND other:SourceObject
    OR type(x) = 'AWAITS' AND other:Relink OR type(x) = 'OF' AND coalesce(other.key IN $keys, false))
  DELETE x
}
WITH l
CALL (l) {
  OPTIONAL MATCH (s:Stretch)-[:PART_OF]->(l)
  RETURN sum(s.count) AS signings
}
RETURN signings
`;

const SET_PROGRESS = `
MATCH (l:Log {sha256: $log})
MERGE (p:Progress {key: $key})
SET p = {key: $key, linesDone: $linesDone, offsetDone: $offsetDone, isDone: true, accepted: $accepted,
  duplicate: $duplicate, openedBy: p.openedBy}
WITH l, p
CALL (p) {
  MATCH (p)-[x]-()
  DELETE x
}
WITH l, p
MERGE (p)-[:OF]->(l)
WITH l, p
WHERE NOT EXISTS { MATCH (o:SourceObject {uri: p.openedBy}) }
MATCH (o:SourceObject)
WHERE o.sha256 = l.sha256
WITH p, min(o.uri) AS uri
SET p.openedBy = uri
`;

// Its opener has the counts of a log.
const COUNT_OPENER = `
MATCH (p:Progress {key: $key})
MATCH (o:SourceObject {uri: p.openedBy})
WHERE o.progress = $key AND o.status IN ['accepted', 'partial']
SET o.accepted = p.accepted, o.duplicate = p.duplicate
`;

const RELATE_OBJECT = `
MATCH (o:SourceObject {uri: $uri})
CALL (o) {
  MATCH (o)-[x]-()
  DELETE x
}
WITH o
MATCH (l:Log {sha256: $log})
OPTIONAL MATCH (p:Progress {key: $key})
WITH o, l, p, coalesce(p.openedBy = $uri, false) AS isFirst
SET o.status = $status, o.sha256 = $log, o.parked = $parked, o.progress = $key, o.bytes = $bytes, o.lines = $lines,
  o.rejected = $rejected, o.root = $root, o.kids = $signers, o.accepted = CASE WHEN isFirst THEN p.accepted ELSE 0 END,
  o.duplicate = CASE WHEN isFirst THEN p.duplicate ELSE $good END
MERGE (o)-[:CARRIED]->(l)
RETURN o.uri AS uri
`;

const KEEP_OBJECT_NAMES = `
MATCH (o:SourceObject {uri: $uri})
SET o = o {.uri, .status, .sha256, .parked, .progress, .bytes, .lines, .rejected, .accepted, .duplicate,
  .root, .kids, .custody, .rejections, .firstSeenAt, .lastSeenAt, .sentAt}
`;

const SET_WAIVER = `
MERGE (w:Waiver {key: $key})
SET w = {key: $key, who: $who, why: $why, until: datetime($until), madeAt: datetime($madeAt)}
WITH w
MATCH (w)-[x]-()
DELETE x
`;

const DELETIONS = {
  dataset: DELETE_DATASET,
  model: DELETE_MODEL,
  stretch: DELETE_STRETCH,
  log: DELETE_LOG,
  finding: DELETE_FINDING,
  waiver: DELETE_WAIVER,
} as const;

/** What an entity is replayed from. */
export interface Replay {
  readonly kind: Extract<Audited, 'dataset' | 'model' | 'inference' | 'record'>;
  readonly identity: readonly string[];
  /** Every accepted record of it, each signing once; none where no log says it. */
  readonly records: readonly VerifiedRecord[];
  readonly isDataset: (hash: string) => boolean;
}

/**
 * Writes an entity anew from all that was signed of it, in one transaction: what the graph holds of it is
 * taken away first, with its records and their signings, and then decided and written as by any writer.
 * Links that wait for it are marked, for `settle` to make.
 */
export async function replay(graph: Graph, of: Replay, payload: Payload): Promise<void> {
  const digests = of.records.map(({ record }) => record.digest);
  const on = { identity: of.identity, digests };
  await graph[database].write(async (tx) => {
    await lockAlone(tx);
    const touched = await takeRecords(tx, of.kind, on);
    if (of.records.length === 0) {
      if (of.kind === 'dataset' || of.kind === 'model') await tx.run(DELETIONS[of.kind], on);
    } else {
      if (of.kind === 'dataset') await tx.run(CLEAR_DATASET, on);
      if (of.kind === 'model') await tx.run(CLEAR_MODEL, on);
    }
    if (of.kind === 'model') await tx.run(CLEAR_PENDING, on);
    await writeAll(tx, of, payload);
    const stretches = [
      ...touched,
      ...of.records.map(({ kid, location }) => ({
        log: location.log,
        number: neo4j.int(stretchOf(location.line)),
        kid,
      })),
    ];
    await tx.run(COUNT_AGAIN, { stretches });
  });
}

async function takeRecords(
  tx: ManagedTransaction,
  kind: Replay['kind'],
  on: Row,
): Promise<readonly Row[]> {
  const statement = {
    dataset: RECORDS_OF_DATASET,
    model: REPLAYED_OF_MODEL,
    inference: RECORDS_OF_INFERENCE,
    record: RECORD_ALONE,
  }[kind];
  const elements = rows(await tx.run(statement, on)).flatMap(({ element }) => element ?? []);
  const taken = rows(await tx.run(TAKE_RECORDS, { elements }));
  return taken.flatMap(({ stretches }) =>
    Array.isArray(stretches)
      ? stretches.map((of: Row) => ({
          log: text(of, 'log'),
          number: neo4j.int(count(of, 'number')),
          kid: text(of, 'kid'),
        }))
      : [],
  );
}

/** As a writer would that brings all of these records at once, to a graph that has none of them. */
async function writeAll(
  tx: ManagedTransaction,
  { records, isDataset }: Replay,
  payload: Payload,
): Promise<void> {
  if (records.length === 0) return;
  const names = records.flatMap(({ record }) =>
    record.type === 'inference' ? [record.modelName] : [],
  );
  const links = records.flatMap(({ record }) =>
    record.type === 'model'
      ? record.datasetHashes.map((hash) => ({
          hash,
          key: linkKey(hash, record.name, record.commit),
        }))
      : [],
  );
  const stored: Stored = {
    datasets: new Map(),
    models: await versionsOf(tx, new Set(names)),
    inferences: new Map(),
    signers: new Map(),
    links: new Map(
      links.map(({ hash, key }) => [
        key,
        { usedIn: null, pending: null, datasetExists: isDataset(hash) },
      ]),
    ),
  };
  const changes = decide(records, stored);
  const logs = new Map(
    records.map(({ record, kid, location }) => [`${record.digest} ${kid}`, location.log]),
  );
  const stretches = Map.groupBy(changes.signings, ({ digest, kid, line }) =>
    JSON.stringify([logs.get(`${digest} ${kid}`) ?? '', stretchOf(line)]),
  );
  let rest: Changes = changes;
  for (const signings of stretches.values()) {
    const [first] = signings;
    if (first === undefined) continue;
    const log = logs.get(`${first.digest} ${first.kid}`) ?? '';
    await writeChanges(tx, { ...rest, signings }, { log, number: stretchOf(first.line) }, payload);
    rest = NOTHING_MORE;
  }
}

const NOTHING_MORE: Changes = {
  datasets: new Map(),
  models: [],
  records: [],
  contested: [],
  signings: [],
  links: [],
  createdInferences: [],
  changedInferences: [],
  newDatasets: [],
  changedNames: [],
  accepted: 0,
  duplicate: 0,
};

/** Deletes a thing of which no log, check or person says that it is there. */
export async function deleteUnsaid(
  graph: Graph,
  kind: keyof typeof DELETIONS,
  identity: readonly string[],
): Promise<void> {
  await graph[database].write(async (tx) => {
    await lockAlone(tx);
    await tx.run(DELETIONS[kind], { identity });
  });
}

/** Deletes a node or relationship by what the database calls it. */
export async function deleteElement(
  graph: Graph,
  element: string,
  isRelationship: boolean,
): Promise<void> {
  await graph[database].write(async (tx) => {
    await lockAlone(tx);
    await tx.run(isRelationship ? DELETE_RELATIONSHIP : DELETE_NODE, { element });
  });
}

/** Counts a stretch again by its signings, and has it be part of its log. */
export async function countAgain(
  graph: Graph,
  [log = '', number = '', kid = '']: readonly string[],
): Promise<void> {
  await graph[database].write(async (tx) => {
    await lockAlone(tx);
    await tx.run(COUNT_AGAIN, { stretches: [{ log, number: neo4j.int(number), kid }] });
  });
}

/** A log under one verdict, as the archive has it. */
export interface ArchivedLog {
  readonly key: string;
  readonly parked: string | null;
  readonly bytes: number;
  readonly lines: number;
  readonly good: number;
  readonly root: string | null;
  readonly signers: readonly string[];
  readonly offset: number;
}

/** Sets what the archive says of a log that is done. Of several verdicts the first has what is counted anew. */
export async function setLog(
  graph: Graph,
  log: string,
  verdicts: readonly ArchivedLog[],
): Promise<void> {
  const [first] = verdicts;
  if (first === undefined) return;
  await graph[database].write(async (tx) => {
    await lockAlone(tx);
    const keys = verdicts.map(({ key }) => key);
    const numbers = { bytes: neo4j.int(first.bytes), lines: neo4j.int(first.lines) };
    const [row] = rows(await tx.run(SET_LOG, { log, keys, ...numbers }));
    let left = row === undefined ? 0 : count(row, 'signings');
    for (const { key, lines, good, offset } of verdicts) {
      const accepted = Math.min(left, good);
      left -= accepted;
      await tx.run(SET_PROGRESS, {
        log,
        key,
        linesDone: neo4j.int(lines),
        offsetDone: neo4j.int(offset),
        accepted: neo4j.int(accepted),
        duplicate: neo4j.int(good - accepted),
      });
      await tx.run(COUNT_OPENER, { key });
    }
  });
}

/** Sets what the archive says of the log that a name carried; false where there is no such name or log. */
export async function setObject(
  graph: Graph,
  uri: string,
  log: string,
  of: ArchivedLog,
): Promise<boolean> {
  return graph[database].write(async (tx) => {
    await lockAlone(tx);
    const set = await tx.run(RELATE_OBJECT, {
      uri,
      log,
      key: of.key,
      parked: of.parked,
      status: of.parked === null ? 'accepted' : 'partial',
      bytes: neo4j.int(of.bytes),
      lines: neo4j.int(of.lines),
      rejected: neo4j.int(of.lines - of.good),
      good: neo4j.int(of.good),
      root: of.root,
      signers: of.signers,
    });
    await tx.run(KEEP_OBJECT_NAMES, { uri });
    return rows(set).length > 0;
  });
}

/** Sets a waiver as somebody made it. */
export async function setWaiver(
  graph: Graph,
  waiver: {
    readonly key: string;
    readonly who: string;
    readonly why: string;
    readonly until: string;
    readonly madeAt: string;
  },
): Promise<void> {
  await graph[database].write(async (tx) => {
    await tx.run(SET_WAIVER, { ...waiver });
  });
}
