/** What becomes of a finding, which is never deleted. */
export const FINDING_STATUSES = ['open', 'waived', 'settled'] as const;

export type FindingStatus = (typeof FINDING_STATUSES)[number];

/**
 * `unfinished`: the time was up before all was looked at; the next check goes on from there, and nothing
 * is settled before. `off`: not asked, as configured. `not-run`: there was no time for it.
 */
export const OUTCOMES = ['done', 'unfinished', 'off', 'not-run'] as const;

/** What one rule found in one check. */
export interface RuleResult {
  readonly rule: string;
  readonly outcome: (typeof OUTCOMES)[number];
  readonly reason: string | null;
  /** How many there are of what the rule is about. */
  readonly examined: number | null;
  /** How many of those the open findings stand for; at least so many where the rule is `unfinished`. */
  readonly open: number;
  /** How many of those the waived findings stand for. */
  readonly waived: number;
  /** Open findings. */
  readonly findings: number;
  /** Findings that this check opened. */
  readonly new: number;
  /** Findings that this check settled. */
  readonly settled: number;
}

/** One run of the rules. */
export interface CheckRow {
  readonly id: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Every rule that is not off was asked to its end. */
  readonly complete: boolean;
  readonly version: string;
  readonly rules: readonly RuleResult[];
}

/** Who lets a finding rest, why, and until when. */
export interface WaiverRow {
  readonly who: string;
  readonly why: string;
  readonly until: string;
}

/** Keys of findings that opened or settled since somebody was last told of them. */
export interface Untold {
  readonly fresh: readonly string[];
  readonly settled: readonly string[];
}
