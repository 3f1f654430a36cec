import { ConfigError } from '../errors.ts';
import type { Period } from '../graph/ask/period.ts';
import { membersOf } from '../members.ts';
import { parseTimestamp } from '../trust/timestamp.ts';

/**
 * The period of two texts, each a day (its midnight, UTC) or a time of RFC 3339, to the second; its end
 * is `now` where none is given. A period that is not over is refused: its report would look whole.
 */
export function periodOf(
  from: string,
  to: string | undefined,
  now: Date,
): Period | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const start = instantOf(from);
  const end = to === undefined ? now.toISOString() : instantOf(to);
  const form = 'a day, as 2026-10-01, or a time of RFC 3339, as 2026-10-01T00:00:00Z';
  if (start === null) problems.push(`from is ${form}`);
  if (end === null) problems.push(`to is ${form}`);
  if (end !== null && Date.parse(end) > now.getTime())
    problems.push('to lies in the future: what will come by then is not known');
  if (start !== null && end !== null && start >= end) problems.push('from has to be before to');
  return problems.length > 0 || start === null || end === null
    ? { problems }
    : { from: start, to: end };
}

/** The `from` and `to` of an event, or last month where it has none; `ConfigError` where they are no period. */
export function periodOfEvent(event: unknown, now: Date): Period {
  const { from, to } = membersOf(event);
  if (from === undefined && to === undefined) return lastMonth(now);
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const period = periodOf(text(from), to === undefined ? undefined : text(to), now);
  if ('problems' in period) throw new ConfigError('PERIOD_INVALID', period.problems);
  return period;
}

/** The calendar month, in UTC, before the one that `now` is in. */
function lastMonth(now: Date): Period {
  const first = (monthsBack: number): string =>
    secondOf(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - monthsBack, 1));
  return { from: first(1), to: first(0) };
}

function instantOf(text: string): string | null {
  const instant = parseTimestamp(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  return instant === null ? null : secondOf(instant.epochSeconds * 1000);
}

function secondOf(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
