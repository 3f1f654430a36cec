/** What becomes of an object; `verifying`, then `writing`, until the last of its lines is in the graph. */
export const OBJECT_STATUSES = [
  'accepted',
  'partial',
  'rejected',
  'empty',
  'abandoned',
  'verifying',
  'writing',
] as const;

export type ObjectStatus = (typeof OBJECT_STATUSES)[number];

/** Lines of an object by what became of them, as far as it is known. */
interface LineCounts {
  readonly status: ObjectStatus;
  readonly lines: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly rejected: number;
}

/**
 * Lines that were not refused and are not in the graph all the same, once the object has ended: of a
 * rejected one all, of an abandoned one the rest.
 */
export function withheldOf({ status, lines, accepted, duplicate, rejected }: LineCounts): number {
  const isHeldBack = status === 'rejected' || status === 'abandoned';
  return isHeldBack ? lines - accepted - duplicate - rejected : 0;
}
