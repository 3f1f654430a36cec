import neo4j, { type DateTime } from 'neo4j-driver';
import type { Instant } from '../trust/timestamp.ts';

/** An instant as Neo4j keeps it: a zoned datetime in UTC, to the nanosecond (docs/graph.md, G-4). */
export function toDateTime({ epochSeconds, nanoseconds }: Instant): DateTime<number> {
  const date = new Date(epochSeconds * 1000);
  return new neo4j.types.DateTime(
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    nanoseconds,
    0,
  );
}

/** The instant that {@link toDateTime} stored. */
export function fromDateTime(value: DateTime<number>): Instant {
  const date = new Date(0);
  // Date.UTC takes the years 0–99 for 1900–1999; setUTCFullYear does not.
  date.setUTCFullYear(value.year, value.month - 1, value.day);
  date.setUTCHours(value.hour, value.minute, value.second);
  return {
    epochSeconds: date.getTime() / 1000 - Number(value.timeZoneOffsetSeconds ?? 0),
    nanoseconds: value.nanosecond,
  };
}
