import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { modelName } from '../model-name.ts';
import { count, maybe, node, text, texts, time, type Row } from '../rows.ts';
import { ARCHIVED_SIGNINGS, archivedSigningsOf, type ArchivedSigning } from '../signing.ts';
import { stretchOf } from '../stretch.ts';
import { askWholeOne } from './whole.ts';

/** What a record asserts, by its identity. */
export type Asserted =
  | { readonly kind: 'dataset'; readonly hash: string }
  | { readonly kind: 'model'; readonly name: string; readonly commit: string }
  | { readonly kind: 'inference'; readonly id: string };

export interface FoundRecord {
  readonly digest: string;
  readonly asserts: Asserted;
  readonly recordedAt: string;
  /** One for each key, in the order of kids. */
  readonly signings: readonly ArchivedSigning[];
}

/** When a log was taken in, and the names under which it came: how many, and at most ten of them. */
export interface LogNames {
  readonly takenAt: string;
  readonly count: number;
  readonly uris: readonly string[];
}

const RECORD = `
MATCH (r:Record {digest: $digest})-[:ASSERTS]->(e)
RETURN r.digest AS digest, r.recordedAt AS recordedAt, e {.hash, .name, .commit, .id} AS entity,
  ${ARCHIVED_SIGNINGS} AS signings
LIMIT 1
`;

const HEAD = `
MATCH (i:Inference {id: $id})
OPTIONAL MATCH (head:Record {digest: i.digest})
WITH i, coalesce(head, i) AS r
RETURN r.digest AS digest, r.recordedAt AS recordedAt, i {.id} AS entity, ${ARCHIVED_SIGNINGS} AS signings
`;

const RECORD_AT = `
MATCH (s:Stretch)
WHERE s.log = $log AND s.number = $number AND s.kid IS NOT NULL
MATCH (r)-[x:SIGNED_IN]->(s)
WHERE x.line = $line
WITH r
LIMIT 1
OPTIONAL MATCH (r)-[:ASSERTS]->(asserted)
WITH r, coalesce(asserted, r) AS e
RETURN r.digest AS digest, r.recordedAt AS recordedAt, e {.hash, .name, .commit, .id} AS entity,
  ${ARCHIVED_SIGNINGS} AS signings
`;

const NAMES_OF_LOGS = `
UNWIND $logs AS sha256
MATCH (l:Log {sha256: sha256})
RETURN sha256, l.firstSeenAt AS takenAt, COUNT { (l)<-[:CARRIED]-() } AS count,
  COLLECT { MATCH (l)<-[:CARRIED]-(o:SourceObject) RETURN o.uri LIMIT 10 } AS uris
`;

/**
 * The record of a digest: of a dataset or a model, of an inference whose id was made of it, or of one
 * of which there are several. Any other inference's is found by its id or its place.
 */
export async function readRecord(graph: Graph, digest: string): Promise<FoundRecord | null> {
  const record = await askWholeOne(graph, RECORD, { digest }, recordOf);
  if (record !== null) return record;
  const inference = await readHead(graph, `sha256:${digest}`);
  return inference?.digest === digest ? inference : null;
}

/** The head of an inference. */
export async function readHead(graph: Graph, id: string): Promise<FoundRecord | null> {
  return askWholeOne(graph, HEAD, { id }, recordOf);
}

/** The record whose signing was accepted first at that line. */
export async function readRecordAt(
  graph: Graph,
  log: string,
  line: number,
): Promise<FoundRecord | null> {
  const parameters = { log, line: BigInt(line), number: BigInt(stretchOf(line)) };
  return askWholeOne(graph, RECORD_AT, parameters, recordOf);
}

/** By the log's SHA-256. */
export async function namesOfLogs(
  graph: Graph,
  logs: readonly string[],
): Promise<ReadonlyMap<string, LogNames>> {
  const found = await graph[database].ask(NAMES_OF_LOGS, { logs: [...new Set(logs)] });
  return new Map(
    found.map((row) => [
      text(row, 'sha256'),
      {
        takenAt: time(row, 'takenAt'),
        count: count(row, 'count'),
        uris: texts(row, 'uris').sort(),
      },
    ]),
  );
}

function recordOf(row: Row): FoundRecord {
  return {
    digest: text(row, 'digest'),
    asserts: entityOf(node(row, 'entity')),
    recordedAt: time(row, 'recordedAt'),
    signings: archivedSigningsOf(row),
  };
}

function entityOf(entity: Row): Asserted {
  const hash = maybe(text, entity, 'hash');
  if (hash !== null) return { kind: 'dataset', hash };
  const id = maybe(text, entity, 'id');
  return id === null ? { kind: 'model', ...modelName(entity) } : { kind: 'inference', id };
}
