import type { ManagedTransaction } from 'neo4j-driver';
import type { Period } from './ask/period.ts';
import { rows, type Graph, type Row } from './connection.ts';
import { lockFindings } from './lock.ts';
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

/** What a rule found when it was asked. */
export interface Found {
  /** How many of what the rule is about there are. */
  readonly examined: number;
  readonly found: readonly {
    readonly key: string;
    readonly entity: string;
    readonly detail: string;
    readonly digests: readonly string[];
  }[];
  readonly isAll: boolean;
}

/** What became of it: how many are open and waived now, and keys of what this very check opened and settled. */
interface Kept extends Pick<Found, 'examined' | 'isAll'> {
  readonly open: number;
  readonly waived: number;
  readonly fresh: readonly string[];
  readonly settled: readonly string[];
}

export interface Untold {
  readonly fresh: readonly string[];
  readonly settled: readonly string[];
}

type Told = Pick<FindingRow, 'key' | 'status'>;

/** Of a question for all findings. */
const PAGE = 500;

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

const UNTOLD = `
MATCH (f:Finding)
WHERE f.untold = true AND f.key IS NOT NULL
RETURN f.key AS key, f.status AS status
ORDER BY key
`;

// What has changed since it was told stays untold.
const MARK_TOLD = `
UNWIND $told AS row
MATCH (f:Finding {key: row.key})
WHERE f.status = row.status
SET f.untold = null
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

// Keys hold names: only a seek compares them with a parameter by code points, as in the list of datasets.
const FINDINGS = `
MATCH (f:Finding)
USING INDEX SEEK f:Finding(key)
WHERE f.key > $after AND f.status IN $statuses AND f.rule IN $rules
WITH f
ORDER BY f.key
LIMIT $limit
OPTIONAL MATCH (w:Waiver {key: f.key})
RETURN f {.*} AS finding, w {.who, .why, .until} AS waiver
ORDER BY finding.key
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
 * Keeps what `look` finds of a rule, and settles what it finds no more, where it found all there is.
 * Looking and keeping are one transaction, and checks take turns: what is kept is never older than
 * what was there. {@link OutOfTimeError} when it takes longer than {@link RULE_TIMEOUT_MS}; then nothing is kept.
 */
export async function keepFindings(
  graph: Graph,
  rule: { readonly id: string; readonly severity: string },
  check: { readonly id: string; readonly startedAt: string },
  look: (tx: ManagedTransaction) => Promise<Found>,
): Promise<Kept> {
  return graph.write(async (tx) => {
    await lockFindings(tx);
    const { examined, found, isAll } = await look(tx);
    const on = { rule: rule.id, check: check.id, now: check.startedAt };
    const [kept] = rows(await tx.run(KEEP_FINDINGS, { ...on, found, severity: rule.severity }));
    if (isAll) await tx.run(SETTLE_FINDINGS, { ...on, keys: found.map(({ key }) => key) });
    const [over] = rows(await tx.run(SETTLED_IN, on));
    return { examined, isAll, ...kept, ...over } as Kept;
  }, RULE_TIMEOUT_MS);
}

/** Keeps a check under its id; the same one again changes nothing. */
export async function keepCheck(graph: Graph, check: CheckRow): Promise<void> {
  const parameters = { ...check, rules: JSON.stringify(check.rules) };
  await graph.write(async (tx) => {
    await tx.run(KEEP_CHECK, parameters);
  });
}

/** Keys of findings that opened or settled since somebody was last told of them, whoever checked. */
export async function untold(graph: Graph): Promise<Untold> {
  const found = (await graph.read(async (tx) => rows(await tx.run(UNTOLD)))) as Told[];
  const keysOf = (wanted: FindingStatus): string[] =>
    found.filter(({ status }) => status === wanted).map(({ key }) => key);
  return { fresh: keysOf('open'), settled: keysOf('settled') };
}

/** Notes that somebody was told. Before it, {@link untold} answers the same again. */
export async function markTold(graph: Graph, { fresh, settled }: Untold): Promise<void> {
  const told: readonly Told[] = [
    ...fresh.map((key) => ({ key, status: 'open' }) as const),
    ...settled.map((key) => ({ key, status: 'settled' }) as const),
  ];
  await graph.write(async (tx) => {
    await lockFindings(tx);
    await tx.run(MARK_TOLD, { told });
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

/** All of them, in the order of keys, {@link PAGE} a question. */
export async function* allFindings(
  graph: Graph,
  filter: Parameters<typeof findings>[1],
): AsyncGenerator<FindingRow> {
  for (let after = ''; ;) {
    const page = await findings(graph, filter, after, PAGE);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.key;
  }
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
  return (row?.['status'] ?? null) as FindingStatus | null;
}
