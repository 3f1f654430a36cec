import type { Graph } from '../connection.ts';
import { RESOLUTIONS, type Resolution } from '../resolve.ts';
import { count, maybe, only, rows, text, time, word, type Row } from '../rows.ts';
import { OBJECT_STATUSES, type ObjectStatus } from '../source-object.ts';

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
  readonly bytes: number;
}

/** What a key has signed. */
export interface Signed {
  readonly kid: string;
  /** Records of datasets and models. */
  readonly records: number;
  /** Inferences whose head it is. */
  readonly inferences: number;
}

const TOTALS = `
CALL () { MATCH (d:Dataset) RETURN count(d) AS datasets }
CALL () { MATCH (m:Model) RETURN count(m) AS models }
CALL () { MATCH (i:Inference) RETURN count(i) AS inferences }
CALL () { MATCH ()-[u:USED_IN]->() RETURN count(u) AS uses }
CALL () { MATCH (p:PendingLink) RETURN count(p) AS pendingUses }
CALL () { MATCH (o:SourceObject) RETURN count(o) AS objects }
CALL () {
  OPTIONAL MATCH (o:SourceObject)
  WHERE o.firstSeenAt IS NOT NULL AND o.uri IS NOT NULL
  RETURN o.firstSeenAt AS oldestObjectAt
  ORDER BY o.firstSeenAt, o.uri
  LIMIT 1
}
RETURN datasets, models, inferences, uses, pendingUses, objects, oldestObjectAt
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
  sum(o.duplicate) AS duplicate, sum(o.rejected) AS rejected, sum(o.bytes) AS bytes
RETURN status, objects, lines, accepted, duplicate, rejected, bytes
ORDER BY status
`;

const SIGNED = `
UNWIND $kids AS kid
CALL (kid) {
  MATCH (r:Record)
  WHERE r.kid = kid AND r.type <> 'inference'
  RETURN count(r) AS records
}
CALL (kid) {
  MATCH (i:Inference)
  WHERE i.kid = kid AND i.recordedAt IS NOT NULL AND i.digest IS NOT NULL
  RETURN count(i) AS inferences
}
RETURN kid, records, inferences
`;

const RECORDS = `
MATCH (r:Record)
WHERE r.type <> 'inference'
RETURN count(r) AS records
`;

/** What the graph holds now. It goes through the whole of some indexes: for a report, not for an answer. */
export async function totals(graph: Graph): Promise<Totals> {
  const row = only(await read(graph, TOTALS, {}));
  return {
    ...countsOf(row),
    uses: count(row, 'uses'),
    pendingUses: count(row, 'pendingUses'),
    objects: count(row, 'objects'),
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
    bytes: count(row, 'bytes'),
  }));
}

/** What these keys have signed; `records` of datasets and models there are by any key. */
export async function signedBy(
  graph: Graph,
  kids: readonly string[],
): Promise<{ readonly keys: readonly Signed[]; readonly records: number }> {
  const keys = (await read(graph, SIGNED, { kids })).map((row) => ({
    kid: text(row, 'kid'),
    records: count(row, 'records'),
    inferences: count(row, 'inferences'),
  }));
  return { keys, records: count(only(await read(graph, RECORDS, {})), 'records') };
}

/** With the time of a transaction, which is more than that of a question. */
async function read(
  graph: Graph,
  statement: string,
  parameters: Record<string, unknown>,
): Promise<Row[]> {
  return graph.read(async (tx) => rows(await tx.run(statement, parameters)));
}
