import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { rejections } from '../rejections.ts';
import { count, maybe, node, only, text, texts, time, word, type Row } from '../rows.ts';
import {
  isLeast,
  OBJECT_STATUSES,
  type KeptRejection,
  type ObjectStatus,
} from '../source-object.ts';

/** What the graph says of an object that was dropped; times are RFC 3339 in UTC. */
export interface ObjectRow {
  readonly uri: string;
  readonly status: ObjectStatus;
  readonly lines: number | null;
  readonly linesDone: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly rejected: number | null;
  /** {@link isLeast} */
  readonly rejectedAtLeast: boolean;
  readonly rejections: readonly KeptRejection[];
  readonly bytes: number | null;
  readonly sha256: string | null;
  readonly problem: string | null;
  readonly problemCode: string | null;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
}

/** A place in the list of objects, which is ordered by (firstSeenAt, uri), newest first. */
export interface ObjectPlace {
  readonly firstSeenAt: string;
  readonly uri: string;
}

const READ_OBJECT = `
MATCH (o:SourceObject {uri: $uri})
OPTIONAL MATCH (p:Progress {key: o.progress})
RETURN o {.*, linesDone: coalesce(p.linesDone, 0)} AS object
`;

const NEWEST_OBJECTS = `
MATCH (o:SourceObject)
WHERE o.firstSeenAt <= datetime($firstSeenAt) AND o.uri IS NOT NULL
  AND (o.firstSeenAt < datetime($firstSeenAt) OR o.uri < $uri)
WITH o ORDER BY o.firstSeenAt DESC, o.uri DESC LIMIT $limit
OPTIONAL MATCH (p:Progress {key: o.progress})
RETURN o {.*, linesDone: coalesce(p.linesDone, 0)} AS object
ORDER BY o.firstSeenAt DESC, o.uri DESC
`;

/** After every instant that a server's clock shows. */
const END = '9999-12-31T23:59:59Z';

/** A local instant of the server's may lie behind: what was open for so long has nobody working on it. */
const UNFINISHED_OBJECTS = `
MATCH (o:SourceObject)
WHERE o.status IN ['verifying', 'writing'] AND o.lastSeenAt < datetime() - duration({seconds: $seconds})
  AND (o.sentAt IS NULL OR o.sentAt < datetime() - duration({seconds: $seconds}))
RETURN o.uri AS uri
ORDER BY uri
LIMIT $limit
`;

/** Of the objects that are being written, the first ten are named. */
export const BEING_WRITTEN = `
MATCH (o:SourceObject)
WHERE o.status = 'writing' AND o.lastSeenAt IS NOT NULL
WITH o.uri AS uri
ORDER BY uri
RETURN count(uri) AS count, collect(uri)[..10] AS uris
`;

const COUNTS = `
CALL { MATCH (p:PendingLink) RETURN count(p) AS pendingLinks }
CALL { MATCH (k:Relink) RETURN count(k) AS openMarkers }
CALL {
  MATCH (o:SourceObject)
  WHERE o.status IN ['verifying', 'writing'] AND o.lastSeenAt IS NOT NULL
  RETURN count(o) AS unfinishedObjects
}
RETURN pendingLinks, openMarkers, unfinishedObjects
`;

/** One object by its URI, version included. */
export async function readObject(graph: Graph, uri: string): Promise<ObjectRow | null> {
  const [row] = await graph[database].ask(READ_OBJECT, { uri });
  return row === undefined ? null : objectRow(row);
}

/** At most `limit` objects that stand behind `after` in the list. */
export async function newestObjects(
  graph: Graph,
  limit: number,
  after: ObjectPlace = { firstSeenAt: END, uri: '' },
): Promise<readonly ObjectRow[]> {
  const found = await graph[database].ask(NEWEST_OBJECTS, { ...after, limit: BigInt(limit) });
  return found.map(objectRow);
}

/** The URIs of objects that nobody has worked on or sent to the queue for so long, though they are not done. */
export async function unfinishedObjects(
  graph: Graph,
  seconds: number,
  limit: number,
): Promise<readonly string[]> {
  const found = await graph[database].ask(UNFINISHED_OBJECTS, {
    seconds: BigInt(seconds),
    limit: BigInt(limit),
  });
  return found.map((row) => text(row, 'uri'));
}

/** Objects whose records are in the graph in part: how many, and the first ten of them. */
export interface BeingWritten {
  readonly count: number;
  readonly uris: readonly string[];
}

export async function unfinishedWriting(graph: Graph): Promise<BeingWritten> {
  return beingWritten(only(await graph[database].ask(BEING_WRITTEN)));
}

/** Of a row that counts and names them. */
export function beingWritten(row: Row): BeingWritten {
  return { count: count(row, 'count'), uris: texts(row, 'uris') };
}

/** What is open in the graph. */
export interface OpenCounts {
  /** Links to datasets that were declared and never recorded. */
  readonly pendingLinks: number;
  readonly openMarkers: number;
  readonly unfinishedObjects: number;
}

export async function openCounts(graph: Graph): Promise<OpenCounts> {
  const row = only(await graph[database].ask(COUNTS));
  return {
    pendingLinks: count(row, 'pendingLinks'),
    openMarkers: count(row, 'openMarkers'),
    unfinishedObjects: count(row, 'unfinishedObjects'),
  };
}

function objectRow(row: Row): ObjectRow {
  const object = node(row, 'object');
  const status = word(OBJECT_STATUSES)(object, 'status');
  const lines = maybe(count, object, 'lines');
  const rejected = maybe(count, object, 'rejected');
  return {
    uri: text(object, 'uri'),
    status,
    lines,
    linesDone: count(object, 'linesDone'),
    accepted: count(object, 'accepted'),
    duplicate: count(object, 'duplicate'),
    rejected,
    rejectedAtLeast: isLeast({ status, lines: lines ?? 0, rejected: rejected ?? 0 }),
    rejections: maybe(rejections, object, 'rejections') ?? [],
    bytes: maybe(count, object, 'bytes'),
    sha256: maybe(text, object, 'sha256'),
    problem: maybe(text, object, 'problem'),
    problemCode: maybe(text, object, 'problemCode'),
    firstSeenAt: time(object, 'firstSeenAt'),
    lastSeenAt: time(object, 'lastSeenAt'),
  };
}
