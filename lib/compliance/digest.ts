import type { CheckRow, Untold } from '../graph/finding.ts';
import type { Report } from './report.ts';
import { RULES } from './rules.ts';

/** Of the findings that are new, those that a message names; the page has all. */
const MAX_NAMED = 50;

/** Of a name; SNS takes 256 KiB a message, and whoever signs a log chooses its names. */
const MAX_KEY = 300;

/** One message for a whole check; null when there is nothing to tell and the check is complete. */
export function digestOf(
  check: CheckRow,
  { fresh, settled }: Untold,
): { subject: string; message: string } | null {
  if (fresh.length === 0 && settled.length === 0 && check.complete) return null;
  const notRun = check.rules.filter(({ outcome }) => outcome === 'not-run');
  const parts = [`${fresh.length} new`, `${settled.length} settled`];
  if (notRun.length > 0) parts.push(`${notRun.length} rules not run`);
  const named = (keys: readonly string[]): string[] => [
    ...keys.slice(0, MAX_NAMED).map((key) => `  ${short(key)}`),
    ...(keys.length > MAX_NAMED ? [`  and ${keys.length - MAX_NAMED} more`] : []),
  ];
  const rulesOf = (keys: readonly string[]): readonly string[] =>
    RULES.filter(({ id }) => keys.some((key) => key.startsWith(`${id}:`))).map(
      ({ id, title, settle }) => `  ${id}: ${title}. ${settle}`,
    );
  const lines = [
    `Check of ${check.startedAt}: ${parts.join(', ')}.`,
    ...(fresh.length > 0
      ? ['', 'New:', ...named(fresh), '', 'What to do:', ...rulesOf(fresh)]
      : []),
    ...(settled.length > 0 ? ['', 'Settled:', ...named(settled)] : []),
    ...(notRun.length > 0
      ? ['', 'Not run:', ...notRun.map(({ rule, reason }) => `  ${rule}: ${reason ?? ''}`)]
      : []),
  ];
  return { subject: `Custody: ${parts.join(', ')}`, message: `${lines.join('\n')}\n` };
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

function short(key: string): string {
  return key.length <= MAX_KEY ? key : `${key.slice(0, MAX_KEY).toWellFormed()}…`;
}
