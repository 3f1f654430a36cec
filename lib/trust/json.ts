/** More brackets open at once are refused: a parser's stack is not the log's to spend (docs/envelope.md, E-12). */
export const MAX_DEPTH = 64;

/** A top-level member of an object, and where its value's raw text stands: `[start, end)`. */
export interface Member {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** A member of a value that `JSON.parse` made; undefined where it has none of that name. */
export function memberOf(value: unknown, name: string): unknown {
  const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
  return isThere ? Reflect.get(value, name) : undefined;
}

const CODE = {
  tab: 0x09,
  lf: 0x0a,
  cr: 0x0d,
  space: 0x20,
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  u: 0x75,
  openBrace: 0x7b,
  closeBrace: 0x7d,
} as const;

// RFC 8259 numbers, and the three literals that Python's json writes for what JSON has no number for.
const SCALAR =
  /(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null|NaN|-?Infinity)/y;
const FOUR_HEX = /^[0-9a-fA-F]{4}$/;
/** By character code: 1 for what may follow a backslash by itself. */
const ESCAPES = new Uint8Array(128);
for (const escape of Buffer.from('"\\/bfnrt')) ESCAPES[escape] = 1;

/** What ends a string, or is more than itself in it. */
// oxlint-disable-next-line no-control-regex -- a string must not have them
const SPECIAL = /["\\\u0000-\u001f]/g;
/** A search costs as much as looking at so many characters one by one. */
const LOOKED_AT = 32;

/**
 * The members of the object that `text` is, in their order, duplicates included. The grammar is
 * JSON (RFC 8259) plus NaN, Infinity and -Infinity; nothing is converted, so nothing is changed.
 */
export function scanObject(text: string): Member[] | 'not-json' | 'not-object' | 'too-deep' {
  return new Scanner(text).object();
}

/** What the raw text of a string says, in a text that was scanned; most have no escapes and need no parser. */
export function parseString(raw: string): string {
  return raw.includes('\\') ? String(JSON.parse(raw)) : raw.slice(1, -1);
}

/** Where the value ends that a text begins with; null where it begins with none, or with one that is too deep. */
export function valueEnd(text: string): number | null {
  return new Scanner(text).valueEnd();
}

class Scanner {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #tooDeep = false;

  constructor(text: string) {
    this.#text = text;
  }

  object(): Member[] | 'not-json' | 'not-object' | 'too-deep' {
    this.#space();
    const isObject = this.#text.charCodeAt(this.#at) === CODE.openBrace;
    const members: Member[] = [];
    const isGood = isObject ? this.#members(members) : this.#value();
    if (this.#tooDeep) return 'too-deep';
    if (!isGood) return 'not-json';
    this.#space();
    if (this.#at !== this.#text.length) return 'not-json';
    return isObject ? members : 'not-object';
  }

  valueEnd(): number | null {
    this.#space();
    return this.#value() ? this.#at : null;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== CODE.space && code !== CODE.lf && code !== CODE.cr && code !== CODE.tab) return;
      this.#at += 1;
    }
  }

  #take(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  #open(): boolean {
    this.#at += 1;
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.#tooDeep = true;
    return !this.#tooDeep;
  }

  #close(): true {
    this.#depth -= 1;
    return true;
  }

  #value(): boolean {
    switch (this.#text.charCodeAt(this.#at)) {
      case CODE.quote:
        return this.#string();
      case CODE.openBrace:
        return this.#members(null);
      case CODE.openBracket:
        return this.#elements();
      default:
        return this.#match(SCALAR);
    }
  }

  #string(): boolean {
    const text = this.#text;
    let searchAt = this.#at + LOOKED_AT;
    for (let at = this.#at + 1; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === CODE.quote) {
        this.#at = at + 1;
        return true;
      }
      if (code < CODE.space) return false;
      if (code !== CODE.backslash) {
        if (at < searchAt) continue;
        SPECIAL.lastIndex = at + 1;
        if (!SPECIAL.test(text)) return false;
        at = SPECIAL.lastIndex - 2;
        searchAt = at + LOOKED_AT;
        continue;
      }
      at += 1;
      const escape = text.charCodeAt(at);
      if (escape === CODE.u && FOUR_HEX.test(text.slice(at + 1, at + 5))) at += 4;
      else if (ESCAPES[escape] !== 1) return false;
      searchAt = at + LOOKED_AT;
    }
    return false;
  }

  #members(into: Member[] | null): boolean {
    if (!this.#open()) return false;
    this.#space();
    if (this.#take(CODE.closeBrace)) return this.#close();
    do {
      this.#space();
      const nameAt = this.#at;
      if (this.#text.charCodeAt(nameAt) !== CODE.quote || !this.#string()) return false;
      const nameEnd = this.#at;
      this.#space();
      if (!this.#take(CODE.colon)) return false;
      this.#space();
      const start = this.#at;
      if (!this.#value()) return false;
      into?.push({
        name: parseString(this.#text.slice(nameAt, nameEnd)),
        start,
        end: this.#at,
      });
      this.#space();
    } while (this.#take(CODE.comma));
    return this.#take(CODE.closeBrace) && this.#close();
  }

  #elements(): boolean {
    if (!this.#open()) return false;
    this.#space();
    if (this.#take(CODE.closeBracket)) return this.#close();
    do {
      this.#space();
      if (!this.#value()) return false;
      this.#space();
    } while (this.#take(CODE.comma));
    return this.#take(CODE.closeBracket) && this.#close();
  }
}
