import type { CheckRow, RuleResult, Untold } from '../graph/finding.ts';
import { foundText, isShort } from './check.ts';
import type { Report } from './report.ts';
import { RULES } from './rules.ts';

/** Of what is new of one rule, those that a message names; the page has all, and no rule's flood hides another's. */
const MAX_NAMED = 10;

/** Of a name; SNS takes 256 KiB a message, and whoever signs a log chooses its names. */
const MAX_KEY = 300;

/** One message for a whole check; null when there is nothing to tell and the check is complete. */
export function digestOf(
  check: CheckRow,
  { fresh, settled }: Untold,
  /** What objects under these say is named first: who can write elsewhere crowds none of it out. */
  prefixes: readonly string[],
): { subject: string; message: string } | null {
  if (fresh.length === 0 && settled.length === 0 && check.complete) return null;
  const short = check.rules.filter(isShort);
  const parts = [`${fresh.length} new`, `${settled.length} settled`];
  if (short.length > 0) parts.push(`${short.length} rules not run to their end`);
  const lines = [
    `Check of ${check.startedAt}: ${parts.join(', ')}.`,
    ...(fresh.length > 0
      ? ['', 'New:', ...named(fresh, prefixes), '', 'What to do:', ...rulesOf(fresh, check)]
      : []),
    ...(settled.length > 0 ? ['', 'Settled:', ...named(settled, prefixes)] : []),
    ...(short.length > 0
      ? ['', 'Not run to their end:', ...short.map((result) => `  ${shortText(result)}`)]
      : []),
  ];
  return { subject: `Custody: ${parts.join(', ')}`, message: `${lines.join('\n')}\n` };
}

function named(keys: readonly string[], prefixes: readonly string[]): readonly string[] {
  // No URI holds such a beginning elsewhere than where it begins: quotes and colons are percent-encoded.
  const begins = prefixes.map((prefix) => `":${JSON.stringify(prefix).slice(0, -1)}`);
  const isExpected = (key: string): boolean => begins.some((begin) => key.includes(begin));
  const inOrder = [...keys.filter(isExpected), ...keys.filter((key) => !isExpected(key))];
  return [...Map.groupBy(inOrder, ruleOf)].flatMap(([rule, of]) => [
    ...of.slice(0, MAX_NAMED).map((key) => `  ${cut(key)}`),
    ...(of.length > MAX_NAMED ? [`  and ${of.length - MAX_NAMED} more of ${rule}`] : []),
  ]);
}

/** The rules that these are of, each with what the check has found. */
function rulesOf(keys: readonly string[], check: CheckRow): readonly string[] {
  const ids = new Set(keys.map(ruleOf));
  return RULES.filter(({ id }) => ids.has(id)).map(({ id, title, settle, of }) => {
    const result = check.rules.find(({ rule }) => rule === id);
    const found = result === undefined ? '' : ` (${foundText(result, of)})`;
    return `  ${id}${found}: ${title}. ${settle}`;
  });
}

function shortText(result: RuleResult): string {
  const of = RULES.find(({ id }) => id === result.rule)?.of ?? '';
  const reason = result.outcome === 'unfinished' ? `; ${result.reason ?? ''}` : '';
  return `${result.rule}: ${foundText(result, of)}${reason}`;
}

function ruleOf(key: string): string {
  return key.slice(0, key.indexOf(':'));
}

/** The message that a report lies at a place. */
export function reportDigest(
  { scope: { from, to }, completeness, findings, checks, objects }: Report,
  place: string,
): { subject: string; message: string } {
  const open = findings.items.filter(({ status }) => status === 'open').length;
  const lines = [
    `Report of ${from} to ${to}: ${place}`,
    '',
    `Logs: ${objects.total}. Checks: ${checks.total}. Findings: ${findings.total}, of which open: ${open}.`,
    ...completeness.incomplete.map(({ reason, detail }) => `Not complete: ${reason}: ${detail}.`),
    '',
    'To check it: fetch the folder, then custody verify-report FOLDER --key kms:KEY_ARN',
  ];
  return {
    subject: `Custody: report of ${from.slice(0, 10)} to ${to.slice(0, 10)}`,
    message: `${lines.join('\n')}\n`,
  };
}

function cut(key: string): string {
  return key.length <= MAX_KEY ? key : `${key.slice(0, MAX_KEY).toWellFormed()}…`;
}
