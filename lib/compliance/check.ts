import { randomUUID } from 'node:crypto';
import type { Graph } from '../graph/connection.ts';
import type { CheckRow, RuleResult } from '../graph/finding.ts';
import { keepCheck } from '../graph/write/findings.ts';
import { keepFindings, leastRecentlyAsked } from '../graph/write/rule-pass.ts';
import type { Compromise } from '../trust/key-policy.ts';
import { VERSION } from '../version.ts';
import { RULES, type Rule, type RuleSettings } from './rules.ts';

/** A check, and what changed with it. */
export interface Checked {
  readonly check: CheckRow;
  /** Keys of findings that were not open before. */
  readonly fresh: readonly string[];
  readonly settled: readonly string[];
}

/** How a check is made; all of it may be left out. */
export interface CheckOptions {
  readonly now?: Date;
  /** Keys that others may have had. */
  readonly compromised?: readonly Compromise[];
  /** Only these; all when absent. */
  readonly rules?: readonly string[];
  readonly isTimeUp?: () => boolean;
}

/**
 * Asks every rule to its end, keeps what it finds with its history, and notes what was looked at. A rule
 * that the time does not suffice for is `unfinished` or `not-run`; the check then says that it is not
 * complete, and the next one goes on from there.
 */
export async function check(
  graph: Graph,
  settings: RuleSettings,
  options: CheckOptions = {},
): Promise<Checked> {
  const id = randomUUID();
  const startedAt = (options.now ?? new Date()).toISOString();
  const begun = performance.now();
  const rules = RULES.filter((rule) => options.rules?.includes(rule.id) ?? true);
  const asked = new Map<string, Asked>();
  for (const name of await leastRecentlyAsked(
    graph,
    rules.map((rule) => rule.id),
  )) {
    const rule = rules.find((of) => of.id === name);
    if (rule === undefined) continue;
    const off = settings.off.includes(rule.id)
      ? 'switched off'
      : (rule.offWhen?.(settings) ?? null);
    if (off !== null) asked.set(rule.id, unasked(rule, 'off', off));
    else if (options.isTimeUp?.() === true)
      asked.set(rule.id, unasked(rule, 'not-run', 'the time for the check was up'));
    else asked.set(rule.id, await ask(graph, rule, settings, { id, startedAt }, options));
  }
  const all = rules.flatMap((rule) => asked.get(rule.id) ?? []);
  const done: CheckRow = {
    id,
    startedAt,
    finishedAt: new Date(Date.parse(startedAt) + (performance.now() - begun)).toISOString(),
    complete: all.every(({ result }) => !isShort(result)),
    version: VERSION,
    rules: all.map(({ result }) => result),
  };
  await keepCheck(graph, done);
  return {
    check: done,
    fresh: all.flatMap(({ fresh }) => fresh),
    settled: all.flatMap(({ settled }) => settled),
  };
}

/** True of a rule that was not asked to its end, though it is not off. */
export function isShort({ outcome }: Pick<RuleResult, 'outcome'>): boolean {
  return outcome === 'unfinished' || outcome === 'not-run';
}

/** Findings, over all rules of a check; what they stand for has a unit of its own in each rule. */
export function sumOf(
  { rules }: Pick<CheckRow, 'rules'>,
  member: 'findings' | 'new' | 'settled',
): number {
  return rules.reduce((sum, result) => sum + result[member], 0);
}

/** What a rule has found, never without what it was counted among, nor as if it were all where it may not be. */
export function foundText(
  { outcome, reason, open, examined, waived }: Omit<RuleResult, 'rule' | 'new' | 'settled'>,
  of: string,
): string {
  if (outcome === 'off') return `not asked: ${reason ?? 'as configured'}`;
  if (outcome === 'not-run' || examined === null) return `not run: ${reason ?? 'no time'}`;
  const least = outcome === 'unfinished' ? 'at least ' : '';
  const rest = waived === 0 ? '' : `, ${least}${waived} waived`;
  return `${least}${open} of ${examined} ${of}${rest}`;
}

interface Asked {
  readonly result: RuleResult;
  readonly fresh: readonly string[];
  readonly settled: readonly string[];
}

async function ask(
  graph: Graph,
  rule: Rule,
  settings: RuleSettings,
  check: { readonly id: string; readonly startedAt: string },
  { compromised = [], isTimeUp }: CheckOptions,
): Promise<Asked> {
  const parameters = {
    datasetGraceDays: BigInt(settings.datasetGraceDays),
    futureToleranceHours: BigInt(settings.futureToleranceHours),
    unfinishedHours: BigInt(settings.unfinishedHours),
    silenceHours: BigInt(settings.silenceHours),
    // The longest that a name begins with comes first.
    prefixes: settings.prefixes.toSorted((a, b) => b.length - a.length),
    compromised,
  };
  const { isOver, told } = await keepFindings(graph, rule, check, parameters, isTimeUp);
  if (told === null) return unasked(rule, 'not-run', 'it took too long');
  const { examined, open, waived, findings, fresh, settled } = told;
  const result: RuleResult = {
    rule: rule.id,
    outcome: isOver ? 'done' : 'unfinished',
    reason: isOver ? null : 'it takes longer than there was time; the next check goes on',
    examined,
    open,
    waived,
    findings,
    new: fresh.length,
    settled: settled.length,
  };
  return { result, fresh, settled };
}

function unasked({ id }: Rule, outcome: 'off' | 'not-run', reason: string): Asked {
  const none = { open: 0, waived: 0, findings: 0, new: 0, settled: 0 };
  return {
    result: { rule: id, outcome, reason, examined: null, ...none },
    fresh: [],
    settled: [],
  };
}
