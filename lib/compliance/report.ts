import type { FoundEnvelope, ReadEnvelope } from '../evidence.ts';
import { readHead, readRecord } from '../graph/ask/evidence.ts';
import { allFindings, checkTimes, lastChecks, type FindingRow } from '../graph/ask/findings.ts';
import { newestObjects, unfinishedWriting, type ObjectRow } from '../graph/ask/objects.ts';
import {
  arrivedIn,
  recordedIn,
  resolutions,
  signedBy,
  totals,
  type Arrived,
  type Counts,
  type Period,
  type Signed,
  type Totals,
} from '../graph/ask/period.ts';
import type { Graph } from '../graph/connection.ts';
import type { CheckRow, RuleResult } from '../graph/finding.ts';
import { isBy } from '../graph/place.ts';
import { SCHEMA_VERSION } from '../graph/schema.ts';
import type { Signing } from '../graph/signing.ts';
import { parseCheckpoint } from '../tlog/checkpoint.ts';
import { parseNote } from '../tlog/note.ts';
import { NO_TLOG, type TlogReader } from '../tlog/store.ts';
import type { VerifyingKey } from '../trust/keys.ts';
import { VERSION } from '../version.ts';
import { sumOf } from './check.ts';
import { CROSSWALK, SOURCES, type Crossing, type Source } from './crosswalk.ts';
import { RULES, type Rule, type RuleSettings } from './rules.ts';

/** Raised when a member of a report changes its meaning or goes. */
export const REPORT_FORMAT = 'custody:report/1';

/** What is listed one by one; the counts beside it are of all. */
export interface ReportLimits {
  readonly objects: number;
  readonly findings: number;
  readonly checks: number;
  /** Each is read from its object again, which takes a request to S3. */
  readonly envelopes: number;
}

const LIMITS: ReportLimits = {
  objects: 20_000,
  findings: 20_000,
  checks: 2_000,
  envelopes: 1_000,
};

/** Of one question. */
const PAGE = 500;

/** Why a report is not the whole of what there is to report. */
export interface Lacking {
  readonly reason:
    'OBJECT_IN_PROGRESS' | 'NO_CHECK' | 'CHECK_INCOMPLETE' | 'NOT_ALL_LISTED' | 'EVIDENCE_UNREAD';
  readonly detail: string;
}

/** A rule, and what the last check of the period made of it. */
export type ReportedRule = Pick<Rule, 'id' | 'title' | 'why' | 'severity' | 'of' | 'settle'> &
  Omit<RuleResult, 'rule' | 'new' | 'settled'>;

/** Where a key signed a record that a finding rests on, and what stood there when the report was made. */
export interface ReportedEvidence extends Signing {
  readonly digest: string;
  /** `unread`: there are more than are read again for one report, or the time was up. */
  readonly status: FoundEnvelope['status'] | 'unread';
}

export interface ReportedFinding extends Omit<FindingRow, 'digests' | 'inferences'> {
  readonly evidence: readonly ReportedEvidence[];
}

/** A check without what each rule found. */
export interface ReportedCheck extends Omit<CheckRow, 'rules'> {
  /** Open ones. */
  readonly findings: number;
  readonly new: number;
  readonly settled: number;
}

/** A checkpoint by what its text says; whoever wants its signatures reads it. */
export interface ReportedCheckpoint {
  readonly origin: string;
  readonly size: number;
  /** Base64. */
  readonly root: string;
}

/** What `report.json` says. Times are RFC 3339 in UTC; a period does not include its end. */
export interface Report {
  readonly format: typeof REPORT_FORMAT;
  readonly scope: Period & {
    /** Counts of the whole graph, findings and evidence are as of then. */
    readonly madeAt: string;
    readonly software: { readonly name: 'custody'; readonly version: string };
    readonly schemaVersion: number;
    /** The tlog's newest, as it stood there; null where there is none. */
    readonly checkpoint: ReportedCheckpoint | null;
    readonly settings: RuleSettings;
  };
  readonly completeness: { readonly complete: boolean; readonly incomplete: readonly Lacking[] };
  readonly counts: {
    /** By the records' own times. */
    readonly inPeriod: Counts;
    readonly inGraph: Totals;
    readonly links: Awaited<ReturnType<typeof resolutions>>;
  };
  readonly objects: {
    readonly byStatus: readonly Arrived[];
    readonly total: number;
    /** The newest first. */
    readonly items: readonly Omit<ObjectRow, 'rejections'>[];
  };
  /** Those that signatures were verified with when the report was made. */
  readonly keys: {
    readonly inForce: readonly (Signed & { readonly bits: number; readonly pem: string })[];
    /** Signed with none of those. */
    readonly others: { readonly records: number; readonly inferences: number };
  };
  readonly rules: readonly ReportedRule[];
  /** Open at the end, or settled in the period. */
  readonly findings: { readonly total: number; readonly items: readonly ReportedFinding[] };
  readonly checks: {
    readonly total: number;
    readonly longestWithoutHours: number;
    /** The newest first. */
    readonly items: readonly ReportedCheck[];
  };
  readonly crosswalk: {
    readonly says: string;
    readonly sources: readonly Source[];
    readonly items: readonly Crossing[];
  };
}

export interface ReportOptions {
  readonly period: Period;
  readonly settings: RuleSettings;
  readonly keys: readonly VerifyingKey[];
  readonly readEnvelope: ReadEnvelope;
  readonly tlog?: TlogReader;
  readonly now?: Date;
  readonly isTimeUp?: () => boolean;
  readonly limits?: ReportLimits;
}

/** Looks, and changes nothing. Rejects when the database or the store of the logs fails. */
export async function makeReport(graph: Graph, options: ReportOptions): Promise<Report> {
  const { period, settings, keys, now = new Date(), limits = LIMITS } = options;
  const inGraph = await totals(graph);
  const checks = await lastChecks(graph, limits.checks, period);
  const times = await checkTimes(graph, period);
  const byStatus = await arrivedIn(graph, period);
  const total = byStatus.reduce((sum, { objects }) => sum + objects, 0);
  const objects = await objectsIn(graph, period, limits.objects);
  const found = await findingsIn(graph, period);
  const listed = found.slice(0, limits.findings);
  const { items: findingItems, unread } = await withEvidence(graph, listed, options);
  const { count: beingWritten } = await unfinishedWriting(graph);
  const incomplete = lacking({
    beingWritten,
    checks,
    cut: [
      { what: 'objects', listed: objects.length, total },
      { what: 'findings', listed: listed.length, total: found.length },
      { what: 'checks', listed: checks.length, total: times.length },
    ],
    unread,
  });
  return {
    format: REPORT_FORMAT,
    scope: {
      ...period,
      madeAt: now.toISOString(),
      software: { name: 'custody', version: VERSION },
      schemaVersion: SCHEMA_VERSION,
      checkpoint: await checkpointOf(options.tlog ?? NO_TLOG),
      settings,
    },
    completeness: { complete: incomplete.length === 0, incomplete },
    counts: {
      inPeriod: await recordedIn(graph, period),
      inGraph,
      links: await resolutions(graph),
    },
    objects: { byStatus, total, items: objects },
    keys: await keysOf(graph, keys),
    rules: RULES.map((rule) => reportedRule(rule, checks[0])),
    findings: { total: found.length, items: findingItems },
    checks: {
      total: times.length,
      longestWithoutHours: longestWithout(times, period),
      items: checks.map(reportedCheck),
    },
    crosswalk: {
      says: 'Evidence that records were kept and looked at, for those who judge; not a statement that anybody or anything conforms to a law or a standard.',
      sources: SOURCES,
      items: CROSSWALK,
    },
  };
}

async function checkpointOf(tlog: TlogReader): Promise<ReportedCheckpoint | null> {
  const kept = await tlog.checkpoint();
  const note = kept === null ? null : parseNote(kept.bytes);
  const checkpoint = note === null || 'problem' in note ? null : parseCheckpoint(note.text);
  if (checkpoint === null) return null;
  const { origin, size, root } = checkpoint;
  return { origin, size, root: root.toString('base64') };
}

async function objectsIn(
  graph: Graph,
  { from, to }: Period,
  most: number,
): Promise<readonly Omit<ObjectRow, 'rejections'>[]> {
  const items: Omit<ObjectRow, 'rejections'>[] = [];
  for (let after = { firstSeenAt: to, uri: '' }; ;) {
    const page = await newestObjects(graph, PAGE, after);
    for (const { rejections: _, ...object } of page) {
      if (isBefore(object.firstSeenAt, from) || items.length === most) return items;
      items.push(object);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return items;
    after = last;
  }
}

async function findingsIn(graph: Graph, { from, to }: Period): Promise<readonly FindingRow[]> {
  const all: FindingRow[] = [];
  const every = {
    statuses: ['open', 'waived', 'settled'] as const,
    rules: RULES.map(({ id }) => id),
  };
  for await (const finding of allFindings(graph, every)) {
    const { firstSeenAt, settledAt } = finding;
    if (isBefore(firstSeenAt, to) && (settledAt === null || !isBefore(settledAt, from)))
      all.push(finding);
  }
  return all;
}

async function withEvidence(
  graph: Graph,
  found: readonly FindingRow[],
  { readEnvelope, isTimeUp = () => false, limits = LIMITS }: ReportOptions,
): Promise<{ items: readonly ReportedFinding[]; unread: number }> {
  const items: ReportedFinding[] = [];
  let unread = 0;
  let left = limits.envelopes;
  for (const { digests, inferences, ...finding } of found) {
    const evidence: ReportedEvidence[] = [];
    const records = [
      ...digests.map((digest) => () => readRecord(graph, digest)),
      ...inferences.map((id) => () => readHead(graph, id)),
    ];
    for (const read of records) {
      const record = await read();
      // The graph forgets no record; where one is not found all the same, the report is not complete.
      if (record === null) {
        unread += 1;
        continue;
      }
      const { digest } = record;
      for (const { version, ...signing } of record.signings) {
        const mayRead = left > 0 && !isTimeUp();
        if (mayRead) left -= 1;
        else unread += 1;
        const status = mayRead
          ? (await readEnvelope(digest, { ...signing, version })).status
          : 'unread';
        evidence.push({ digest, ...signing, status });
      }
    }
    items.push({ ...finding, evidence });
  }
  return { items, unread };
}

async function keysOf(graph: Graph, keys: readonly VerifyingKey[]): Promise<Report['keys']> {
  const signed = await signedBy(
    graph,
    keys.map(({ kid }) => kid),
  );
  return {
    inForce: keys.map(({ kid, bits, pem }) => {
      const own = signed.keys.find((key) => key.kid === kid) ?? { records: 0, inferences: 0 };
      return { kid, bits, pem, records: own.records, inferences: own.inferences };
    }),
    others: signed.others,
  };
}

function reportedRule(rule: Rule, last: CheckRow | undefined): ReportedRule {
  const { id, title, why, severity, of, settle } = rule;
  const asked = last?.rules.find((result) => result.rule === id);
  const { outcome, reason, examined, open, waived, findings } = asked ?? UNASKED;
  const result = { outcome, reason, examined, open, waived, findings };
  return { id, title, why, severity, of, settle, ...result };
}

const UNASKED: Omit<RuleResult, 'rule' | 'new' | 'settled'> = {
  outcome: 'not-run',
  reason: 'no check of the period asked it',
  examined: null,
  open: 0,
  waived: 0,
  findings: 0,
};

function reportedCheck(of: CheckRow): ReportedCheck {
  const { rules: _, ...check } = of;
  return {
    ...check,
    findings: sumOf(of, 'findings'),
    new: sumOf(of, 'new'),
    settled: sumOf(of, 'settled'),
  };
}

/** From one check to the next, and from the ends of the period, to a tenth of an hour. */
function longestWithout(checked: readonly string[], { from, to }: Period): number {
  const times = [to, ...checked, from].map((at) => Date.parse(at));
  const longest = times.reduce(
    (most, at, index) => Math.max(most, (times[index - 1] ?? at) - at),
    0,
  );
  return Math.round(longest / 360_000) / 10;
}

function lacking({
  beingWritten,
  checks,
  cut,
  unread,
}: {
  readonly beingWritten: number;
  readonly checks: readonly CheckRow[];
  readonly cut: readonly {
    readonly what: string;
    readonly listed: number;
    readonly total: number;
  }[];
  readonly unread: number;
}): readonly Lacking[] {
  const incomplete: Lacking[] = [];
  const [last] = checks;
  if (beingWritten > 0)
    incomplete.push({
      reason: 'OBJECT_IN_PROGRESS',
      detail: `logs that are being written, whose records are counted in part: ${beingWritten}`,
    });
  if (last === undefined)
    incomplete.push({ reason: 'NO_CHECK', detail: 'no compliance check ran in the period' });
  else if (!last.complete)
    incomplete.push({
      reason: 'CHECK_INCOMPLETE',
      detail: `the last check, of ${last.startedAt}, did not ask all rules to their end`,
    });
  for (const { what, listed, total } of cut)
    if (listed < total)
      incomplete.push({
        reason: 'NOT_ALL_LISTED',
        detail: `${what} listed: ${listed} of ${total}`,
      });
  if (unread > 0)
    incomplete.push({
      reason: 'EVIDENCE_UNREAD',
      detail: `envelopes that were not read again: ${unread}`,
    });
  return incomplete;
}

function isBefore(a: string, b: string): boolean {
  return !isBy(b, a);
}
