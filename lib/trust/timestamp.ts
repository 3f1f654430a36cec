/** A point in time, to the nanosecond, UTC. */
export interface Instant {
  /** Whole seconds since 1970-01-01T00:00:00Z, negative before it. */
  readonly epochSeconds: number;
  /** 0 to 999,999,999, always counted forward. */
  readonly nanoseconds: number;
}

const GRAMMAR =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))?$/;

const MAX_OFFSET_SECONDS = 18 * 3_600;
// 0001-01-01T00:00:00Z and the second after 9999-12-31T23:59:59Z.
const FIRST = -62_135_596_800;
const PAST_LAST = 253_402_300_800;

/** The instant that a record's `timestamp` names, or null when it is none (docs/envelope.md, E-16). */
export function parseTimestamp(text: string): Instant | null {
  const match = GRAMMAR.exec(text);
  if (match === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map(Number);
  if (hour > 23 || minute > 59 || second > 59) return null;
  const date = new Date(0);
  // Date.UTC takes the years 0–99 for 1900–1999; setUTCFullYear does not.
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  date.setUTCHours(hour, minute, second);
  const offsetMinutes = Number(match[10] ?? 0);
  const offset = Number(match[9] ?? 0) * 3_600 + offsetMinutes * 60;
  if (offsetMinutes > 59 || offset > MAX_OFFSET_SECONDS) return null;
  const epochSeconds = date.getTime() / 1000 - (match[8] === '-' ? -offset : offset);
  if (epochSeconds < FIRST || epochSeconds >= PAST_LAST) return null;
  return { epochSeconds, nanoseconds: Number((match[7] ?? '').padEnd(9, '0')) };
}

/** Negative, zero or positive, as `a` is before, at or after `b`. */
export function compareInstants(a: Instant, b: Instant): number {
  return a.epochSeconds - b.epochSeconds || a.nanoseconds - b.nanoseconds;
}

/** A member beside a time as signed, where no offset was signed with it: it was read as UTC. */
export interface OffsetSigned {
  readonly offsetSigned?: false;
}

/** Of a time as signed; of none that is told, nothing. */
export function offsetSigned(timestamp: string | null): OffsetSigned {
  return timestamp === null || /(?:Z|[+-]\d\d:\d\d)$/.test(timestamp)
    ? {}
    : { offsetSigned: false };
}
