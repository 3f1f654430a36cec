import { createHash } from 'node:crypto';
import neo4j, { type Integer, type ManagedTransaction } from 'neo4j-driver';
import type { LineageRecord } from '../../trust/lineage-record.ts';
import type { Instant } from '../../trust/timestamp.ts';
import { toDateTime } from '../instant.ts';
import { compareText } from '../order.ts';
import type { Row } from '../rows.ts';
import type { Payload } from '../settings.ts';
import type { StretchName } from '../stretch.ts';
import type { Changes, InferenceChange, Signing } from './changes.ts';
import { LINK, UNLINK } from './settle.ts';
import { COUNT_SIGNINGS, MAKE_STRETCHES, stretchRows } from './stretches.ts';

/** A payload longer than this many UTF-8 bytes is kept as its hash and size (docs/graph.md, G-14). */
export const INLINE_PAYLOAD_BYTES = 4_096;

const WRITE_DATASETS = `
UNWIND $rows AS row
MERGE (d:Dataset {hash: row.hash})
SET d += row.properties
`;

const WRITE_MODELS = `
UNWIND $rows AS row
MERGE (m:Model {name: row.name, commit: row.commit})
SET m += row.properties
`;

const MARK_DATASETS = `
MATCH (l:Log {sha256: $log})
UNWIND $hashes AS hash
WITH l, hash
WHERE EXISTS {
  MATCH (p:PendingLink)
  WHERE p.hash = hash AND p.name IS NOT NULL AND p.commit IS NOT NULL
}
MERGE (k:Relink {key: 'dataset:' + hash})
SET k.kind = 'dataset', k.target = hash
MERGE (l)-[:AWAITS]->(k)
`;

// Inferences that wait for a version of the name, or name one that is new, may be of any time.
const MARK_NAMES = `
MATCH (l:Log {sha256: $log})
UNWIND $rows AS row
WITH l, row
WHERE EXISTS {
  MATCH (i:Inference)
  USING INDEX SEEK i:Inference(model, recordedAt, digest)
  WHERE i.model = row.name AND i.recordedAt IS NOT NULL AND i.digest IS NOT NULL
}
WITH l, row, CASE WHEN row.from IS NULL OR EXISTS {
  MATCH (i:Inference)
  WHERE i.resolution = 'pending' AND i.model = row.name
} THEN datetime('0001-01-01T00:00:00Z') ELSE row.from END AS from
MERGE (k:Relink {key: 'model:' + row.name})
SET k.kind = 'model', k.target = row.name,
  k.digest = CASE WHEN k.at <= from THEN k.digest ELSE '' END,
  k.at = CASE WHEN k.at <= from THEN k.at ELSE from END
MERGE (l)-[:AWAITS]->(k)
`;

const WRITE_USED_IN = `
UNWIND $rows AS row
MATCH (d:Dataset {hash: row.hash})
MATCH (m:Model {name: row.name, commit: row.commit})
MERGE (d)-[u:USED_IN]->(m)
SET u.evidence = row.evidence
`;

const WRITE_PENDING_LINKS = `
UNWIND $rows AS row
MERGE (p:PendingLink {hash: row.hash, name: row.name, commit: row.commit})
SET p.evidence = row.evidence
`;

// Lists, and what a group has in common said once: maps of all members took the server twice the CPU.
const NEW_INFERENCE = `(i:Inference {
  model: group.model, commit: group.signedCommit, resolution: group.resolution,
  id: row[0], timestamp: row[1], digest: row[2],
  recordedAt: datetime({epochSeconds: row[3], nanosecond: row[4]}),
  input: row[5], inputSha256: row[6], inputBytes: row[7],
  output: row[8], outputSha256: row[9], outputBytes: row[10]
})-[:SIGNED_IN {line: row[11], offset: row[12], length: row[13]}]->(s)`;

/** The stretch of the group's key. */
const MATCH_STRETCH = 'MATCH (s:Stretch {log: $log, number: $number, kid: group.kid})';

/** The same once the version is found: asked for side by side, the two would be multiplied. */
const THEN_MATCH_STRETCH = `CALL (group) {
  ${MATCH_STRETCH}
  RETURN s
}`;

const CREATE_LINKED = `
UNWIND $groups AS group
MATCH (m:Model {name: group.model, commit: group.linkedCommit})
${THEN_MATCH_STRETCH}
UNWIND group.rows AS row
CREATE (m)-[:GENERATED]->${NEW_INFERENCE}
`;

const CREATE_PENDING = `
UNWIND $groups AS group
${MATCH_STRETCH}
UNWIND group.rows AS row
CREATE ${NEW_INFERENCE}
`;

// From the sole record of an inference to a node of its own, with its signings.
const CONTEST = `
UNWIND $ids AS id
MATCH (i:Inference {id: id})
CREATE (r:Record {digest: i.digest, type: 'inference', recordedAt: i.recordedAt, model: i.model, commit: i.commit})
CREATE (r)-[:ASSERTS]->(i)
WITH i, r
MATCH (i)-[old:SIGNED_IN]->(s:Stretch)
CREATE (r)-[:SIGNED_IN {line: old.line, offset: old.offset, length: old.length}]->(s)
DELETE old
`;

const WRITE_INFERENCES = `
UNWIND $rows AS row
MERGE (i:Inference {id: row.id})
SET i = row
`;

/** Of an entity `e`. */
const NEW_RECORD = `CREATE (r:Record)-[:ASSERTS]->(e)
SET r = row.properties`;

const WRITE_DATASET_RECORDS = `
UNWIND $rows AS row
MATCH (e:Dataset {hash: row.hash})
${NEW_RECORD}
`;

const WRITE_MODEL_RECORDS = `
UNWIND $rows AS row
MATCH (e:Model {name: row.name, commit: row.commit})
${NEW_RECORD}
`;

const WRITE_INFERENCE_RECORDS = `
UNWIND $rows AS row
MATCH (e:Inference {id: row.id})
${NEW_RECORD}
`;

/** Of what `r` is. */
const NEW_SIGNING = 'CREATE (r)-[:SIGNED_IN {line: row[1], offset: row[2], length: row[3]}]->(s)';

const SIGN_RECORDS = `
UNWIND $groups AS group
${MATCH_STRETCH}
UNWIND group.rows AS row
MATCH (r:Record {digest: row[0]})
${NEW_SIGNING}
`;

const SIGN_INFERENCES = `
UNWIND $groups AS group
${MATCH_STRETCH}
UNWIND group.rows AS row
MATCH (r:Inference {id: row[0]})
${NEW_SIGNING}
`;

/** Sends everything at once; the server works it off in this order. `stretch` holds all the signings. */
export async function writeChanges(
  tx: ManagedTransaction,
  changes: Changes,
  stretch: StretchName,
  payload: Payload,
): Promise<void> {
  const sent: Promise<unknown>[] = [];
  const in_ = { log: stretch.log, number: neo4j.int(stretch.number) };
  const send = (statement: string, rows: Record<string, readonly unknown[]>): void => {
    if (Object.values(rows).every((list) => list.length > 0))
      sent.push(Promise.resolve(tx.run(statement, { ...rows, ...in_ })));
  };
  send(CONTEST, { ids: changes.contested });
  send(WRITE_DATASETS, { rows: datasetRows(changes) });
  send(WRITE_MODELS, { rows: modelRows(changes) });
  send(MARK_DATASETS, { hashes: changes.newDatasets });
  send(MARK_NAMES, {
    rows: changes.changedNames.map(({ name, from }) => ({ name, from: from && toDateTime(from) })),
  });
  send(WRITE_USED_IN, { rows: changes.links.filter(({ pending }) => !pending) });
  send(WRITE_PENDING_LINKS, { rows: changes.links.filter(({ pending }) => pending) });
  const stretches = stretchRows(changes.signings);
  send(MAKE_STRETCHES, { rows: stretches });
  const { groups, others } = createdGroups(changes, payload);
  send(CREATE_LINKED, { groups: groups.filter(({ linkedCommit }) => linkedCommit !== null) });
  send(CREATE_PENDING, { groups: groups.filter(({ linkedCommit }) => linkedCommit === null) });
  const changed = changes.changedInferences;
  send(WRITE_INFERENCES, { rows: changed.map((change) => inferenceRow(change, payload)) });
  const moved = changed.map(({ head, link }) => ({
    id: head.record.id,
    name: head.record.modelName,
    ...link,
  }));
  send(UNLINK, { rows: moved });
  send(LINK, { rows: moved.filter(({ commit }) => commit !== null) });
  send(WRITE_DATASET_RECORDS, { rows: recordRows(changes, 'dataset') });
  send(WRITE_MODEL_RECORDS, { rows: recordRows(changes, 'model') });
  send(WRITE_INFERENCE_RECORDS, { rows: recordRows(changes, 'inference') });
  send(SIGN_RECORDS, {
    groups: signingGroups(others.filter(({ inference }) => inference === null)),
  });
  send(SIGN_INFERENCES, {
    groups: signingGroups(others.filter(({ inference }) => inference !== null)),
  });
  send(COUNT_SIGNINGS, { rows: stretches });
  await Promise.all(sent);
}

function datasetRows({ datasets }: Changes): Row[] {
  return Array.from(datasets, ([hash, { head, since }]) => ({
    hash,
    properties: {
      ...(since && { since: toDateTime(since) }),
      ...(head && {
        ...claimProperties(head.record),
        path: head.record.path,
        description: head.record.description,
        timestamp: head.record.timestamp,
      }),
    },
  }));
}

function modelRows({ models }: Changes): Row[] {
  return models.map(({ name, commit, head, since }) => ({
    name,
    commit,
    properties: {
      ...(since && { since: toDateTime(since) }),
      ...(head && {
        ...claimProperties(head.record),
        hyperparameters: head.record.hyperparameters,
        environment: head.record.environment,
        timestamp: head.record.timestamp,
      }),
    },
  }));
}

/** New inferences that differ in nothing but their rows. */
interface Group {
  readonly model: string;
  readonly linkedCommit: string | null;
  readonly signedCommit: string | null;
  readonly resolution: string;
  readonly kid: string;
  readonly rows: unknown[][];
}

/**
 * New inferences, each with its first signing, by the model they hang on: in one order for all
 * writers, against deadlocks on the models. `others` are the signings that came with none of them.
 */
function createdGroups(
  { createdInferences, signings }: Changes,
  payload: Payload,
): { readonly groups: readonly Group[]; readonly others: readonly Signing[] } {
  const links = new Map(createdInferences.map((change) => [change.head.record.id, change]));
  const others: Signing[] = [];
  const groups = new Map<string, Group>();
  for (const signing of signings) {
    const change = signing.inference === null ? undefined : links.get(signing.inference);
    if (change === undefined) {
      others.push(signing);
      continue;
    }
    links.delete(change.head.record.id);
    const { head, link } = change;
    const { record } = head;
    const { modelName: model, commit: signedCommit } = record;
    const common = {
      model,
      linkedCommit: link.commit,
      signedCommit,
      resolution: link.resolution,
      kid: signing.kid,
    };
    const key = JSON.stringify(Object.values(common));
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = { ...common, rows: [] }));
    group.rows.push([
      record.id,
      record.timestamp,
      record.digest,
      ...instantPair(record.recordedAt),
      ...payloadToKeep(record.input, payload),
      ...payloadToKeep(record.output, payload),
      ...placeOf(signing),
    ]);
  }
  const sorted = [...groups].sort(([a], [b]) => compareText(a, b)).map(([, group]) => group);
  return { groups: sorted, others };
}

function signingGroups(signings: readonly Signing[]): Row[] {
  return Array.from(
    Map.groupBy(signings, ({ kid }) => kid),
    ([kid, all]) => ({
      kid,
      rows: all.map((signing) => [signing.inference ?? signing.digest, ...placeOf(signing)]),
    }),
  );
}

function placeOf({ line, offset, length }: Signing): Integer[] {
  return [neo4j.int(line), neo4j.int(offset), neo4j.int(length)];
}

/** Packed as two integers, and made a datetime by the server, an instant costs both sides less. */
function instantPair({ epochSeconds, nanoseconds }: Instant): Integer[] {
  return [neo4j.int(epochSeconds), neo4j.int(nanoseconds)];
}

function inferenceRow({ head, link }: InferenceChange, payload: Payload): Row {
  const { record } = head;
  const [input, inputSha256, inputBytes] = payloadToKeep(record.input, payload);
  const [output, outputSha256, outputBytes] = payloadToKeep(record.output, payload);
  return {
    id: record.id,
    model: record.modelName,
    commit: record.commit,
    timestamp: record.timestamp,
    resolution: link.resolution,
    ...claimProperties(record),
    input,
    inputSha256,
    inputBytes,
    output,
    outputSha256,
    outputBytes,
  };
}

/** A payload as text, or as hash and size, or not at all. */
function payloadToKeep(
  text: string,
  payload: Payload,
): [text: string | null, sha256: string | null, bytes: Integer | null] {
  if (payload === 'none') return [null, null, null];
  // A string has at least a third as many UTF-16 units as UTF-8 bytes: most need no counting.
  const isShort =
    text.length * 3 <= INLINE_PAYLOAD_BYTES || Buffer.byteLength(text) <= INLINE_PAYLOAD_BYTES;
  if (payload === 'inline' && isShort) return [text, null, null];
  const sha256 = createHash('sha256').update(text, 'utf8').digest('hex');
  return [null, sha256, neo4j.int(Buffer.byteLength(text))];
}

function claimProperties({ digest, recordedAt }: LineageRecord): Row {
  return { digest, recordedAt: toDateTime(recordedAt) };
}

function recordRows({ records }: Changes, type: LineageRecord['type']): Row[] {
  return records
    .filter((record) => record.type === type)
    .map((record) => ({
      ...identityOf(record),
      properties: { type, ...saidOf(record), ...claimProperties(record) },
    }));
}

/**
 * What tells two records of one entity apart: of a dataset or model the hash of what they say of it
 * (docs/graph.md, G-6), of an inference the version that it names.
 */
export function saidOf(record: LineageRecord): Row {
  if (record.type === 'inference') return { model: record.modelName, commit: record.commit };
  const said =
    record.type === 'dataset'
      ? [record.path, record.description]
      : [
          record.hyperparameters,
          record.environment,
          [...new Set(record.datasetHashes)].sort(compareText),
        ];
  return { content: createHash('sha256').update(JSON.stringify(said)).digest('hex') };
}

function identityOf(record: LineageRecord): Row {
  switch (record.type) {
    case 'dataset':
      return { hash: record.hash };
    case 'model':
      return { name: record.name, commit: record.commit };
    case 'inference':
      return { id: record.id };
  }
}
