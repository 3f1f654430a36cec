/** What becomes of a finding, which is never deleted. */
export const FINDING_STATUSES = ['open', 'waived', 'settled'] as const;

export type FindingStatus = (typeof FINDING_STATUSES)[number];

/** `off`: not asked, as configured. `not-run`: it took too long; nothing of it was settled. */
export const OUTCOMES = ['done', 'off', 'not-run'] as const;

/** What one rule found in one check. */
export interface RuleResult {
  readonly rule: string;
  readonly outcome: (typeof OUTCOMES)[number];
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
