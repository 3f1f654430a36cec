/** What stands in one cell; null leaves it empty. */
export type Cell = string | number | null;

/** RFC 4180. Whatever the rows hold, a spreadsheet runs none of it as a formula (OWASP, CSV injection). */
export function csv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(cellText).join(',')}\r\n`).join('');
}

function cellText(value: Cell): string {
  const text = value === null ? '' : String(value);
  // A number may begin with a minus: it is no text that somebody else has written.
  const safe = typeof value === 'string' && /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
