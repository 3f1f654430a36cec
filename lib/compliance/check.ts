import { randomUUID } from 'node:crypto';
import { OutOfTimeError } from '../errors.ts';
import type { Graph } from '../graph/connection.ts';
import type { CheckRow, RuleResult } from '../graph/finding.ts';
import { keepCheck, keepFindings } from '../graph/write/findings.ts';
import { VERSION } from '../version.ts';
import { RULES, type Rule, type RuleSettings } from './rules.ts';

/** A check, and what changed with it. */
export interface Checked {
  readonly check: CheckRow;
  /** Keys of findings that were not open before. */
  readonly fresh: readonly string[];
  readonly settled: readonly string[];
}

/**
 * Asks every rule, keeps what it finds with its history, and notes what was looked at. A rule that
 * the time does not suffice for is `not-run`, and the check then says that it is not complete.
 */
export async function check(
  graph: Graph,
  settings: RuleSettings,
  options: {
    readonly now?: Date;
    /** Only these; all when absent. */
    readonly rules?: readonly string[];
    readonly isTimeUp?: () => boolean;
  } = {},
): Promise<Checked> {
  const id = randomUUID();
  const startedAt = (options.now ?? new Date()).toISOString();
  const begun = performance.now();
  const results: RuleResult[] = [];
  const fresh: string[] = [];
  const settled: string[] = [];
  for (const rule of RULES) {
    if (options.rules !== undefined && !options.rules.includes(rule.id)) continue;
    const off = settings.off.includes(rule.id)
      ? 'switched off'
      : (rule.offWhen?.(settings) ?? null);
    if (off !== null) results.push(unasked(rule, 'off', off));
    else if (options.isTimeUp?.() === true)
      results.push(unasked(rule, 'not-run', 'the time for the check was up'));
    else {
      const asked = await ask(graph, rule, settings, { id, startedAt });
      results.push(asked.result);
      fresh.push(...asked.fresh);
      settled.push(...asked.settled);
    }
  }
  const done: CheckRow = {
    id,
    startedAt,
    finishedAt: new Date(Date.parse(startedAt) + (performance.now() - begun)).toISOString(),
    complete: results.every(({ outcome, isCut }) => outcome !== 'not-run' && !isCut),
    version: VERSION,
    rules: results,
  };
  await keepCheck(graph, done);
  return { check: done, fresh, settled };
}

/** Over all rules of a check. */
export function sumOf(
  { rules }: Pick<CheckRow, 'rules'>,
  member: 'open' | 'new' | 'settled',
): number {
  return rules.reduce((sum, result) => sum + result[member], 0);
}

async function ask(
  graph: Graph,
  rule: Rule,
  settings: RuleSettings,
  check: { readonly id: string; readonly startedAt: string },
): Promise<{ result: RuleResult; fresh: readonly string[]; settled: readonly string[] }> {
  const parameters = {
    datasetGraceDays: BigInt(settings.datasetGraceDays),
    futureToleranceHours: BigInt(settings.futureToleranceHours),
    unfinishedHours: BigInt(settings.unfinishedHours),
    silenceHours: BigInt(settings.silenceHours),
    prefixes: settings.prefixes,
  };
  try {
    const kept = await keepFindings(graph, rule, check, parameters);
    const { examined, isCut, open, waived, fresh, settled } = kept;
    const counts = { open, waived, new: fresh.length, settled: settled.length };
    const result = {
      rule: rule.id,
      outcome: 'done',
      reason: null,
      examined,
      ...counts,
      isCut,
    } as const;
    return { result, fresh, settled };
  } catch (error) {
    if (!(error instanceof OutOfTimeError)) throw error;
    return { result: unasked(rule, 'not-run', 'it took too long'), fresh: [], settled: [] };
  }
}

function unasked({ id }: Rule, outcome: 'off' | 'not-run', reason: string): RuleResult {
  const none = { open: 0, waived: 0, new: 0, settled: 0 };
  return { rule: id, outcome, reason, examined: null, ...none, isCut: false };
}
