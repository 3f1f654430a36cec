// The one way to stdout and stderr. What is printed was often written by others, who must not steer
// the terminal: neither move its cursor nor hide a line nor make up one.

/** Control and format characters, separators of lines, lone surrogates, and what else has no shape of its own. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** A text on one line, with nothing unseen in it: a right-to-left override is shown as `\u{202e}`. */
export function visible(text: string): string {
  return text.replaceAll(UNSEEN, (unseen) => `\\u{${unseen.codePointAt(0)?.toString(16) ?? ''}}`);
}

/** The same JSON, with the escapes of JSON for all that {@link visible} would show. */
export function visibleJson(json: string): string {
  return json.replaceAll(UNSEEN, (unseen) =>
    Array.from(
      { length: unseen.length },
      (_, at) => `\\u${unseen.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

/** Streams that nobody reads any more, as behind `head`. */
const left = new Set<NodeJS.WriteStream>();
let failure: Error | null = null;
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') left.add(stream);
    else failure ??= error;
  });

/** Data, on stdout: each text becomes one line, whatever it holds. */
export function print(...lines: readonly string[]): void {
  write(process.stdout, lines.map(visible));
}

/** A value as one line of JSON, on stdout. */
export function printJson(value: unknown): void {
  printJsonText(JSON.stringify(value));
}

/** JSON text as one line, on stdout. */
export function printJsonText(json: string): void {
  write(process.stdout, [visibleJson(json)]);
}

/** A message for people, on stderr: each text becomes one line, whatever it holds. */
export function tell(...lines: readonly string[]): void {
  write(process.stderr, lines.map(visible));
}

function write(stream: NodeJS.WriteStream, lines: readonly string[]): void {
  if (!left.has(stream) && lines.length > 0)
    stream.write(lines.map((line) => `${line}\n`).join(''));
}

/** True once nobody reads the data any more. */
export function isReaderGone(): boolean {
  return left.has(process.stdout);
}

/** When all is written. Rejects where something could not be, save because nobody reads any more. */
export async function written(): Promise<void> {
  for (const stream of [process.stdout, process.stderr])
    await new Promise((done) => stream.write('', done));
  if (failure !== null) throw failure;
}

/** The line that progress is shown on, over and over; there only where stderr is a terminal. */
export const progress = {
  show(text: string): void {
    if (process.stderr.isTTY) process.stderr.write(`\r${visible(text)}`);
  },
  clear(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  },
};
