import type { ManagedTransaction } from 'neo4j-driver';
import { rows, type Graph, type Row } from './connection.ts';
import type { Period } from './period.ts';
import { NOW, OLDEST, timeOf } from './place.ts';

/** What one rule found in one check. */
export interface RuleResult {
  readonly rule: string;
  /** `off`: not asked, as configured. `not-run`: it took too long; nothing of it was settled. */
  readonly outcome: 'done' | 'off' | 'not-run';
  readonly reason: string | null;
  /** How many of what the rule is about were looked at. */
  readonly examined: number | null;
  readonly open: number;
  readonly waived: number;
  readonly new: number;
  readonly settled: number;
  /** There were more than are kept. */
  readonly isCut: boolean;
}

/** One run of the rules. */
export interface CheckRow {
  readonly id: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Every rule that is not off was asked and all that it found is kept. */
  readonly complete: boolean;
  readonly version: string;
  readonly rules: readonly RuleResult[];
}

export type FindingStatus = 'open' | 'waived' | 'settled';

/** A finding with its history; it is never deleted. */
export interface FindingRow {
  readonly key: string;
  readonly rule: string;
  readonly severity: string;
  readonly status: FindingStatus;
  readonly entity: unknown;
  readonly detail: unknown;
  /** Of records that it rests on, at most ten. */
  readonly digests: readonly string[];
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly settledAt: string | null;
  readonly waiver: WaiverRow | null;
}

export interface WaiverRow {
  readonly who: string;
  readonly why: string;
  readonly until: string;
}

export interface FoundRow {
  readonly key: string;
  readonly entity: string;
  readonly detail: string;
  readonly digests: readonly string[];
}

const KEEP_FINDINGS = `
UNWIND $found AS row
OPTIONAL MATCH (w:Waiver {key: row.key})
WITH row, w.until > datetime($now) AS isWaived
MERGE (f:Finding {key: row.key})
ON CREATE SET f.firstSeenAt = datetime($now), f.rule = $rule
WITH f, row, coalesce(isWaived, false) AS isWaived, f.status AS before
SET f.severity = $severity, f.entity = row.entity, f.detail = row.detail, f.digests = row.digests,
  f.lastSeenAt = datetime($now), f.settledAt = null,
  f.status = CASE WHEN isWaived THEN 'waived' ELSE 'open' END
RETURN count(CASE WHEN f.status = 'open' THEN 1 END) AS open,
  count(CASE WHEN f.status = 'waived' THEN 1 END) AS waived,
  collect(CASE WHEN f.status = 'open' AND coalesce(before, 'settled') = 'settled' THEN f.key END) AS fresh
`;

const SETTLE_FINDINGS = `
MATCH (f:Finding)
WHERE f.status IN ['open', 'waived'] AND f.rule = $rule AND f.key IS NOT NULL
  AND NOT f.key IN $keys
SET f.status = 'settled', f.settledAt = datetime($now)
RETURN collect(f.key) AS settled
`;

const KEEP_CHECK = `
CREATE (:Check {id: $id, startedAt: datetime($startedAt), finishedAt: datetime($finishedAt),
  complete: $complete, version: $version, rules: $rules})
`;

const LAST_CHECKS = `
MATCH (c:Check)
WHERE c.startedAt >= datetime($from) AND c.startedAt < datetime($to)
RETURN c {.*} AS check
ORDER BY c.startedAt DESC
LIMIT $limit
`;

const CHECK_TIMES = `
MATCH (c:Check)
WHERE c.startedAt >= datetime($from) AND c.startedAt < datetime($to)
RETURN c.startedAt AS startedAt
ORDER BY c.startedAt DESC
`;

const FINDINGS = `
MATCH (f:Finding)
WHERE f.status IN $statuses AND f.rule IN $rules AND f.key > $after
OPTIONAL MATCH (w:Waiver {key: f.key})
RETURN f {.*} AS finding, w {.who, .why, .until} AS waiver
ORDER BY finding.key
LIMIT $limit
`;

const WAIVE = `
MATCH (f:Finding {key: $key})
MERGE (w:Waiver {key: $key})
SET w.who = $who, w.why = $why, w.until = datetime($until), w.madeAt = datetime($now)
SET f.status = CASE WHEN f.status = 'open' THEN 'waived' ELSE f.status END
RETURN f.status AS status
`;

/** Keeps what a rule found, and settles what it finds no more, where it found all there is. */
export async function keepFindings(
  graph: Graph,
  rule: { readonly id: string; readonly severity: string },
  found: readonly FoundRow[],
  isAll: boolean,
  now: string,
): Promise<{ open: number; waived: number; fresh: string[]; settled: string[] }> {
  return graph.write(async (tx: ManagedTransaction) => {
    const parameters = { found, rule: rule.id, severity: rule.severity, now };
    const [kept] = rows(await tx.run(KEEP_FINDINGS, parameters));
    const [over] = isAll
      ? rows(
          await tx.run(SETTLE_FINDINGS, { rule: rule.id, keys: found.map(({ key }) => key), now }),
        )
      : [{ settled: [] }];
    const { open, waived, fresh } = kept as { open: number; waived: number; fresh: string[] };
    return { open, waived, fresh, settled: (over as { settled: string[] }).settled };
  });
}

export async function keepCheck(graph: Graph, check: CheckRow): Promise<void> {
  const parameters = { ...check, rules: JSON.stringify(check.rules) };
  await graph.write(async (tx) => {
    await tx.run(KEEP_CHECK, parameters);
  });
}

/** The newest first. */
export async function lastChecks(
  graph: Graph,
  limit: number,
  { from, to }: Period = { from: OLDEST.at, to: NOW },
): Promise<readonly CheckRow[]> {
  const found = await graph.ask(LAST_CHECKS, { from, to, limit: BigInt(limit) });
  return found.map((row) => {
    const check = row['check'] as Row;
    return {
      id: check['id'] as string,
      startedAt: timeOf(check['startedAt']),
      finishedAt: timeOf(check['finishedAt']),
      complete: check['complete'] as boolean,
      version: check['version'] as string,
      rules: JSON.parse(check['rules'] as string) as RuleResult[],
    };
  });
}

/** When checks began, the newest first. */
export async function checkTimes(graph: Graph, { from, to }: Period): Promise<readonly string[]> {
  const found = await graph.ask(CHECK_TIMES, { from, to });
  return found.map((row) => timeOf(row['startedAt']));
}

/** Behind a key, in the order of keys. */
export async function findings(
  graph: Graph,
  filter: { readonly statuses: readonly FindingStatus[]; readonly rules: readonly string[] },
  after: string,
  limit: number,
): Promise<readonly FindingRow[]> {
  const found = await graph.ask(FINDINGS, { ...filter, after, limit: BigInt(limit) });
  return found.map((row) => {
    const finding = row['finding'] as Row;
    const waiver = row['waiver'] as Row | null;
    const settledAt = finding['settledAt'] ?? null;
    return {
      key: finding['key'] as string,
      rule: finding['rule'] as string,
      severity: finding['severity'] as string,
      status: finding['status'] as FindingStatus,
      entity: JSON.parse(finding['entity'] as string) as unknown,
      detail: JSON.parse(finding['detail'] as string) as unknown,
      digests: finding['digests'] as string[],
      firstSeenAt: timeOf(finding['firstSeenAt']),
      lastSeenAt: timeOf(finding['lastSeenAt']),
      settledAt: settledAt === null ? null : timeOf(settledAt),
      waiver:
        waiver === null
          ? null
          : {
              who: waiver['who'] as string,
              why: waiver['why'] as string,
              until: timeOf(waiver['until']),
            },
    };
  });
}

/** Null when there is no such finding. A finding that is open becomes waived at once. */
export async function waive(
  graph: Graph,
  key: string,
  waiver: WaiverRow,
  now: string,
): Promise<FindingStatus | null> {
  const [row] = await graph.write(async (tx) => rows(await tx.run(WAIVE, { key, ...waiver, now })));
  return (row?.['status'] ?? null) as FindingStatus | null;
}
