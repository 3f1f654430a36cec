import type { ManagedTransaction } from 'neo4j-driver';
import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { lockAlone } from '../lock.ts';
import type { Place } from '../place.ts';
import { inOrder, resolve } from '../resolve.ts';
import { instant, maybe, rows, text, texts, time } from '../rows.ts';
import { leastOf } from './changes.ts';
import { versionsOf } from './read-stored.ts';

/** Rows of one settling transaction; a hundred thousand at once ran out of a 600 MB heap. */
const PAGE_ROWS = 1_000;

const NEXT_MARKER = `
MATCH (k:Relink)
WHERE $log IS NULL OR EXISTS { (:Log {sha256: $log})-[:AWAITS]->(k) }
RETURN k.key AS key, k.kind AS kind, k.target AS target, k.at AS at, k.digest AS digest
ORDER BY key
LIMIT 1
`;

const MARKED_LINKS = `
MATCH (p:PendingLink)
WHERE p.hash = $hash AND p.name IS NOT NULL AND p.commit IS NOT NULL
WITH p LIMIT $limit
MATCH (d:Dataset {hash: p.hash})
MATCH (m:Model {name: p.name, commit: p.commit})
OPTIONAL MATCH (d)-[u:USED_IN]->(m)
RETURN p.hash AS hash, p.name AS name, p.commit AS commit, p.evidence AS pending, u.evidence AS usedIn
`;

const MAKE_LINKS = `
UNWIND $rows AS row
MATCH (p:PendingLink {hash: row.hash, name: row.name, commit: row.commit})
MATCH (d:Dataset {hash: row.hash})
MATCH (m:Model {name: row.name, commit: row.commit})
MERGE (d)-[u:USED_IN]->(m)
SET u.evidence = row.evidence
DELETE p
`;

const MARKED_INFERENCES = `
MATCH (i:Inference)
USING INDEX SEEK i:Inference(model, recordedAt, digest)
WHERE i.model = $name AND i.recordedAt >= datetime($at) AND i.digest IS NOT NULL
  AND CASE WHEN i.recordedAt = datetime($at) THEN i.digest > $digest ELSE true END
WITH i
ORDER BY i.model, i.recordedAt, i.digest
LIMIT $limit
OPTIONAL MATCH (m:Model)-[:GENERATED]->(i)
RETURN i.id AS id, i.commit AS commit, i.recordedAt AS recordedAt, i.digest AS digest,
  i.resolution AS resolution, m.commit AS linked
ORDER BY i.model, recordedAt, digest
`;

/** Takes the edge away; together with {@link LINK} it moves one. */
export const UNLINK = `
UNWIND $rows AS row
MATCH (i:Inference {id: row.id})
SET i.resolution = row.resolution
WITH i
MATCH (:Model)-[old:GENERATED]->(i)
DELETE old
`;

export const LINK = `
UNWIND $rows AS row
MATCH (m:Model {name: row.name, commit: row.commit})
MATCH (i:Inference {id: row.id})
CREATE (m)-[:GENERATED]->(i)
`;

const MOVE_MARKER = `
MATCH (k:Relink {key: $key})
SET k.at = $at, k.digest = $digest
`;

const CLEAR_MARKER = `
MATCH (k:Relink {key: $key})
DETACH DELETE k
`;

/**
 * Works off open markers, those that a log waits for or, without one, all of them, whoever left them,
 * a page a transaction; resolves when none is open or, after at least one page, the time is up, to the
 * number of pages. Safe to run at any time, by any number of writers, and to break off anywhere.
 */
export async function settle(
  graph: Graph,
  isTimeUp: () => boolean = () => false,
  log: string | null = null,
): Promise<number> {
  for (let pages = 0; ; pages += 1) {
    if (pages > 0 && isTimeUp()) return pages;
    if (!(await graph[database].write((tx) => settlePage(tx, log)))) return pages;
  }
}

/** What is to be linked anew, and behind which inference to go on. */
interface Marker {
  readonly key: string;
  readonly target: string;
  readonly place: Place;
}

/** One page of one marker; false when no marker was open. */
async function settlePage(tx: ManagedTransaction, log: string | null): Promise<boolean> {
  await lockAlone(tx);
  const [row] = rows(await tx.run(NEXT_MARKER, { log }));
  if (row === undefined) return false;
  const [key, target] = [text(row, 'key'), text(row, 'target')];
  const isDone =
    text(row, 'kind') === 'dataset'
      ? await makeLinks(tx, target)
      : await relink(tx, {
          key,
          target,
          place: { at: time(row, 'at'), digest: text(row, 'digest') },
        });
  if (isDone) await tx.run(CLEAR_MARKER, { key });
  return true;
}

async function makeLinks(tx: ManagedTransaction, hash: string): Promise<boolean> {
  const found = rows(await tx.run(MARKED_LINKS, { hash, limit: BigInt(PAGE_ROWS) }));
  await tx.run(MAKE_LINKS, {
    rows: found.map((row) => ({
      hash,
      name: text(row, 'name'),
      commit: text(row, 'commit'),
      evidence: leastOf(maybe(texts, row, 'usedIn'), texts(row, 'pending')),
    })),
  });
  return found.length < PAGE_ROWS;
}

async function relink(
  tx: ManagedTransaction,
  { key, target: name, place }: Marker,
): Promise<boolean> {
  const models = await versionsOf(tx, [name]);
  const versions = inOrder(
    Array.from(models.get(name) ?? [], ([commit, { since }]) => ({ commit, since })),
  );
  const found = rows(await tx.run(MARKED_INFERENCES, { ...place, name, limit: BigInt(PAGE_ROWS) }));
  const moved = found.flatMap((row) => {
    const link = resolve(maybe(text, row, 'commit'), instant(row, 'recordedAt'), versions);
    const isSame =
      link.commit === maybe(text, row, 'linked') && link.resolution === text(row, 'resolution');
    return isSame ? [] : [{ id: text(row, 'id'), name, ...link }];
  });
  await tx.run(UNLINK, { rows: moved });
  await tx.run(LINK, { rows: moved.filter(({ commit }) => commit !== null) });
  const last = found.at(-1);
  if (last === undefined || found.length < PAGE_ROWS) return true;
  await tx.run(MOVE_MARKER, { key, at: last['recordedAt'], digest: text(last, 'digest') });
  return false;
}
