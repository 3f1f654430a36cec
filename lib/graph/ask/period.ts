import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { RESOLUTIONS, type Resolution } from '../resolve.ts';
import { count, flag, maybe, only, rows, text, time, word, type Row } from '../rows.ts';
import { IS_LEAST, OBJECT_STATUSES, type ObjectStatus } from '../source-object.ts';

/** A span of time, its end not included; RFC 3339 in UTC. */
export interface Period {
  readonly from: string;
  readonly to: string;
}

/** How many there are of what a graph consists of. */
export interface Counts {
  readonly datasets: number;
  readonly models: number;
  readonly inferences: number;
}

/** All that the graph holds. */
export interface Totals extends Counts {
  /** Declared uses of recorded datasets. */
  readonly uses: number;
  /** Declared uses of datasets that are not recorded. */
  readonly pendingUses: number;
  readonly objects: number;
  /** Names that can't be a log's, which are no objects. */
  readonly passedOver: number;
  /** When the first object came; null before it. */
  readonly oldestObjectAt: string | null;
}

/** What came in a period with one outcome. */
export interface Arrived {
  readonly status: ObjectStatus;
  readonly objects: number;
  readonly lines: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly rejected: number;
  /** True where those are the least: of one of the objects not every line was judged. */
  readonly rejectedAtLeast: boolean;
  readonly bytes: number;
}

/** What a key has signed. */
export interface Signed {
  readonly kid: string;
  /** Records of datasets and models. */
  readonly records: number;
  /** Inferences of which it signed a record. */
  readonly inferences: number;
}

const TOTALS = `
CALL () { MATCH (d:Dataset) RETURN count(d) AS datasets }
CALL () { MATCH (m:Model) RETURN count(m) AS models }
CALL () { MATCH (i:Inference) RETURN count(i) AS inferences }
CALL () { MATCH ()-[u:USED_IN]->() RETURN count(u) AS uses }
CALL () { MATCH (p:PendingLink) RETURN count(p) AS pendingUses }
CALL () { MATCH (o:SourceObject) RETURN count(o) AS objects }
CALL () { MATCH (c:PassedOverCount) WHERE c.why > '' RETURN sum(c.count) AS passedOver }
CALL () {
  OPTIONAL MATCH (o:SourceObject)
  WHERE o.firstSeenAt IS NOT NULL AND o.uri IS NOT NULL
  RETURN o.firstSeenAt AS oldestObjectAt
  ORDER BY o.firstSeenAt, o.uri
  LIMIT 1
}
RETURN datasets, models, inferences, uses, pendingUses, objects, passedOver, oldestObjectAt
`;

const RECORDED = `
CALL () {
  MATCH (d:Dataset)
  WHERE d.since >= datetime($from) AND d.since < datetime($to) AND d.hash IS NOT NULL
  RETURN count(d) AS datasets
}
CALL () {
  MATCH (m:Model)
  WHERE m.since >= datetime($from) AND m.since < datetime($to)
    AND m.name IS NOT NULL AND m.commit IS NOT NULL
  RETURN count(m) AS models
}
CALL () {
  MATCH (i:Inference)
  WHERE i.recordedAt >= datetime($from) AND i.recordedAt < datetime($to) AND i.digest IS NOT NULL
  RETURN count(i) AS inferences
}
RETURN datasets, models, inferences
`;

const LINKED = `
UNWIND $resolutions AS resolution
CALL (resolution) {
  MATCH (i:Inference)
  WHERE i.resolution = resolution AND i.model IS NOT NULL
  RETURN count(i) AS inferences
}
RETURN resolution, inferences
`;

const ARRIVED = `
MATCH (o:SourceObject)
WHERE o.firstSeenAt >= datetime($from) AND o.firstSeenAt < datetime($to) AND o.uri IS NOT NULL
WITH o.status AS status, count(o) AS objects, sum(o.lines) AS lines, sum(o.accepted) AS accepted,
  sum(o.duplicate) AS duplicate, sum(o.rejected) AS rejected, sum(o.bytes) AS bytes,
  count(CASE WHEN ${IS_LEAST} THEN 1 END) > 0 AS rejectedAtLeast
RETURN status, objects, lines, accepted, duplicate, rejected, rejectedAtLeast, bytes
ORDER BY status
`;

// A stretch counts its signings. Records are expanded, being few; inferences that have none are the rest.
const SIGNED = `
UNWIND $kids AS kid
CALL (kid) {
  MATCH (r:Record)-[:SIGNED_IN]->(s:Stretch)
  WHERE s.kid = kid
  OPTIONAL MATCH (r)-[:ASSERTS]->(i:Inference)
  RETURN count(r) AS all, count(CASE WHEN r.type <> 'inference' THEN 1 END) AS records,
    count(DISTINCT i) AS recorded
}
CALL (kid) {
  MATCH (s:Stretch)
  WHERE s.kid = kid AND s.log IS NOT NULL AND s.number IS NOT NULL
  RETURN sum(s.count) AS signings
}
RETURN kid, records, signings - all + recorded AS inferences
`;

const SIGNED_BY_OTHERS = `
CALL () {
  MATCH (r:Record)
  WHERE r.type <> 'inference' AND NOT EXISTS { MATCH (r)-[:SIGNED_IN]->(s:Stretch) WHERE s.kid IN $kids }
  RETURN count(r) AS records
}
CALL () {
  MATCH (s:Stretch)
  WHERE NOT s.kid IN $kids
  MATCH (r)-[:SIGNED_IN]->(s)
  OPTIONAL MATCH (r)-[:ASSERTS]->(asserted:Inference)
  WITH DISTINCT coalesce(asserted, r) AS i
  WHERE i:Inference AND NOT EXISTS { MATCH (i)-[:SIGNED_IN]->(own:Stretch) WHERE own.kid IN $kids }
    AND NOT EXISTS { MATCH (i)<-[:ASSERTS]-(:Record)-[:SIGNED_IN]->(own:Stretch) WHERE own.kid IN $kids }
  RETURN count(i) AS inferences
}
RETURN records, inferences
`;

/** What the graph holds now. It goes through the whole of some indexes: for a report, not for an answer. */
export async function totals(graph: Graph): Promise<Totals> {
  const row = only(await read(graph, TOTALS, {}));
  return {
    ...countsOf(row),
    uses: count(row, 'uses'),
    pendingUses: count(row, 'pendingUses'),
    objects: count(row, 'objects'),
    passedOver: count(row, 'passedOver'),
    oldestObjectAt: maybe(time, row, 'oldestObjectAt'),
  };
}

/** What the graph holds of a period by the records' own times: datasets and models by their first record. */
export async function recordedIn(graph: Graph, period: Period): Promise<Counts> {
  return countsOf(only(await read(graph, RECORDED, { ...period })));
}

function countsOf(row: Row): Counts {
  return {
    datasets: count(row, 'datasets'),
    models: count(row, 'models'),
    inferences: count(row, 'inferences'),
  };
}

/** All inferences, by what links them to a model version. */
export async function resolutions(
  graph: Graph,
): Promise<readonly { readonly resolution: Resolution; readonly inferences: number }[]> {
  const found = await read(graph, LINKED, { resolutions: RESOLUTIONS });
  return found.map((row) => ({
    resolution: word(RESOLUTIONS)(row, 'resolution'),
    inferences: count(row, 'inferences'),
  }));
}

/** What became of the objects that came in a period. */
export async function arrivedIn(graph: Graph, period: Period): Promise<readonly Arrived[]> {
  const found = await read(graph, ARRIVED, { ...period });
  return found.map((row) => ({
    status: word(OBJECT_STATUSES)(row, 'status'),
    objects: count(row, 'objects'),
    lines: count(row, 'lines'),
    accepted: count(row, 'accepted'),
    duplicate: count(row, 'duplicate'),
    rejected: count(row, 'rejected'),
    rejectedAtLeast: flag(row, 'rejectedAtLeast'),
    bytes: count(row, 'bytes'),
  }));
}

/** What each of these keys has signed, whoever else did, and what none of them has. */
export async function signedBy(
  graph: Graph,
  kids: readonly string[],
): Promise<{ readonly keys: readonly Signed[]; readonly others: Omit<Signed, 'kid'> }> {
  const keys = (await read(graph, SIGNED, { kids })).map((row) => ({
    kid: text(row, 'kid'),
    ...signedOf(row),
  }));
  return { keys, others: signedOf(only(await read(graph, SIGNED_BY_OTHERS, { kids }))) };
}

function signedOf(row: Row): Omit<Signed, 'kid'> {
  return { records: count(row, 'records'), inferences: count(row, 'inferences') };
}

/** With the time of a transaction, which is more than that of a question. */
async function read(
  graph: Graph,
  statement: string,
  parameters: Record<string, unknown>,
): Promise<Row[]> {
  return graph[database].read(async (tx) => rows(await tx.run(statement, parameters)));
}
