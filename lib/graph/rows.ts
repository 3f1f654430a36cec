import { isDateTime, type DateTime } from 'neo4j-driver';
import type { Instant } from '../trust/timestamp.ts';
import { fromDateTime } from './instant.ts';

/** One row of an answer, or a map in one, by column name. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * Takes a column of a row as what it has to be. Where it is something else, the graph was not written
 * by this software: the error names the column, and quotes nothing of what stands there.
 */
type Reader<T> = (row: Row, column: string) => T;

/** The rows of a driver's answer as plain objects. */
export function rows(result: { records: { toObject(): Row }[] }): Row[] {
  return result.records.map((record) => record.toObject());
}

/** The row of a statement that answers exactly one. */
export function only([row, ...more]: readonly Row[]): Row {
  if (row === undefined || more.length > 0) throw new Error('the database answered no single row');
  return row;
}

export function text(row: Row, column: string): string {
  const value = row[column];
  return typeof value === 'string' ? value : refuse(column, 'a text');
}

/** A whole number, not below 0. */
export function count(row: Row, column: string): number {
  const value = row[column];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? value
    : refuse(column, 'a count');
}

export function flag(row: Row, column: string): boolean {
  const value = row[column];
  return typeof value === 'boolean' ? value : refuse(column, 'a flag');
}

/** A time as RFC 3339 text in UTC, to the nanosecond. */
export function time(row: Row, column: string): string {
  return dateTime(row, column).toString();
}

/** A time to reckon with. */
export function instant(row: Row, column: string): Instant {
  return fromDateTime(dateTime(row, column));
}

export function texts(row: Row, column: string): string[] {
  return members(row, column).map((value) =>
    typeof value === 'string' ? value : refuse(column, 'a list of texts'),
  );
}

/** A map, as of a node's properties. */
export function node(row: Row, column: string): Row {
  const value = row[column];
  return isMap(value) ? value : refuse(column, 'a map');
}

/** A list of maps. */
export function nodes(row: Row, column: string): Row[] {
  return members(row, column).map((value) =>
    isMap(value) ? value : refuse(column, 'a list of maps'),
  );
}

/** What a text that holds JSON says. */
export function json(row: Row, column: string): unknown {
  const said = text(row, column);
  try {
    return JSON.parse(said) as unknown;
  } catch {
    // Without its cause, which quotes the text.
    return refuse(column, 'JSON');
  }
}

/** A reader of one of these words. */
export function word<W extends string>(words: readonly W[]): Reader<W> {
  return (row, column) =>
    words.find((known) => known === row[column]) ?? refuse(column, `one of ${words.join(', ')}`);
}

/** Null where the column is, or where the node lacks the property. */
export function maybe<T>(read: Reader<T>, row: Row, column: string): T | null {
  return row[column] === null || row[column] === undefined ? null : read(row, column);
}

function dateTime(row: Row, column: string): DateTime<number> {
  const value = row[column];
  return isDateTime<number>(value) ? value : refuse(column, 'a time');
}

function members(row: Row, column: string): readonly unknown[] {
  const value = row[column];
  return Array.isArray(value) ? value : refuse(column, 'a list');
}

/** What a list, a time or the driver's own node does not come from. */
const PLAIN: unknown = Object.prototype;

function isMap(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === PLAIN;
}

function refuse(column: string, expected: string): never {
  throw new Error(`${column} in the database is not ${expected}`);
}
