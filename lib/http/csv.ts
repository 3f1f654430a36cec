/** What stands in one cell; null leaves it empty. */
export type Cell = string | number | null;

/** Whether a table holds all there is, and what else is to be said of that. */
export interface Whole {
  readonly complete: boolean;
  readonly note?: string;
}

/** The last column of each table, which only its last row fills. */
const END = 'end';

/**
 * RFC 4180, every text in quotes. The last row speaks of the table: it is empty but for the column
 * `end`, which no other row fills, and says `complete` or `incomplete`; a table without it was cut off.
 * Whatever the rows hold, a spreadsheet runs none of it as a formula (OWASP, CSV injection).
 */
export function csv(
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  { complete, note }: Whole,
): string {
  const end = `${complete ? 'complete' : 'incomplete'}${note === undefined ? '' : `: ${note}`}`;
  const all = [
    [...columns, END],
    ...rows.map((row) => [...row, null]),
    [...columns.map(() => null), end],
  ];
  return all.map((row) => `${row.map(cellText).join(',')}\r\n`).join('');
}

// A cell begins where its text does, and, for a spreadsheet that takes no comma for a separator, behind
// a semicolon, a tab or an end of line. What begins a formula there may have quotes, white space and
// what is not seen before it.
const FORMULA =
  /(^|[;\t\r\n])(?=(?:(?![\t\r\n])[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}"'“”‘’])*[=+\-@＝＋－＠])/gu;

function cellText(value: Cell): string {
  if (value === null) return '';
  // A number may begin with a minus: it is no text that somebody else has written.
  if (typeof value === 'number') return String(value);
  const guarded = value.replaceAll(FORMULA, "$1'");
  const text = /^[\t\r\n]/.test(guarded) ? `'${guarded}` : guarded;
  return `"${text.replaceAll('"', '""')}"`;
}
