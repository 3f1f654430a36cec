import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import {
  FINDING_STATUSES,
  OUTCOMES,
  type CheckRow,
  type FindingStatus,
  type RuleResult,
  type Untold,
  type WaiverRow,
} from '../finding.ts';
import { NOW, OLDEST } from '../place.ts';
import {
  count,
  flag,
  json,
  maybe,
  node,
  nodes,
  rows,
  text,
  texts,
  time,
  word,
  type Row,
} from '../rows.ts';
import type { Period } from './period.ts';

/** A finding with its history. */
export interface FindingRow {
  readonly key: string;
  readonly rule: string;
  readonly severity: string;
  readonly status: FindingStatus;
  readonly entity: unknown;
  readonly detail: unknown;
  /** How many of what its rule examines it stands for. */
  readonly counts: number;
  /** Of records of datasets and models that it rests on, at most ten. */
  readonly digests: readonly string[];
  /** Ids of inferences that it rests on: one of those that it stands for. */
  readonly inferences: readonly string[];
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly settledAt: string | null;
  readonly waiver: WaiverRow | null;
}

/** Of a question for all findings. */
const PAGE = 500;

const UNTOLD = `
MATCH (f:Finding)
WHERE f.untold = true AND f.key IS NOT NULL
RETURN f.key AS key, f.status AS status
ORDER BY key
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

/** Keys of findings that opened or settled since somebody was last told of them, whoever checked. */
export async function untold(graph: Graph): Promise<Untold> {
  const found = await graph[database].read(async (tx) => rows(await tx.run(UNTOLD)));
  const keysOf = (wanted: FindingStatus): string[] =>
    found.filter((row) => findingStatus(row, 'status') === wanted).map((row) => text(row, 'key'));
  return { fresh: keysOf('open'), settled: keysOf('settled') };
}

/** The newest first. */
export async function lastChecks(
  graph: Graph,
  limit: number,
  { from, to }: Period = { from: OLDEST.at, to: NOW },
): Promise<readonly CheckRow[]> {
  const found = await graph[database].ask(LAST_CHECKS, { from, to, limit: BigInt(limit) });
  return found.map((row) => {
    const check = node(row, 'check');
    return {
      id: text(check, 'id'),
      startedAt: time(check, 'startedAt'),
      finishedAt: time(check, 'finishedAt'),
      complete: flag(check, 'complete'),
      version: text(check, 'version'),
      rules: nodes({ rules: json(check, 'rules') }, 'rules').map(ruleResult),
    };
  });
}

/** When checks began, the newest first. */
export async function checkTimes(graph: Graph, { from, to }: Period): Promise<readonly string[]> {
  const found = await graph[database].ask(CHECK_TIMES, { from, to });
  return found.map((row) => time(row, 'startedAt'));
}

/** Behind a key, in the order of keys. */
export async function findings(
  graph: Graph,
  filter: { readonly statuses: readonly FindingStatus[]; readonly rules: readonly string[] },
  after: string,
  limit: number,
): Promise<readonly FindingRow[]> {
  const found = await graph[database].ask(FINDINGS, { ...filter, after, limit: BigInt(limit) });
  return found.map((row) => {
    const finding = node(row, 'finding');
    return {
      key: text(finding, 'key'),
      rule: text(finding, 'rule'),
      severity: text(finding, 'severity'),
      status: findingStatus(finding, 'status'),
      entity: json(finding, 'entity'),
      detail: json(finding, 'detail'),
      counts: count(finding, 'counts'),
      digests: texts(finding, 'digests'),
      inferences: texts(finding, 'inferences'),
      firstSeenAt: time(finding, 'firstSeenAt'),
      lastSeenAt: time(finding, 'lastSeenAt'),
      settledAt: maybe(time, finding, 'settledAt'),
      waiver: maybe(waiver, row, 'waiver'),
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

const findingStatus = word(FINDING_STATUSES);

function waiver(row: Row, column: string): WaiverRow {
  const kept = node(row, column);
  return { who: text(kept, 'who'), why: text(kept, 'why'), until: time(kept, 'until') };
}

function ruleResult(kept: Row): RuleResult {
  return {
    rule: text(kept, 'rule'),
    outcome: word(OUTCOMES)(kept, 'outcome'),
    reason: maybe(text, kept, 'reason'),
    examined: maybe(count, kept, 'examined'),
    open: count(kept, 'open'),
    waived: count(kept, 'waived'),
    findings: count(kept, 'findings'),
    new: count(kept, 'new'),
    settled: count(kept, 'settled'),
  };
}
