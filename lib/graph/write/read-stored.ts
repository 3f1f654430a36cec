import type { ManagedTransaction } from 'neo4j-driver';
import type { ModelRecord } from '../../trust/lineage-record.ts';
import type { VerifiedRecord } from '../../trust/verify.ts';
import { flag, instant, maybe, rows, text, texts, type Row } from '../rows.ts';
import { isOf, linkKey, type Stored, type StoredEntity, type StoredLink } from './changes.ts';

const READ_DATASETS = `
UNWIND $hashes AS hash
MATCH (d:Dataset {hash: hash})
RETURN d.hash AS hash, d.digest AS digest, d.recordedAt AS recordedAt, d.since AS since
`;

const READ_VERSIONS = `
UNWIND $names AS name
MATCH (m:Model)
WHERE m.name = name AND m.commit IS NOT NULL
RETURN m.name AS name, m.commit AS commit, m.digest AS digest, m.recordedAt AS recordedAt,
  m.since AS since
`;

const READ_SIGNERS = `
UNWIND $digests AS digest
MATCH (r:Record {digest: digest})
RETURN digest, COLLECT { MATCH (r)-[:SIGNED_IN]->(s:Stretch) RETURN DISTINCT s.kid } AS kids
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
RETURN i.id AS id, i.digest AS digest, i.recordedAt AS recordedAt,
  COLLECT { MATCH (i)-[:SIGNED_IN]->(s:Stretch) RETURN DISTINCT s.kid } AS kids,
  EXISTS { (i)<-[:ASSERTS]-() } AS hasRecords
`;

/** What the records of a batch name. */
class Named {
  readonly hashes = new Set<string>();
  readonly names = new Set<string>();
  readonly ids = new Set<string>();
  readonly digests = new Set<string>();
  readonly links = new Map<string, Row>();

  constructor(batch: readonly VerifiedRecord[]) {
    for (const { record } of batch) {
      if (record.type === 'inference') {
        this.names.add(record.modelName);
        this.ids.add(record.id);
        continue;
      }
      this.digests.add(record.digest);
      if (record.type === 'dataset') this.hashes.add(record.hash);
      else this.#model(record);
    }
  }

  #model({ name, commit, datasetHashes }: ModelRecord): void {
    this.names.add(name);
    for (const hash of datasetHashes)
      this.links.set(linkKey(hash, name, commit), { hash, name, commit });
  }
}

/** Reads all that the records of a batch may change. The caller holds the write lock. */
export async function readStored(
  tx: ManagedTransaction,
  batch: readonly VerifiedRecord[],
): Promise<Stored> {
  const { hashes, names, ids, digests, links } = new Named(batch);
  const [datasets, models, inferences, linkRows, described] = await Promise.all([
    rowsFor(tx, READ_DATASETS, 'hashes', hashes),
    versionsOf(tx, names),
    rowsFor(tx, READ_INFERENCES, 'ids', ids),
    rowsFor(tx, READ_LINKS, 'links', links.values()),
    rowsFor(tx, READ_SIGNERS, 'digests', digests),
  ]);
  const { alone = [], contested = [] } = Object.groupBy(inferences, (row) =>
    flag(row, 'hasRecords') ? 'contested' : 'alone',
  );
  const contestedIds = new Set(contested.map((row) => text(row, 'id')));
  const claims = batch.filter(
    (verified) => isOf('inference', verified) && contestedIds.has(verified.record.id),
  );
  const claimed = new Set(claims.map(({ record }) => record.digest));
  const claiming = await rowsFor(tx, READ_SIGNERS, 'digests', claimed);
  return {
    datasets: new Map(datasets.map((row) => [text(row, 'hash'), entityOf(row)])),
    models,
    inferences: new Map(
      inferences.map((row) => [
        text(row, 'id'),
        { ...claimOf(row), hasRecords: flag(row, 'hasRecords') },
      ]),
    ),
    signers: new Map(
      [...described, ...claiming, ...alone].map((row) => [
        text(row, 'digest'),
        new Set(texts(row, 'kids')),
      ]),
    ),
    links: new Map(linkRows.map(storedLink)),
  };
}

function storedLink(row: Row): [key: string, link: StoredLink] {
  return [
    linkKey(text(row, 'hash'), text(row, 'name'), text(row, 'commit')),
    {
      usedIn: maybe(texts, row, 'usedIn'),
      pending: maybe(texts, row, 'pending'),
      datasetExists: flag(row, 'datasetExists'),
    },
  ];
}

/**
 * Of all that, the model versions alone: enough for inferences whose ids are new. The caller holds a
 * slot of the write lock.
 */
export async function readStoredVersions(
  tx: ManagedTransaction,
  batch: readonly VerifiedRecord[],
): Promise<Stored> {
  const names = new Set<string>();
  for (const { record } of batch) if (record.type === 'inference') names.add(record.modelName);
  return {
    datasets: new Map(),
    models: await versionsOf(tx, names),
    inferences: new Map(),
    signers: new Map(),
    links: new Map(),
  };
}

/** Every version of each of these model names, by name and commit; an entry for every name. */
export async function versionsOf(
  tx: ManagedTransaction,
  names: Iterable<string>,
): Promise<Stored['models']> {
  const models = new Map<string, Map<string, StoredEntity>>();
  for (const name of names) models.set(name, new Map());
  for (const row of await rowsFor(tx, READ_VERSIONS, 'names', names))
    models.get(text(row, 'name'))?.set(text(row, 'commit'), entityOf(row));
  return models;
}

async function rowsFor(
  tx: ManagedTransaction,
  statement: string,
  name: string,
  values: Iterable<unknown>,
): Promise<Row[]> {
  const list = [...values];
  return list.length === 0 ? [] : rows(await tx.run(statement, { [name]: list }));
}

function entityOf(row: Row): StoredEntity {
  return { ...claimOf(row), since: instant(row, 'since') };
}

function claimOf(row: Row): Pick<StoredEntity, 'digest' | 'recordedAt'> {
  return { digest: text(row, 'digest'), recordedAt: instant(row, 'recordedAt') };
}
