import { randomUUID } from 'node:crypto';
import { membersOf } from '../members.ts';

/** What goes back to the caller. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Text that stands in an answer as it is. */
class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * An opaque member as signed: in an answer it is the very text where that is JSON, so that no number
 * is written anew, and `{"text":"…"}` where it is not, as Python's NaN. What was signed as just such an
 * object is wrapped, too, so that `text` is in every case the text that was signed. Null stays null.
 */
export function opaque(text: string | null): unknown {
  if (text === null) return null;
  try {
    return isWrapper(JSON.parse(text)) ? { text } : new RawJson(text);
  } catch {
    return { text };
  }
}

function isWrapper(value: unknown): boolean {
  const { text, ...others } = membersOf(value);
  return typeof text === 'string' && Object.keys(others).length === 0;
}

/** JSON of a value that may hold {@link opaque} members. */
export function stringify(value: unknown): string {
  const raw: string[] = [];
  // No text that came from outside can hold it.
  const mark = randomUUID();
  const text = JSON.stringify(value, (_, member: unknown) => {
    if (!(member instanceof RawJson)) return member;
    raw.push(member.text);
    return mark;
  });
  let next = 0;
  return text.replaceAll(`"${mark}"`, () => raw[next++] ?? 'null');
}

/** Answers are made for one caller at one time: nobody keeps them. */
export function json(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const own = {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
  return { status, headers: { ...own, ...headers }, body: stringify(value) };
}
