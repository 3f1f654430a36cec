import { count, maybe, nodes, text, type Row } from './rows.ts';

/** Where a key signed a record: the place of the envelope that was accepted first. */
export interface Signing {
  readonly kid: string;
  /** SHA-256 of the log's bytes as stored. */
  readonly log: string;
  readonly line: number;
  readonly offset: number;
  readonly length: number;
}

/** The signed envelope that a fact rests on: the record's signing with the least kid. */
export interface Evidence extends Signing {
  readonly digest: string;
  /** Of every key that signed the record, where there are several. */
  readonly kids?: string[];
}

/** A signing, and the archive's version of its log where the archive has versions. */
export interface ArchivedSigning extends Signing {
  readonly version: string | null;
}

const PLACE = 'kid: s.kid, log: s.log, line: x.line, offset: x.offset, length: x.length';

/** With the digest of what is signed, by which {@link TornReadError} is told. */
const SIGNED_RECORD = `{digest: r.digest, ${PLACE}} AS signing`;
const SIGNED_INFERENCE = `{digest: i.digest, ${PLACE}} AS signing`;

/** In Cypher: every signing of the dataset or model record whose digest is `said.digest`. */
export const SIGNINGS_OF_RECORD = `COLLECT {
  MATCH (r:Record {digest: said.digest})-[x:SIGNED_IN]->(s:Stretch)
  RETURN ${SIGNED_RECORD}
}`;

/** In Cypher: every signing of the head of the inference `i`, which hang on the inference while one record alone asserts it. */
export const SIGNINGS_OF_INFERENCE = `COLLECT {
  MATCH (i)-[x:SIGNED_IN]->(s:Stretch)
  RETURN ${SIGNED_INFERENCE}
  UNION ALL
  MATCH (r:Record {digest: i.digest})-[x:SIGNED_IN]->(s:Stretch)
  RETURN ${SIGNED_RECORD}
}`;

/** In Cypher: every signing of `r`, a record or an inference, with the archive's version of its log. */
export const ARCHIVED_SIGNINGS = `COLLECT {
  MATCH (r)-[x:SIGNED_IN]->(s:Stretch)-[:PART_OF]->(l:Log)
  RETURN {${PLACE}, version: l.version}
}`;

/**
 * In Cypher: true of `r`, a record or an inference, whose every signing others may have made, by
 * `$compromised`, keys and from when others had them (docs/graph.md, G-38).
 */
export const RESTS_ON_COMPROMISED = `NOT EXISTS {
  MATCH (r)-[:SIGNED_IN]->(o:Stretch)-[:PART_OF]->(l:Log)
  WHERE NONE(key IN $compromised WHERE key.kid = o.kid
    AND (r.recordedAt >= datetime(key.from) OR l.firstSeenAt >= datetime(key.from)))
}`;

/**
 * A fact and its signings that were not read at one moment. Neo4j reads what is committed, statement by
 * statement and node by node: while a fact is signed again, a question may meet its old digest and its
 * new signings, or none yet. Asked again, it meets both (`askWhole`).
 */
export class TornReadError extends Error {
  override name = 'TornReadError';
  constructor() {
    super('a record in the database has not the signings that it should have');
  }
}

/** The evidence of a record in a row that has its `signings`; {@link TornReadError} where they are another's. */
export function evidenceOf(record: Row, row: Row): Evidence {
  const digest = text(record, 'digest');
  const isWhole = nodes(row, 'signings').every((of) => text(of, 'digest') === digest);
  const [first, ...others] = signingsOf(row);
  if (first === undefined || !isWhole) throw new TornReadError();
  if (others.length === 0) return { digest, ...first };
  return { digest, ...first, kids: [first.kid, ...others.map(({ kid }) => kid)] };
}

/** One for each key, in the order of kids. */
function signingsOf(row: Row): readonly Signing[] {
  // While a second record of an inference is being written, its signing may be seen in both places.
  const byKid = new Map(nodes(row, 'signings').map((of) => [text(of, 'kid'), signingOf(of)]));
  return [...byKid.values()].sort((a, b) => (a.kid < b.kid ? -1 : 1));
}

/** The same of {@link ARCHIVED_SIGNINGS}; {@link TornReadError} where there is none. */
export function archivedSigningsOf(row: Row): readonly ArchivedSigning[] {
  const signings = nodes(row, 'signings');
  if (signings.length === 0) throw new TornReadError();
  return signings
    .map((of) => ({ ...signingOf(of), version: maybe(text, of, 'version') }))
    .sort((a, b) => (a.kid < b.kid ? -1 : 1));
}

function signingOf(of: Row): Signing {
  return {
    kid: text(of, 'kid'),
    log: text(of, 'log'),
    line: count(of, 'line'),
    offset: count(of, 'offset'),
    length: count(of, 'length'),
  };
}
