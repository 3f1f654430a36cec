import { offsetSigned, type OffsetSigned } from '../../trust/timestamp.ts';
import { RECORD_OF_DATASET } from '../as-of.ts';
import type { Graph } from '../connection.ts';
import { CONTENTS_OF_DATASET, contentsIn, type WithContents } from '../content-count.ts';
import { earlierOf, LAST_TEXT, NOW } from '../place.ts';
import { count, maybe, node, text, time, type Row } from '../rows.ts';
import { evidenceOf, SIGNINGS_OF_RECORD, type Evidence } from '../signing.ts';
import { askWhole, askWholeOne } from './whole.ts';

/** A dataset as its head says, or as what held at a time says. */
export interface DatasetItem extends WithContents, OffsetSigned {
  readonly hash: string;
  /** Null in an answer about a time before the head: the record that held then is at `evidence`. */
  readonly path: string | null;
  readonly description: string | null;
  readonly timestamp: string | null;
  readonly recordedAt: string;
  readonly since: string;
  /** Model versions that use it. */
  readonly models: number;
  readonly evidence: Evidence;
}

/**
 * A place in a list of datasets, which is ordered by (since, hash): neither changes when a dataset is
 * recorded again, so that nobody who pages misses one or sees it twice.
 */
export interface DatasetPlace {
  readonly since: string;
  readonly hash: string;
}

/** What a list of datasets or models is narrowed to. */
export interface Within {
  /** Recorded first at this time or later. */
  readonly from: string;
  /** Recorded first at this time or earlier. */
  readonly until: string;
  /** Only what had been recorded by then; all when later than everything. */
  readonly asOf: string;
}

// Two seeks, since only a seek in an index compares a stored string with a parameter by code points: a
// filter goes by UTF-16, and without the hints the planner takes one while it has no statistics yet.
// A dataset whose head came after $asOf is told by the record that held then.
const NEWEST_DATASETS = `
CALL () {
  MATCH (d:Dataset)
  USING INDEX SEEK d:Dataset(since, hash)
  WHERE d.since = datetime($since) AND d.hash < $hash AND datetime($since) >= datetime($from)
  RETURN d
  ORDER BY d.since DESC, d.hash DESC
  LIMIT $limit
  UNION ALL
  MATCH (d:Dataset)
  USING INDEX SEEK d:Dataset(since, hash)
  WHERE d.since < datetime($since) AND d.since >= datetime($from) AND d.hash IS NOT NULL
  RETURN d
  ORDER BY d.since DESC, d.hash DESC
  LIMIT $limit
}
WITH d
ORDER BY d.since DESC, d.hash DESC
LIMIT $limit
${RECORD_OF_DATASET}
WITH d, record, coalesce(record, d) AS said
RETURN d {.*} AS dataset, record, COUNT { (d)-[:USED_IN]->() } AS models,
  ${SIGNINGS_OF_RECORD} AS signings, ${CONTENTS_OF_DATASET} AS contents
ORDER BY dataset.since DESC, dataset.hash DESC
`;

const ONE_DATASET = `
MATCH (d:Dataset {hash: $hash})
WHERE d.since <= datetime($asOf)
${RECORD_OF_DATASET}
WITH d, record, coalesce(record, d) AS said
RETURN d {.*} AS dataset, record, COUNT { (d)-[:USED_IN]->() } AS models,
  ${SIGNINGS_OF_RECORD} AS signings, ${CONTENTS_OF_DATASET} AS contents
`;

/** At most `limit` datasets behind a place, or from the newest on that had been recorded by `asOf`. */
export async function newestDatasets(
  graph: Graph,
  after: DatasetPlace | null,
  limit: number,
  { from, until, asOf }: Within,
): Promise<readonly DatasetItem[]> {
  const place = after ?? { since: earlierOf(until, asOf), hash: LAST_TEXT };
  const parameters = { ...place, from, asOf, limit: BigInt(limit) };
  return askWhole(graph, NEWEST_DATASETS, parameters, (found) => found.map(datasetItem));
}

/** As it was at `asOf`; null where it had not been recorded by then. */
export async function readDataset(
  graph: Graph,
  hash: string,
  asOf = NOW,
): Promise<DatasetItem | null> {
  return askWholeOne(graph, ONE_DATASET, { hash, asOf }, datasetItem);
}

export function datasetItem(row: Row): DatasetItem {
  const dataset = node(row, 'dataset');
  const earlier = maybe(node, row, 'record');
  const head = earlier === null ? dataset : null;
  const timestamp = head && text(head, 'timestamp');
  return {
    hash: text(dataset, 'hash'),
    path: head && text(head, 'path'),
    description: head && text(head, 'description'),
    timestamp,
    ...offsetSigned(timestamp),
    recordedAt: time(earlier ?? dataset, 'recordedAt'),
    since: time(dataset, 'since'),
    models: count(row, 'models'),
    ...contentsIn(row),
    evidence: evidenceOf(earlier ?? dataset, row),
  };
}
