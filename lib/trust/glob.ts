/**
 * A pattern of names: `*` stands for any characters but a slash, `**` for any at all, `?` for one that
 * is no slash, and a backslash for the character behind it. Everything else stands for itself, by code
 * points, upper and lower case apart.
 */
export interface Glob {
  /** True where the whole name is of the pattern. */
  matches(name: string): boolean;
  /** True where the name begins as the pattern says. */
  begins(name: string): boolean;
}

/** One step of a pattern: a character, or what stands for any of some. */
type Token = { readonly char: string } | 'one' | 'part' | 'all';

const SLASH = '/';

/** Null for a pattern that ends in a lone backslash. */
export function glob(pattern: string): Glob | null {
  const tokens = tokensOf(pattern);
  if (tokens === null) return null;
  // A log has thousands of records of one name.
  const remembered = (isWhole: boolean): ((name: string) => boolean) => {
    let last: { readonly name: string; readonly is: boolean } | null = null;
    return (name) => {
      if (last?.name !== name) last = { name, is: fits(tokens, name, isWhole) };
      return last.is;
    };
  };
  return { matches: remembered(true), begins: remembered(false) };
}

function tokensOf(pattern: string): readonly Token[] | null {
  const tokens: Token[] = [];
  const chars = Array.from(pattern);
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at] ?? '';
    if (char === '\\') {
      const next = chars[(at += 1)];
      if (next === undefined) return null;
      tokens.push({ char: next });
    } else if (char === '*') {
      const isAll = chars[at + 1] === '*';
      if (isAll) at += 1;
      tokens.push(isAll ? 'all' : 'part');
    } else tokens.push(char === '?' ? 'one' : { char });
  }
  return tokens;
}

/**
 * All places of the pattern that the name may have come to are followed at once: the time is that of
 * pattern times name, whatever either holds, where going back and trying again may take for ever.
 */
function fits(tokens: readonly Token[], name: string, isWhole: boolean): boolean {
  const end = tokens.length;
  let places = opened(tokens, new Set([0]));
  for (const char of name) {
    if (!isWhole && places.has(end)) return true;
    const next = new Set<number>();
    for (const place of places) {
      const token = tokens[place];
      if (token === undefined) continue;
      if (token === 'all' || (token === 'part' && char !== SLASH)) next.add(place);
      if (token === 'one' ? char !== SLASH : typeof token === 'object' && token.char === char)
        next.add(place + 1);
    }
    if (next.size === 0) return false;
    places = opened(tokens, next);
  }
  return places.has(end);
}

/** With the places behind what may stand for nothing. */
function opened(tokens: readonly Token[], places: Set<number>): Set<number> {
  // A set is gone through with what is added meanwhile.
  for (const place of places) {
    const token = tokens[place];
    if (token === 'all' || token === 'part') places.add(place + 1);
  }
  return places;
}
