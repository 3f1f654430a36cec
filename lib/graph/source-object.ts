import type { Rejection } from '../trust/rejection.ts';

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

/** So many refusals and no line more is judged of an object that is rejected whatever follows. */
export const MAX_REFUSALS = 1_000;

/** True where more lines of an object may be refused than were counted: the others were not judged. */
export function isLeast({
  status,
  lines,
  rejected,
}: Pick<LineCounts, 'status' | 'lines' | 'rejected'>): boolean {
  return status === 'rejected' && rejected >= MAX_REFUSALS && rejected < lines;
}

/** The same in Cypher, of the object `o`. */
export const IS_LEAST = `(o.status = 'rejected' AND o.rejected >= ${MAX_REFUSALS} AND o.rejected < o.lines)`;

/** A refused line as it was kept: another release may have had reasons that this one does not know. */
export type KeptRejection = Omit<Rejection, 'code'> & { readonly code: string };
