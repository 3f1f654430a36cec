import { createHash } from 'node:crypto';
import type { Graph } from '../connection.ts';
import {
  FINDING_STATUSES,
  type CheckRow,
  type FindingStatus,
  type Untold,
  type WaiverRow,
} from '../finding.ts';
import { lockFindings } from '../lock.ts';
import { count, maybe, node, only, rows, text, texts, word, type Row } from '../rows.ts';

/** A rule to be asked: two statements, whose text is constant. */
export interface AskedRule {
  readonly id: string;
  readonly severity: string;
  /** RETURN examined: how many of what the rule is about there are. */
  readonly examined: string;
  /** RETURN entity, detail, digests: what is found, at most $limit rows. */
  readonly findings: string;
}

/** What became of what a rule found. */
interface Kept {
  readonly examined: number;
  /** There were more than are kept. */
  readonly isCut: boolean;
  readonly open: number;
  readonly waived: number;
  /** Keys of what this very check opened. */
  readonly fresh: readonly string[];
  /** Keys of what this very check settled. */
  readonly settled: readonly string[];
}

/** Of one rule; a graph with more has a cause in common, and the first thousand show it. */
const MAX_FINDINGS = 1_000;

/** An index takes no more than 8 kB. */
const MAX_KEY_BYTES = 4_096;

/** Of asking one rule and keeping what it finds; less than a scheduled function keeps back for its end. */
const RULE_TIMEOUT_MS = 30_000;

// A finding names the check that opened it and the one that settled it, so that a transaction whose
// COMMIT took effect tells the same when it is run again. `untold` stays until somebody was told.
const KEEP_FINDINGS = `
UNWIND $found AS row
OPTIONAL MATCH (w:Waiver {key: row.key})
WITH row, CASE WHEN w.until > datetime($now) THEN 'waived' ELSE 'open' END AS status
MERGE (f:Finding {key: row.key})
ON CREATE SET f.firstSeenAt = datetime($now), f.rule = $rule
WITH f, row, status, status = 'open' AND coalesce(f.status, 'settled') <> 'open' AS isOpened
SET f.severity = $severity, f.entity = row.entity, f.detail = row.detail, f.digests = row.digests,
  f.lastSeenAt = datetime($now), f.settledAt = null, f.status = status,
  f.openedIn = CASE WHEN isOpened THEN $check ELSE f.openedIn END,
  f.untold = CASE WHEN isOpened THEN true WHEN status = 'waived' THEN null ELSE f.untold END
RETURN count(CASE WHEN f.status = 'open' THEN 1 END) AS open,
  count(CASE WHEN f.status = 'waived' THEN 1 END) AS waived,
  collect(CASE WHEN f.status = 'open' AND f.openedIn = $check THEN f.key END) AS fresh
`;

const SETTLE_FINDINGS = `
MATCH (f:Finding)
WHERE f.status IN ['open', 'waived'] AND f.rule = $rule AND f.key IS NOT NULL
  AND NOT f.key IN $keys
SET f.status = 'settled', f.settledAt = datetime($now), f.settledIn = $check, f.untold = true
`;

const SETTLED_IN = `
MATCH (f:Finding)
WHERE f.status = 'settled' AND f.rule = $rule AND f.key IS NOT NULL AND f.settledIn = $check
RETURN collect(f.key) AS settled
`;

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

const WAIVE = `
MATCH (f:Finding {key: $key})
MERGE (w:Waiver {key: $key})
SET w.who = $who, w.why = $why, w.until = datetime($until), w.madeAt = datetime($now)
WITH f, f.status = 'open' AS isOpen
SET f.status = CASE WHEN isOpen THEN 'waived' ELSE f.status END,
  f.untold = CASE WHEN isOpen THEN null ELSE f.untold END
RETURN f.status AS status
`;

/**
 * Asks a rule, keeps what it finds, and settles what it finds no more, where it found all there is.
 * Asking and keeping are one transaction, and checks take turns: what is kept is never older than
 * what was there. {@link OutOfTimeError} when it takes longer than {@link RULE_TIMEOUT_MS}; then nothing is kept.
 */
export async function keepFindings(
  graph: Graph,
  rule: AskedRule,
  check: { readonly id: string; readonly startedAt: string },
  settings: Row,
): Promise<Kept> {
  const on = { rule: rule.id, check: check.id, now: check.startedAt };
  const parameters = { ...settings, now: on.now, limit: BigInt(MAX_FINDINGS + 1) };
  return graph.write(async (tx) => {
    await lockFindings(tx);
    const counted = only(rows(await tx.run(rule.examined, parameters)));
    const all = rows(await tx.run(rule.findings, parameters));
    const isCut = all.length > MAX_FINDINGS;
    const found = all.slice(0, MAX_FINDINGS).map((row) => findingOf(rule.id, row));
    const keep = { ...on, found, severity: rule.severity };
    const kept = only(rows(await tx.run(KEEP_FINDINGS, keep)));
    if (!isCut) await tx.run(SETTLE_FINDINGS, { ...on, keys: found.map(({ key }) => key) });
    const over = only(rows(await tx.run(SETTLED_IN, on)));
    return {
      examined: count(counted, 'examined'),
      isCut,
      open: count(kept, 'open'),
      waived: count(kept, 'waived'),
      fresh: texts(kept, 'fresh'),
      settled: texts(over, 'settled'),
    };
  }, RULE_TIMEOUT_MS);
}

/** Keeps a check under its id; the same one again changes nothing. */
export async function keepCheck(graph: Graph, check: CheckRow): Promise<void> {
  const parameters = { ...check, rules: JSON.stringify(check.rules) };
  await graph.write(async (tx) => {
    await tx.run(KEEP_CHECK, parameters);
  });
}

/** Notes that somebody was told. Before it, `untold` of lib/graph/ask answers the same again. */
export async function markTold(graph: Graph, { fresh, settled }: Untold): Promise<void> {
  const told: readonly { readonly key: string; readonly status: FindingStatus }[] = [
    ...fresh.map((key) => ({ key, status: 'open' }) as const),
    ...settled.map((key) => ({ key, status: 'settled' }) as const),
  ];
  await graph.write(async (tx) => {
    await lockFindings(tx);
    await tx.run(MARK_TOLD, { told });
  });
}

/** Null when there is no such finding. A finding that is open becomes waived at once. */
export async function waive(
  graph: Graph,
  key: string,
  waiver: WaiverRow,
  now: string,
): Promise<FindingStatus | null> {
  const [row] = await graph.write(async (tx) => {
    await lockFindings(tx);
    return rows(await tx.run(WAIVE, { key, ...waiver, now }));
  });
  return row === undefined ? null : word(FINDING_STATUSES)(row, 'status');
}

/** What a rule found, as a `Finding` node keeps it. */
function findingOf(rule: string, row: Row): Row {
  const entity = node(row, 'entity');
  return {
    key: keyOf(rule, entity),
    entity: JSON.stringify(entity),
    detail: JSON.stringify(node(row, 'detail')),
    digests: texts(row, 'digests'),
  };
}

/**
 * A finding's identity: its rule, and the members of its entity in the order of their names, or
 * their SHA-256 where they are too long.
 */
function keyOf(rule: string, entity: Row): string {
  const members = Object.keys(entity)
    .sort()
    .map((name) => [name, maybe(text, entity, name)] as const)
    .filter(([, value]) => value !== null);
  const said = JSON.stringify(Object.fromEntries(members));
  return Buffer.byteLength(said) <= MAX_KEY_BYTES
    ? `${rule}:${said}`
    : `${rule}:sha256:${createHash('sha256').update(said).digest('hex')}`;
}
