import { createHash } from 'node:crypto';
import type { DateTime, ManagedTransaction } from 'neo4j-driver';
import { ConfigError } from '../errors.ts';
import type { InferenceRecord, LineageRecord } from '../trust/record.ts';
import type { Rejection } from '../trust/rejection.ts';
import type { VerifiedRecord } from '../trust/verify.ts';
import {
  decide,
  isOf,
  linkKey,
  standingOf,
  type Changes,
  type InferenceChange,
  type Standing,
  type Stored,
  type StoredEntity,
  type StoredInference,
  type StoredLink,
} from './changes.ts';
import { rows, type Graph, type Row } from './connection.ts';
import { fromDateTime, toDateTime } from './instant.ts';
import type { Place } from './order.ts';
import { missingSchema } from './schema.ts';
import { LINK, lock, settle, UNLINK } from './settle.ts';

/** What became of an object; `writing` until the last of its lines is in the graph. */
export type ObjectStatus = 'accepted' | 'partial' | 'rejected' | 'empty' | 'writing';

/** An object as its `SourceObject` node describes it. */
export interface SourceObject {
  readonly uri: string;
  /** Of the bytes as stored, lower-case hex. */
  readonly sha256: string;
  readonly bytes: number;
  readonly lines: number;
  readonly rejected: number;
  /** The first hundred. */
  readonly rejections: readonly Rejection[];
}

/** A stretch of an object's lines. */
export interface Batch {
  readonly object: SourceObject;
  /** The last line that this batch speaks for; its records all stand at or before it. */
  readonly throughLine: number;
  /** In the order of their lines. */
  readonly records: readonly VerifiedRecord[];
  /** On the object's last batch: what the object becomes. */
  readonly final: 'accepted' | 'partial' | null;
}

/** Running totals of one object, over all of its batches and all deliveries. */
export interface Totals {
  readonly accepted: number;
  readonly duplicate: number;
}

export interface Progress extends Totals {
  readonly status: ObjectStatus | null;
  readonly linesDone: number;
}

/** How `input` and `output` are kept: as text, as hash and size, or not at all. */
export type Payload = 'inline' | 'hash' | 'none';

/** A payload longer than this many UTF-8 bytes is kept as its hash and size. */
const INLINE_PAYLOAD_BYTES = 4_096;

const OPEN_OBJECT = `
MERGE (o:SourceObject {uri: $uri})
ON CREATE SET o.linesDone = 0, o.accepted = 0, o.duplicate = 0, o.firstSeenAt = datetime.transaction()
SET o.status = CASE WHEN o.status IN ['accepted', 'partial'] THEN o.status ELSE 'writing' END,
  o.sha256 = $sha256, o.bytes = $bytes, o.lines = $lines, o.rejected = $rejected,
  o.rejections = $rejections, o.lastSeenAt = datetime.transaction()
RETURN o.linesDone AS linesDone
`;

const MOVE_CHECKPOINT = `
MATCH (o:SourceObject {uri: $uri})
SET o.linesDone = $linesDone, o.accepted = o.accepted + $accepted, o.duplicate = o.duplicate + $duplicate
`;

const CLOSE_OBJECT = `
MATCH (o:SourceObject {uri: $uri})
WITH o, EXISTS { MATCH (:Relink) } AS unsettled
SET o.status = CASE WHEN unsettled OR $final IS NULL THEN o.status ELSE $final END
RETURN o.accepted AS accepted, o.duplicate AS duplicate, unsettled
`;

const RECORD_OBJECT = `
MERGE (o:SourceObject {uri: $uri})
ON CREATE SET o.linesDone = 0, o.accepted = 0, o.duplicate = 0, o.firstSeenAt = datetime.transaction()
SET o.lastSeenAt = datetime.transaction()
WITH o
WHERE NOT coalesce(o.status, 'empty') IN ['accepted', 'partial', 'writing']
SET o.status = $status, o.sha256 = $sha256, o.bytes = $bytes, o.lines = $lines,
  o.rejected = $rejected, o.rejections = $rejections
`;

const READ_PROGRESS = `
MATCH (o:SourceObject {uri: $uri})
RETURN o.status AS status, o.linesDone AS linesDone, o.accepted AS accepted, o.duplicate AS duplicate
`;

const READ_DATASETS = `
UNWIND $hashes AS hash
MATCH (d:Dataset {hash: hash})
RETURN d.hash AS hash, d.digest AS digest, d.recordedAt AS recordedAt, d.since AS since,
  d.source AS source, d.line AS line
`;

const READ_VERSIONS = `
UNWIND $names AS name
MATCH (m:Model)
WHERE m.name = name AND m.commit IS NOT NULL
RETURN m.name AS name, m.commit AS commit, m.digest AS digest, m.recordedAt AS recordedAt,
  m.since AS since, m.source AS source, m.line AS line
`;

const READ_RECORDS = `
UNWIND $digests AS digest
MATCH (r:Record {digest: digest})
RETURN r.digest AS digest, r.source AS source, r.line AS line
`;

const READ_LINKS = `
UNWIND $links AS link
OPTIONAL MATCH (d:Dataset {hash: link.hash})
OPTIONAL MATCH (m:Model {name: link.name, commit: link.commit})
OPTIONAL MATCH (d)-[u:USED_IN]->(m)
OPTIONAL MATCH (p:PendingLink {hash: link.hash, name: link.name, commit: link.commit})
RETURN link.hash AS hash, link.name AS name, link.commit AS commit,
  d IS NOT NULL AS datasetExists, u.evidence AS usedIn, p.evidence AS pending
`;

const READ_INFERENCES = `
UNWIND $ids AS id
MATCH (i:Inference {id: id})
RETURN i.id AS id, i.digest AS digest, i.recordedAt AS recordedAt, i.kid AS kid, i.source AS source,
  i.line AS line, i.offset AS offset, i.length AS length,
  EXISTS { (i)<-[:ASSERTS]-() } AS hasRecords
`;

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

const CREATE_LINKED = `
UNWIND $groups AS group
MATCH (m:Model {name: group.name, commit: group.commit})
UNWIND group.rows AS row
CREATE (m)-[:GENERATED]->(:Inference {
  id: row.id, model: row.model, commit: row.commit, timestamp: row.timestamp,
  resolution: row.resolution, digest: row.digest, recordedAt: row.recordedAt, kid: row.kid,
  source: row.source, line: row.line, offset: row.offset, length: row.length,
  input: row.input, inputSha256: row.inputSha256, inputBytes: row.inputBytes,
  output: row.output, outputSha256: row.outputSha256, outputBytes: row.outputBytes
})
`;

const CREATE_PENDING = `
UNWIND $rows AS row
CREATE (i:Inference)
SET i = row
`;

const WRITE_INFERENCES = `
UNWIND $rows AS row
MATCH (i:Inference {id: row.id})
SET i = row
`;

const WRITE_DATASET_RECORDS = `
UNWIND $rows AS row
MATCH (e:Dataset {hash: row.hash})
MERGE (r:Record {digest: row.properties.digest})
SET r += row.properties
MERGE (r)-[:ASSERTS]->(e)
`;

const WRITE_MODEL_RECORDS = `
UNWIND $rows AS row
MATCH (e:Model {name: row.name, commit: row.commit})
MERGE (r:Record {digest: row.properties.digest})
SET r += row.properties
MERGE (r)-[:ASSERTS]->(e)
`;

const WRITE_INFERENCE_RECORDS = `
UNWIND $rows AS row
MATCH (e:Inference {id: row.id})
MERGE (r:Record {digest: row.properties.digest})
SET r += row.properties
MERGE (r)-[:ASSERTS]->(e)
`;

/** Writes verified records; any number of writers, here and elsewhere, may work at once. */
export class GraphWriter {
  readonly #graph: Graph;
  readonly #payload: Payload;
  #schemaIsThere = false;

  constructor(graph: Graph, payload: Payload = 'inline') {
    this.#graph = graph;
    this.#payload = payload;
  }

  /** How far an object has come; `status` is null for one never seen. */
  async progress(uri: string): Promise<Progress> {
    await this.#needSchema();
    const [row] = await this.#graph.read(async (tx) => rows(await tx.run(READ_PROGRESS, { uri })));
    return (row ?? {
      status: null,
      linesDone: 0,
      accepted: 0,
      duplicate: 0,
    }) as unknown as Progress;
  }

  /**
   * Applies the whole batch or none of it and moves the object's checkpoint with it. Lines before the
   * checkpoint are passed over, so applying a batch again changes nothing and counts nothing twice.
   */
  async apply(batch: Batch): Promise<Totals> {
    await this.#needSchema();
    const first = await this.#graph.write((tx) => this.#applyOnce(tx, batch));
    if (batch.final === null || !first.unsettled) return first;
    // The object counts as done only when no link that it makes possible is still open.
    await settle(this.#graph);
    return this.#graph.write(async (tx) => {
      await lock(tx);
      return closeObject(tx, batch);
    });
  }

  /** Notes an object of which nothing was written. One whose records are in the graph keeps its status. */
  async record(object: SourceObject, status: 'rejected' | 'empty'): Promise<void> {
    await this.#needSchema();
    await this.#graph.write(async (tx) => {
      await lock(tx);
      await tx.run(RECORD_OBJECT, { ...objectParameters(object), status });
    });
  }

  async #needSchema(): Promise<void> {
    if (this.#schemaIsThere) return;
    const missing = await missingSchema(this.#graph);
    if (missing.length > 0)
      throw new ConfigError([`the database lacks ${missing.join(', ')}: run custody migrate`]);
    this.#schemaIsThere = true;
  }

  async #applyOnce(tx: ManagedTransaction, batch: Batch): Promise<Totals & { unsettled: boolean }> {
    // Sent at once and worked off in this order: nothing is read before the lock is held.
    const [, opened, stored] = await Promise.all([
      lock(tx),
      tx.run(OPEN_OBJECT, objectParameters(batch.object)),
      readStored(tx, batch.records),
    ]);
    const linesDone = Number(rows(opened)[0]?.['linesDone']);
    if (linesDone >= batch.throughLine) return closeObject(tx, batch);
    const fresh = batch.records.filter(({ location }) => location.line > linesDone);
    const changes = decide(fresh, stored);
    const [, , closed] = await Promise.all([
      this.#write(tx, changes),
      tx.run(MOVE_CHECKPOINT, {
        uri: batch.object.uri,
        linesDone: BigInt(batch.throughLine),
        accepted: BigInt(changes.accepted),
        duplicate: BigInt(changes.duplicate),
      }),
      closeObject(tx, batch),
    ]);
    return closed;
  }

  /** Sends everything at once; the server works it off in this order. */
  async #write(tx: ManagedTransaction, changes: Changes): Promise<void> {
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
    send(CREATE_LINKED, { groups: this.#groups(changes.createdInferences) });
    send(CREATE_PENDING, {
      rows: changes.createdInferences
        .filter(({ link }) => link.commit === null)
        .map((change) => this.#inferenceRow(change)),
    });
    const changed = changes.changedInferences;
    send(WRITE_INFERENCES, { rows: changed.map((change) => this.#inferenceRow(change)) });
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

  #groups(created: readonly InferenceChange[]): readonly Row[] {
    const groups = new Map<string, { name: string; commit: string; rows: Row[] }>();
    for (const change of created) {
      const { commit } = change.link;
      if (commit === null) continue;
      const name = change.head.record.modelName;
      const key = JSON.stringify([name, commit]);
      const group = groups.get(key) ?? { name, commit, rows: [] };
      group.rows.push(this.#inferenceRow(change));
      groups.set(key, group);
    }
    return [...groups.values()];
  }

  #inferenceRow({ head, link }: InferenceChange): Row {
    const { record } = head;
    return {
      id: record.id,
      model: record.modelName,
      commit: record.commit,
      timestamp: record.timestamp,
      resolution: link.resolution,
      ...standingProperties(standingOf(head)),
      ...this.#payloadOf(record),
    };
  }

  #payloadOf({ input, output }: InferenceRecord): Row {
    return {
      ...this.#payloadMember(input, 'input', 'inputSha256', 'inputBytes'),
      ...this.#payloadMember(output, 'output', 'outputSha256', 'outputBytes'),
    };
  }

  #payloadMember(text: string, inline: string, hash: string, size: string): Row {
    if (this.#payload === 'none') return {};
    // A string has at least a third as many UTF-16 units as UTF-8 bytes: most need no counting.
    const isShort =
      text.length * 3 <= INLINE_PAYLOAD_BYTES || Buffer.byteLength(text) <= INLINE_PAYLOAD_BYTES;
    if (this.#payload === 'inline' && isShort) return { [inline]: text };
    return {
      [hash]: createHash('sha256').update(text, 'utf8').digest('hex'),
      [size]: BigInt(Buffer.byteLength(text)),
    };
  }
}

async function closeObject(
  tx: ManagedTransaction,
  { object, final }: Batch,
): Promise<Totals & { unsettled: boolean }> {
  const [row] = rows(await tx.run(CLOSE_OBJECT, { uri: object.uri, final }));
  return row as unknown as Totals & { unsettled: boolean };
}

function objectParameters(object: SourceObject): Row {
  return {
    uri: object.uri,
    sha256: object.sha256,
    bytes: BigInt(object.bytes),
    lines: BigInt(object.lines),
    rejected: BigInt(object.rejected),
    rejections: JSON.stringify(object.rejections),
  };
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
      properties: { type, ...standingProperties(standing) },
    }));
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

/** Reads, under the write lock, all that the records of a batch may change. */
async function readStored(
  tx: ManagedTransaction,
  batch: readonly VerifiedRecord[],
): Promise<Stored> {
  const hashes = new Set<string>();
  const names = new Set<string>();
  const ids = new Set<string>();
  const digests = new Set<string>();
  const links = new Map<string, Row>();
  for (const { record } of batch) {
    switch (record.type) {
      case 'dataset':
        hashes.add(record.hash);
        digests.add(record.digest);
        break;
      case 'model':
        names.add(record.name);
        digests.add(record.digest);
        for (const hash of record.datasetHashes)
          links.set(linkKey(hash, record.name, record.commit), {
            hash,
            name: record.name,
            commit: record.commit,
          });
        break;
      case 'inference':
        names.add(record.modelName);
        ids.add(record.id);
        break;
    }
  }
  const ask = async (
    statement: string,
    name: string,
    values: Iterable<unknown>,
  ): Promise<Row[]> => {
    const list = [...values];
    return list.length === 0 ? [] : rows(await tx.run(statement, { [name]: list }));
  };
  const [datasets, versions, inferenceRows, linkRows] = await Promise.all([
    ask(READ_DATASETS, 'hashes', hashes),
    ask(READ_VERSIONS, 'names', names),
    ask(READ_INFERENCES, 'ids', ids),
    ask(READ_LINKS, 'links', links.values()),
  ]);
  const inferences = new Map(
    inferenceRows.map((row) => [row['id'] as string, withInstants<StoredInference>(row)]),
  );
  for (const verified of batch)
    if (isOf('inference', verified) && inferences.has(verified.record.id))
      digests.add(verified.record.digest);
  const records = await ask(READ_RECORDS, 'digests', digests);

  const models = new Map<string, Map<string, StoredEntity>>();
  for (const name of names) models.set(name, new Map());
  for (const row of versions)
    models.get(row['name'] as string)?.set(row['commit'] as string, withInstants(row));
  return {
    datasets: new Map(datasets.map((row) => [row['hash'] as string, withInstants(row)])),
    models,
    inferences,
    records: new Map(records.map((row) => [row['digest'] as string, row as unknown as Place])),
    links: new Map(
      linkRows.map((row) => [
        linkKey(row['hash'] as string, row['name'] as string, row['commit'] as string),
        row as unknown as StoredLink,
      ]),
    ),
  };
}

/** A row whose datetimes are instants. */
function withInstants<T>(row: Row): T {
  const entries = Object.entries(row).map(([name, value]) =>
    name === 'recordedAt' || name === 'since'
      ? [name, fromDateTime(value as DateTime<number>)]
      : [name, value],
  );
  return Object.fromEntries(entries) as T;
}
