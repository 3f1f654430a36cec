import type { ManagedTransaction } from 'neo4j-driver';
import type { PoisonObjectError } from '../../errors.ts';
import type { Place } from '../../trust/lines.ts';
import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { rejections } from '../rejections.ts';
import { count, flag, maybe, only, rows, text, texts, word, type Row } from '../rows.ts';
import { OBJECT_STATUSES, type KeptRejection, type ObjectStatus } from '../source-object.ts';

/** A name under which a log came, as its `SourceObject` node describes it. */
export interface SourceObject {
  readonly uri: string;
  /** Of the bytes as stored, lower-case hex: the log that the name carries; null where they could not be read to their end. */
  readonly sha256: string | null;
  readonly bytes: number;
  readonly lines: number;
  readonly rejected: number;
  /** The first hundred. */
  readonly rejections: readonly KeptRejection[];
  /** Null where it was not judged, or by a release that kept none. */
  readonly seal: Seal | null;
}

/** What the receipt of an object rests on, beside its counts. */
export interface Seal {
  /** Of the RFC 6962 tree over the log's lines, lower-case hex (docs/proof.md). */
  readonly root: string;
  /** Of the keys whose signature held on a line, sorted. */
  readonly kids: readonly string[];
  /** The version of Custody that judged it. */
  readonly custody: string;
}

/** A log on its way into the graph, under one verdict (docs/graph.md, G-8). */
export interface LogName {
  readonly log: string;
  /** What was set aside: null for nothing, else a name that only the same lines have. */
  readonly parked: string | null;
  /** The archive's version of it, where the archive has versions and this process archived it. */
  readonly version?: string | null;
}

/** Running totals of one log under one verdict, over all of its batches, names and deliveries. */
export interface Totals {
  readonly accepted: number;
  readonly duplicate: number;
}

/** `isOpen`: all lines are in, and links that they make possible are still to be made. */
export interface Applied extends Totals {
  readonly isOpen: boolean;
}

/** How far the graph is with a log. */
export interface LogProgress {
  readonly isDone: boolean;
  readonly linesDone: number;
  /** Where line `linesDone` begins; null before the first. */
  readonly offsetDone: number | null;
  /** The archive's version of the log. */
  readonly version: string | null;
}

/** What is known of an object by its name. */
export interface Known extends Totals {
  readonly status: ObjectStatus | null;
  /** What the graph says of the object, once it was read to its end. */
  readonly object: SourceObject | null;
  readonly parked: string | null;
  readonly problem: string | null;
  readonly problemCode: string | null;
  /** What {@link pauseObject} was given last. */
  readonly judged: string | null;
}

const READ_KNOWN = `
MATCH (o:SourceObject {uri: $uri})
RETURN o.status AS status, o.accepted AS accepted, o.duplicate AS duplicate, o.judged AS judged,
  o.parked AS parked, o.problem AS problem, o.problemCode AS problemCode, o.uri AS uri, o.sha256 AS sha256, o.bytes AS bytes, o.lines AS lines,
  o.rejected AS rejected, o.rejections AS rejections, o.root AS root, o.kids AS kids, o.custody AS custody
`;

const READ_LOG = `
MATCH (p:Progress {key: $key})-[:OF]->(l:Log)
RETURN p.isDone AS isDone, p.linesDone AS linesDone, p.offsetDone AS offsetDone, l.version AS version
`;

// The name that brings a log first has its counts; what stands in it is nobody's duplicate.
const OPEN_LOG = `
MERGE (l:Log {sha256: $log})
ON CREATE SET l.bytes = $bytes, l.lines = $lines, l.version = $version, l.firstSeenAt = datetime.transaction()
MERGE (p:Progress {key: $key})
ON CREATE SET p.linesDone = 0, p.accepted = 0, p.duplicate = 0, p.isDone = false, p.openedBy = $uri
MERGE (p)-[:OF]->(l)
MERGE (o:SourceObject {uri: $uri})
ON CREATE SET o.accepted = 0, o.duplicate = 0, o.firstSeenAt = datetime.transaction()
SET o.status = CASE WHEN o.status IN ['accepted', 'partial'] THEN o.status ELSE 'writing' END,
  o.root = $root, o.kids = $kids, o.custody = $custody,
  o.sha256 = $log, o.progress = $key, o.parked = $parked, o.bytes = $bytes, o.lines = $lines,
  o.rejected = $rejected, o.rejections = $rejections, o.judged = null, o.problem = null, o.problemCode = null,
  o.lastSeenAt = datetime.transaction()
RETURN p.linesDone AS linesDone
`;

const MOVE_CHECKPOINT = `
MATCH (p:Progress {key: $key})
WHERE p.linesDone = $from
SET p.linesDone = $linesDone, p.offsetDone = $offsetDone, p.accepted = p.accepted + $accepted,
  p.duplicate = p.duplicate + $duplicate
RETURN p.linesDone AS linesDone
`;

// A log waits for its own markers only: another's, however long it takes, keeps nobody else's open.
const CLOSE_LOG = `
MATCH (p:Progress {key: $key})-[:OF]->(l:Log)
MATCH (o:SourceObject {uri: $uri})
WITH p, l, o, EXISTS { (l)-[:AWAITS]->(:Relink) } AS isOpen
WITH p, l, o, isOpen, $final IS NOT NULL AND NOT isOpen AS isDone, p.openedBy = $uri AS isFirst
SET p.isDone = p.isDone OR isDone,
  o.accepted = CASE WHEN isFirst THEN p.accepted ELSE 0 END,
  o.duplicate = CASE WHEN isFirst THEN p.duplicate ELSE p.accepted + p.duplicate END,
  o.status = CASE WHEN isDone THEN $final ELSE o.status END
FOREACH (_ IN CASE WHEN isDone THEN [1] ELSE [] END | MERGE (o)-[:CARRIED]->(l))
RETURN o.accepted AS accepted, o.duplicate AS duplicate, isOpen
`;

const CARRY_LOG = `
MATCH (l:Log {sha256: $log})
MERGE (o:SourceObject {uri: $uri})
ON CREATE SET o.firstSeenAt = datetime.transaction(), o.accepted = 0, o.duplicate = $lines - $rejected
SET o.lastSeenAt = datetime.transaction()
WITH l, o
WHERE NOT coalesce(o.status, 'empty') IN ['accepted', 'partial']
OPTIONAL MATCH (p:Progress {key: $key})
WITH l, o, p, p.openedBy = $uri AS isFirst
SET o.status = $status, o.root = $root, o.kids = $kids, o.custody = $custody, o.sha256 = $log, o.progress = $key, o.parked = $parked, o.bytes = $bytes,
  o.lines = $lines, o.rejected = $rejected, o.rejections = $rejections, o.problem = null, o.problemCode = null,
  o.judged = null,
  o.accepted = CASE WHEN isFirst THEN p.accepted ELSE 0 END,
  o.duplicate = CASE WHEN isFirst THEN p.duplicate ELSE $lines - $rejected END
MERGE (o)-[:CARRIED]->(l)
`;

const RECORD_OBJECT = `
MERGE (o:SourceObject {uri: $uri})
ON CREATE SET o.accepted = 0, o.duplicate = 0, o.firstSeenAt = datetime.transaction()
SET o.lastSeenAt = datetime.transaction()
WITH o
WHERE NOT coalesce(o.status, 'empty') IN ['accepted', 'partial', 'writing']
SET o.status = $status, o.root = $root, o.kids = $kids, o.custody = $custody, o.sha256 = $sha256, o.lines = $lines,
  o.bytes = CASE WHEN $sha256 IS NULL THEN coalesce(o.bytes, $bytes) ELSE $bytes END,
  o.rejected = $rejected, o.rejections = $rejections, o.problem = $problem, o.problemCode = $problemCode, o.judged = null
`;

const PAUSE_OBJECT = `
MERGE (o:SourceObject {uri: $uri})
ON CREATE SET o.accepted = 0, o.duplicate = 0, o.firstSeenAt = datetime.transaction()
SET o.lastSeenAt = datetime.transaction()
WITH o
WHERE NOT coalesce(o.status, 'empty') IN ['accepted', 'partial', 'writing']
SET o.status = 'verifying', o.bytes = $bytes, o.judged = $judged
`;

const ABANDON_OBJECT = `
MATCH (o:SourceObject {uri: $uri})
WHERE o.status IN ['verifying', 'writing']
SET o.status = 'abandoned', o.problem = $problem, o.problemCode = $problemCode, o.judged = null
RETURN o.uri AS uri
`;

const NOTHING_KNOWN: Known = {
  status: null,
  accepted: 0,
  duplicate: 0,
  object: null,
  parked: null,
  problem: null,
  problemCode: null,
  judged: null,
};

const NOTE_SENT = `
MATCH (o:SourceObject {uri: $uri})
SET o.sentAt = datetime.transaction()
`;

/** What the graph knows of an object by its name; `status` is null for one never seen. */
export async function readKnown(graph: Graph, uri: string): Promise<Known> {
  const [row] = await graph[database].look(READ_KNOWN, { uri });
  if (row === undefined) return NOTHING_KNOWN;
  // Before it was read to its end there is nothing to say of it.
  const isRead = maybe(count, row, 'lines') !== null;
  return {
    status: word(OBJECT_STATUSES)(row, 'status'),
    accepted: count(row, 'accepted'),
    duplicate: count(row, 'duplicate'),
    judged: maybe(text, row, 'judged'),
    parked: maybe(text, row, 'parked'),
    problem: maybe(text, row, 'problem'),
    problemCode: maybe(text, row, 'problemCode'),
    object: isRead
      ? {
          uri: text(row, 'uri'),
          sha256: maybe(text, row, 'sha256'),
          bytes: count(row, 'bytes'),
          lines: count(row, 'lines'),
          rejected: count(row, 'rejected'),
          rejections: rejections(row, 'rejections'),
          seal: sealOf(row),
        }
      : null,
  };
}

function sealOf(row: Row): Seal | null {
  const root = maybe(text, row, 'root');
  return root === null ? null : { root, kids: texts(row, 'kids'), custody: text(row, 'custody') };
}

/** Null for a log whose writing never began under that verdict. */
export async function readLog(graph: Graph, log: LogName): Promise<LogProgress | null> {
  const [row] = await graph[database].look(READ_LOG, { key: keyOf(log) });
  if (row === undefined) return null;
  return {
    isDone: flag(row, 'isDone'),
    linesDone: count(row, 'linesDone'),
    offsetDone: maybe(count, row, 'offsetDone'),
    version: maybe(text, row, 'version'),
  };
}

/** Notes that a name carries a log which is in the graph already: its lines are all duplicates. */
export async function carryLog(
  graph: Graph,
  object: SourceObject,
  log: LogName,
  status: 'accepted' | 'partial',
): Promise<void> {
  await graph[database].write(async (tx) => {
    await tx.run(CARRY_LOG, { ...objectParameters(object), ...logParameters(log), status });
  });
}

/** Notes an object of which nothing was written. One whose records are in the graph keeps its status. */
export async function recordObject(
  graph: Graph,
  object: SourceObject,
  status: 'rejected' | 'empty',
  why: PoisonObjectError | null,
): Promise<void> {
  await graph[database].write(async (tx) => {
    await tx.run(RECORD_OBJECT, { ...objectParameters(object), status, ...problemOf(why) });
  });
}

/** Notes how far the first reading of an object has come, for the delivery that goes on with it. */
export async function pauseObject(
  graph: Graph,
  { uri, bytes }: Pick<SourceObject, 'uri' | 'bytes'>,
  judged: string,
): Promise<void> {
  await graph[database].write(async (tx) => {
    await tx.run(PAUSE_OBJECT, { uri, bytes: BigInt(bytes), judged });
  });
}

/** Ends an object that can't be finished; what is in the graph of it stays. False where none of that name is open. */
export async function abandonObject(
  graph: Graph,
  uri: string,
  why: PoisonObjectError,
): Promise<boolean> {
  return graph[database].write(async (tx) => {
    const closed = await tx.run(ABANDON_OBJECT, { uri, ...problemOf(why) });
    return rows(closed).length > 0;
  });
}

/** Notes that an unfinished object was handed to the queue again. */
export async function noteSent(graph: Graph, uri: string): Promise<void> {
  await graph[database].write(async (tx) => {
    await tx.run(NOTE_SENT, { uri });
  });
}

/** Begins a log, or goes on with it; answers the last line that is done. The caller holds the write lock. */
export async function openLog(
  tx: ManagedTransaction,
  object: SourceObject,
  log: LogName,
): Promise<number> {
  const opened = await tx.run(OPEN_LOG, { ...objectParameters(object), ...logParameters(log) });
  return count(only(rows(opened)), 'linesDone');
}

/** False where the checkpoint is not at `from`. */
export async function moveCheckpoint(
  tx: ManagedTransaction,
  log: LogName,
  from: number,
  through: Place,
  { accepted, duplicate }: Totals,
): Promise<boolean> {
  const parameters = {
    key: keyOf(log),
    from: BigInt(from),
    linesDone: BigInt(through.number),
    offsetDone: BigInt(through.offset),
    accepted: BigInt(accepted),
    duplicate: BigInt(duplicate),
  };
  return rows(await tx.run(MOVE_CHECKPOINT, parameters)).length > 0;
}

/** Tells the counts; behind the last batch (`final`) it also ends the log, unless links are still to be made. */
export async function closeLog(
  tx: ManagedTransaction,
  uri: string,
  log: LogName,
  final: 'accepted' | 'partial' | null,
): Promise<Applied> {
  const row = only(rows(await tx.run(CLOSE_LOG, { uri, key: keyOf(log), final })));
  return {
    accepted: count(row, 'accepted'),
    duplicate: count(row, 'duplicate'),
    isOpen: flag(row, 'isOpen'),
  };
}

/** The same log under the same verdict has one progress, whatever name it comes under. */
function keyOf({ log, parked }: LogName): string {
  return parked === null ? log : `${log}:${parked}`;
}

function problemOf(why: PoisonObjectError | null): Row {
  return { problem: why?.message ?? null, problemCode: why?.code ?? null };
}

function logParameters(name: LogName): Row {
  return { log: name.log, parked: name.parked, key: keyOf(name), version: name.version ?? null };
}

function objectParameters(object: SourceObject): Row {
  return {
    uri: object.uri,
    sha256: object.sha256,
    bytes: BigInt(object.bytes),
    lines: BigInt(object.lines),
    rejected: BigInt(object.rejected),
    rejections: JSON.stringify(object.rejections),
    root: object.seal?.root ?? null,
    kids: object.seal?.kids ?? null,
    custody: object.seal?.custody ?? null,
  };
}
