import { createHash } from 'node:crypto';
import type { ManagedTransaction } from 'neo4j-driver';
import type { LineageRecord } from '../../trust/record.ts';
import { toDateTime } from '../instant.ts';
import { compareText } from '../order.ts';
import type { Row } from '../rows.ts';
import type { Payload } from '../settings.ts';
import { standingOf, type Changes, type InferenceChange, type Standing } from './changes.ts';
import { LINK, UNLINK } from './settle.ts';

/** A payload longer than this many UTF-8 bytes is kept as its hash and size (docs/graph.md, G-14). */
const INLINE_PAYLOAD_BYTES = 4_096;

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
UNWIND $hashes AS hash
WITH hash
WHERE EXISTS {
  MATCH (p:PendingLink)
  WHERE p.hash = hash AND p.name IS NOT NULL AND p.commit IS NOT NULL
}
MERGE (k:Relink {key: 'dataset:' + hash})
SET k.kind = 'dataset', k.target = hash
`;

const MARK_NAMES = `
UNWIND $names AS name
WITH name
WHERE EXISTS {
  MATCH (i:Inference)
  USING INDEX SEEK i:Inference(model, recordedAt, digest)
  WHERE i.model = name AND i.recordedAt IS NOT NULL AND i.digest IS NOT NULL
}
MERGE (k:Relink {key: 'model:' + name})
SET k.kind = 'model', k.target = name, k.at = null, k.digest = null
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
const NEW_INFERENCE = `(:Inference {
  model: group.model, commit: group.signedCommit, resolution: group.resolution,
  kid: group.kid, source: group.source,
  id: row[0], timestamp: row[1], digest: row[2], recordedAt: row[3],
  line: row[4], offset: row[5], length: row[6],
  input: row[7], inputSha256: row[8], inputBytes: row[9],
  output: row[10], outputSha256: row[11], outputBytes: row[12]
})`;

const CREATE_LINKED = `
UNWIND $groups AS group
MATCH (m:Model {name: group.model, commit: group.linkedCommit})
UNWIND group.rows AS row
CREATE (m)-[:GENERATED]->${NEW_INFERENCE}
`;

const CREATE_PENDING = `
UNWIND $groups AS group
UNWIND group.rows AS row
CREATE ${NEW_INFERENCE}
`;

const WRITE_INFERENCES = `
UNWIND $rows AS row
MATCH (i:Inference {id: row.id})
SET i = row
`;

/** Of an entity `e`. */
const WRITE_RECORD = `MERGE (r:Record {digest: row.properties.digest})
SET r += row.properties
MERGE (r)-[:ASSERTS]->(e)`;

const WRITE_DATASET_RECORDS = `
UNWIND $rows AS row
MATCH (e:Dataset {hash: row.hash})
${WRITE_RECORD}
`;

const WRITE_MODEL_RECORDS = `
UNWIND $rows AS row
MATCH (e:Model {name: row.name, commit: row.commit})
${WRITE_RECORD}
`;

const WRITE_INFERENCE_RECORDS = `
UNWIND $rows AS row
MATCH (e:Inference {id: row.id})
${WRITE_RECORD}
`;

/** Sends everything at once; the server works it off in this order. */
export async function writeChanges(
  tx: ManagedTransaction,
  changes: Changes,
  payload: Payload,
): Promise<void> {
  const sent: Promise<unknown>[] = [];
  const send = (statement: string, parameters: Record<string, readonly unknown[]>): void => {
    if (Object.values(parameters).every((list) => list.length > 0))
      sent.push(Promise.resolve(tx.run(statement, parameters)));
  };
  send(WRITE_DATASETS, {
    rows: Array.from(changes.datasets, ([hash, { head, since }]) => ({
      hash,
      properties: {
        ...(since && { since: toDateTime(since) }),
        ...(head && {
          ...standingProperties(standingOf(head)),
          path: head.record.path,
          description: head.record.description,
          timestamp: head.record.timestamp,
        }),
      },
    })),
  });
  send(WRITE_MODELS, {
    rows: changes.models.map(({ name, commit, head, since }) => ({
      name,
      commit,
      properties: {
        ...(since && { since: toDateTime(since) }),
        ...(head && {
          ...standingProperties(standingOf(head)),
          hyperparameters: head.record.hyperparameters,
          environment: head.record.environment,
          timestamp: head.record.timestamp,
        }),
      },
    })),
  });
  send(MARK_DATASETS, { hashes: changes.newDatasets });
  send(MARK_NAMES, { names: changes.changedNames });
  send(WRITE_USED_IN, { rows: changes.links.filter(({ pending }) => !pending) });
  send(WRITE_PENDING_LINKS, { rows: changes.links.filter(({ pending }) => pending) });
  const groups = groupsOf(changes.createdInferences, payload);
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
  await Promise.all(sent);
}

/** Rows by the model they hang on, in one order for all writers, against deadlocks on the models. */
function groupsOf(created: readonly InferenceChange[], payload: Payload): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const { head, link } of created) {
    const { record, kid, location } = head;
    const { modelName: model, commit: signedCommit } = record;
    const common = {
      model,
      linkedCommit: link.commit,
      signedCommit,
      resolution: link.resolution,
      kid,
      source: location.source,
    };
    const key = JSON.stringify(Object.values(common));
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = { ...common, rows: [] }));
    group.rows.push([
      record.id,
      record.timestamp,
      record.digest,
      toDateTime(record.recordedAt),
      BigInt(location.line),
      BigInt(location.offset),
      BigInt(location.length),
      ...keep(record.input, payload),
      ...keep(record.output, payload),
    ]);
  }
  return [...groups].sort(([a], [b]) => compareText(a, b)).map(([, group]) => group);
}

/** New inferences that differ in nothing but their rows. */
interface Group {
  readonly model: string;
  readonly linkedCommit: string | null;
  readonly signedCommit: string | null;
  readonly resolution: string;
  readonly kid: string;
  readonly source: string;
  readonly rows: unknown[][];
}

function inferenceRow({ head, link }: InferenceChange, payload: Payload): Row {
  const { record } = head;
  const [input, inputSha256, inputBytes] = keep(record.input, payload);
  const [output, outputSha256, outputBytes] = keep(record.output, payload);
  return {
    id: record.id,
    model: record.modelName,
    commit: record.commit,
    timestamp: record.timestamp,
    resolution: link.resolution,
    ...standingProperties(standingOf(head)),
    input,
    inputSha256,
    inputBytes,
    output,
    outputSha256,
    outputBytes,
  };
}

/** A payload as text, or as hash and size, or not at all. */
function keep(text: string, payload: Payload): [string | null, string | null, bigint | null] {
  if (payload === 'none') return [null, null, null];
  // A string has at least a third as many UTF-16 units as UTF-8 bytes: most need no counting.
  const isShort =
    text.length * 3 <= INLINE_PAYLOAD_BYTES || Buffer.byteLength(text) <= INLINE_PAYLOAD_BYTES;
  if (payload === 'inline' && isShort) return [text, null, null];
  const sha256 = createHash('sha256').update(text, 'utf8').digest('hex');
  return [null, sha256, BigInt(Buffer.byteLength(text))];
}

function standingProperties(standing: Standing): Row {
  return {
    digest: standing.digest,
    recordedAt: toDateTime(standing.recordedAt),
    kid: standing.kid,
    source: standing.source,
    line: BigInt(standing.line),
    offset: BigInt(standing.offset),
    length: BigInt(standing.length),
  };
}

function recordRows(changes: Changes, type: LineageRecord['type']): Row[] {
  return changes.records
    .filter((change) => change.type === type)
    .map(({ standing, asserts }) => ({
      ...identityOf(asserts),
      properties: { type, ...contentOf(asserts), ...standingProperties(standing) },
    }));
}

/** What tells two records of one dataset or model apart that say different things of it (docs/graph.md, G-6). */
export function contentOf(record: LineageRecord): Row {
  if (record.type === 'inference') return {};
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
