import { isDeepStrictEqual } from 'node:util';
import type { Plain, PlainMap } from '../graph/ask/audited.ts';
import { hashed, type Said } from './facts.ts';

/** One thing that the graph has otherwise than the signed logs say. */
export interface Difference {
  /** `dataset`, `model`, … or, of what hangs on no such thing, a label or a type of relationship. */
  readonly kind: string;
  readonly identity: readonly string[];
  /** The property or relationship; `node` for the whole. */
  readonly what: string;
  /** What the logs say of it, in words; of what an inference holds nothing that a payload could be guessed from. */
  readonly says: string;
}

/** What a property has to be: a value, a text that is known by its hash, or one of several. */
export type Expected = Plain | { readonly text: Said } | { readonly anyOf: readonly Plain[] };

/** `what` of a thing that no identity leads to: it is named by what the database calls it. */
export const STRAY = 'node or relationship';

/** A value that is not told: an inference's digest, its payload. */
const UNTOLD = 'something else was signed';

/** All properties that differ, are missing, or are there without being expected. */
export function compareProperties(
  thing: Pick<Difference, 'kind' | 'identity'>,
  expected: Readonly<Record<string, Expected>>,
  found: PlainMap,
  {
    free = [],
    untold = [],
    prefix = '',
  }: {
    /** Of which nothing outside the graph tells. */
    readonly free?: readonly string[];
    readonly untold?: readonly string[];
    readonly prefix?: string;
  } = {},
): Difference[] {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(found)])].sort();
  return names.flatMap((name): Difference[] => {
    if (free.includes(name)) return [];
    const wanted = expected[name] ?? null;
    const held = found[name] ?? null;
    if (isAs(wanted, held)) return [];
    const says = untold.includes(name) && wanted !== null ? UNTOLD : toldOf(wanted);
    return [{ ...thing, what: `${prefix}${name}`, says }];
  });
}

function isAs(wanted: Expected, held: Plain): boolean {
  if (typeof wanted === 'object' && wanted !== null && 'text' in wanted) {
    const { text } = wanted;
    if (typeof held !== 'string' || typeof text !== 'object' || text === null) return held === text;
    return isDeepStrictEqual(hashed(held), text);
  }
  if (
    typeof wanted === 'object' &&
    wanted !== null &&
    'anyOf' in wanted &&
    Array.isArray(wanted.anyOf)
  )
    return wanted.anyOf.some((one: Plain) => isDeepStrictEqual(one, held));
  return isDeepStrictEqual(wanted, held);
}

const MAX_TOLD = 200;

function toldOf(wanted: Expected): string {
  if (wanted === null) return 'no log says it';
  if (isTime(wanted)) return wanted.at;
  if (typeof wanted === 'object' && 'text' in wanted) {
    const { text } = wanted;
    return typeof text === 'object' && text !== null && 'sha256' in text
      ? `a text of SHA-256 ${textOf(text['sha256'])}`
      : cut(textOf(text));
  }
  return cut(typeof wanted === 'string' ? wanted : JSON.stringify(wanted));
}

/** A list has a method of that name. */
function isTime(value: Expected): value is { readonly at: string } {
  return (
    typeof value === 'object' && value !== null && 'at' in value && typeof value['at'] === 'string'
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function cut(text: string): string {
  return text.length <= MAX_TOLD ? text : `${text.slice(0, MAX_TOLD)}…`;
}
