import { valueEnd } from './json.ts';

// What stands here is said after a refusal and decides none: each is the end of a sentence, and none
// holds any of the text.

const UTF_16 = 'is UTF-16; UTF-8 is read';

/** Why bytes are no UTF-8. */
export function whyNotUtf8(bytes: Uint8Array): string {
  const starts = (...magic: number[]): boolean => magic.every((byte, at) => bytes[at] === byte);
  if (starts(0xff, 0xfe) || starts(0xfe, 0xff))
    return 'is UTF-16, as its byte order mark says; UTF-8 is read';
  if (starts(0x1f, 0x8b)) return 'begins as gzip does: the log was packed twice';
  return isUtf16(bytes) ? UTF_16 : 'is not valid UTF-8';
}

/** Why a text is no JSON. */
export function whyNotJson(text: string): string {
  if (/^[ \t\r\n]*$/.test(text)) return 'is blank';
  if (text.startsWith('\ufeff')) return 'begins with a byte order mark, which is no JSON';
  if (text.includes('\0')) return isUtf16(Buffer.from(text)) ? UTF_16 : 'has NUL bytes';
  const end = valueEnd(text);
  if (end !== null) {
    const rest = text.slice(end).trim();
    if (rest === ',') return 'ends with a comma, as an item of an array does';
    if (/^[[{"]/.test(rest)) return 'has more than one JSON value';
  }
  if (/^\s*[[{]/.test(text) && !/[\]}]$/.test(text.trimEnd()))
    return 'is not JSON: what it begins is not ended on it, as in a JSON array or a value over several lines';
  return 'is not JSON';
}

/** What JSON that is no object is. */
export function whyNoObject(text: string): string {
  const isArray = /^\s*\[/.test(text);
  return isArray ? 'is a JSON array, not an object' : 'is JSON, but not an object';
}

/** Why a text is not base64 as it is written here. */
export function whyNotBase64(text: string): string {
  if (/[-_]/.test(text)) return 'is url-safe base64; the alphabet with + and / is read';
  if (/\s/.test(text)) return 'has white space in its base64';
  return 'is not canonical base64';
}

/** ASCII as UTF-16 has a NUL at every other place. */
function isUtf16(bytes: Uint8Array): boolean {
  const nuls: [number, number] = [0, 0];
  bytes.forEach((byte, at) => {
    if (byte === 0) nuls[at % 2 === 0 ? 0 : 1] += 1;
  });
  const places = bytes.length / 2;
  return bytes.length > 2 && Math.max(...nuls) > places * 0.7 && Math.min(...nuls) < places * 0.1;
}
