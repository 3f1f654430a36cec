import { text, time, type Row } from './rows.ts';

/**
 * A place in a list of inferences, which is ordered by (recordedAt, digest). A digest is ASCII, so its
 * order is the same for parameters and stored values, which that of ids is not (docs/graph.md, G-1).
 */
export interface Place {
  /** RFC 3339, to the nanosecond. */
  readonly at: string;
  readonly digest: string;
}

/** After everything that can be recorded. */
export const NOW = '9999-12-31T23:59:59.999999999Z';

/** Before everything in a list that begins with the newest. */
export const NEWEST: Place = { at: NOW, digest: 'g' };

/** Before everything in a list that begins with the oldest. */
export const OLDEST: Place = { at: '0001-01-01T00:00:00Z', digest: '' };

/** No identity has a text after it: U+10FFFF is the last code point, and 2,048 bytes hold 512 of it. */
export const LAST_TEXT = '\u{10FFFF}'.repeat(513);

/** The earlier of two times as `time` of lib/graph/rows.ts reads them, whose text without its Z has their order. */
export function earlierOf(a: string, b: string): string {
  return isBy(a, b) ? a : b;
}

/** True when `time` is not later than `limit`. */
export function isBy(time: string, limit: string): boolean {
  return time.slice(0, -1) <= limit.slice(0, -1);
}

/** Of an inference's head, in its list's order. */
export function placeOf(node: Row): Place {
  return { at: time(node, 'recordedAt'), digest: text(node, 'digest') };
}
