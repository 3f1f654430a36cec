import type { ObjectAnswer } from '../lib/http/answers/object.ts';
import { counted } from './text.ts';

/** Of the newest files those that have just come, or of which something else has become. */
export function arrivals(
  before: readonly ObjectAnswer[],
  now: readonly ObjectAnswer[],
): ObjectAnswer[] {
  const known = new Map(before.map((file) => [file.object, outcomeText(file)]));
  const newest = Math.max(...before.map(({ firstSeenAt }) => Date.parse(firstSeenAt)));
  return now.filter((file) => {
    const outcome = known.get(file.object);
    return outcome === undefined
      ? Date.parse(file.firstSeenAt) >= newest
      : outcome !== outcomeText(file);
  });
}

/** `rejected, 2 lines refused` */
export function outcomeText(file: ObjectAnswer): string {
  const { status, rejectedTotal } = file;
  return rejectedTotal === 0 ? status : `${status}, ${refusedText(file)}`;
}

/** `2 lines refused`, `at least 1,000 lines refused` */
export function refusedText({ rejectedTotal, rejectedAtLeast }: ObjectAnswer): string {
  return `${rejectedAtLeast ? 'at least ' : ''}${counted(rejectedTotal, 'line')} refused`;
}
