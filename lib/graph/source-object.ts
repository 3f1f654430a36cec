import { REJECTION_CODES, type Rejection } from '../trust/rejection.ts';
import { count, json, nodes, text, word, type Row } from './rows.ts';

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

/** Reads refused lines, which are kept as JSON. */
export function rejections(object: Row, column: string): Rejection[] {
  return nodes({ [column]: json(object, column) }, column).map((rejection) => ({
    line: count(rejection, 'line'),
    code: word(REJECTION_CODES)(rejection, 'code'),
    detail: text(rejection, 'detail'),
  }));
}
