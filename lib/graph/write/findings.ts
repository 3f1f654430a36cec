import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import {
  FINDING_STATUSES,
  type CheckRow,
  type FindingStatus,
  type Untold,
  type WaiverRow,
} from '../finding.ts';
import { lockFindings } from '../lock.ts';
import { rows, word } from '../rows.ts';

const KEEP_CHECK = `
MERGE (c:Check {id: $id})
SET c.startedAt = datetime($startedAt), c.finishedAt = datetime($finishedAt),
  c.complete = $complete, c.version = $version, c.rules = $rules
`;

// What has changed since it was told stays untold.
const MARK_TOLD = `
UNWIND $told AS row
MATCH (f:Finding {key: row.key})
WHERE f.status = row.status
SET f.untold = null
`;

const HAS_FINDING = `
MATCH (f:Finding {key: $key})
RETURN count(f) AS findings
`;

const WAIVE = `
MATCH (f:Finding {key: $key})
MERGE (w:Waiver {key: $key})
SET w.who = $who, w.why = $why, w.until = datetime($until), w.madeAt = datetime($now)
WITH f, f.status = 'open' AS isOpen
SET f.status = CASE WHEN isOpen THEN 'waived' ELSE f.status END,
  f.untold = CASE WHEN isOpen THEN null ELSE f.untold END
RETURN f.status AS status
`;

/** Keeps a check under its id; the same one again changes nothing. */
export async function keepCheck(graph: Graph, check: CheckRow): Promise<void> {
  const parameters = { ...check, rules: JSON.stringify(check.rules) };
  await graph[database].write(async (tx) => {
    await tx.run(KEEP_CHECK, parameters);
  });
}

/** Notes that somebody was told. Before it, `untold` of lib/graph/ask answers the same again. */
export async function markTold(graph: Graph, { fresh, settled }: Untold): Promise<void> {
  const told: readonly { readonly key: string; readonly status: FindingStatus }[] = [
    ...fresh.map((key) => ({ key, status: 'open' }) as const),
    ...settled.map((key) => ({ key, status: 'settled' }) as const),
  ];
  await graph[database].write(async (tx) => {
    await lockFindings(tx);
    await tx.run(MARK_TOLD, { told });
  });
}

/** True where a check has found that. */
export async function hasFinding(graph: Graph, key: string): Promise<boolean> {
  const [row] = await graph[database].ask(HAS_FINDING, { key });
  return row?.['findings'] !== 0;
}

/** Null when there is no such finding. A finding that is open becomes waived at once. */
export async function waive(
  graph: Graph,
  key: string,
  waiver: WaiverRow,
  now: string,
): Promise<FindingStatus | null> {
  const [row] = await graph[database].write(async (tx) => {
    await lockFindings(tx);
    return rows(await tx.run(WAIVE, { key, ...waiver, now }));
  });
  return row === undefined ? null : word(FINDING_STATUSES)(row, 'status');
}
