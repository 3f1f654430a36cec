import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { openEnvelope } from '../../lib/trust/envelope.ts';
import { LineFramer } from '../../lib/trust/lines.ts';
import { recordRefusal } from '../../lib/trust/record.ts';

const ENVELOPE = '{"schema_version":"1.1","signed_data":"é","signature":"AAAA"}';
const withSignature = (text: string): string => ENVELOPE.replace('AAAA', text);

function detailsOf(log: string | Uint8Array): readonly string[] {
  const framer = new LineFramer();
  return [...framer.push(Buffer.from(log)), ...framer.end()].map(({ bytes }) => {
    const opened = openEnvelope(bytes);
    return 'detail' in opened ? opened.detail : 'opened';
  });
}

const utf16le = (text: string): Buffer => Buffer.from(text, 'utf16le');
const utf16be = (text: string): Buffer => utf16le(text).swap16();

test.each([
  [
    'a byte order mark',
    `\u{feff}${ENVELOPE}`,
    ['the line begins with a byte order mark, which is no JSON'],
  ],
  ['a blank line', ` \t\n${ENVELOPE}`, ['the line is blank', 'opened']],
  ['two values', `${ENVELOPE}${ENVELOPE}`, ['the line has more than one JSON value']],
  ['two values, a space between', `${ENVELOPE} [1]`, ['the line has more than one JSON value']],
  ['an array', `[${ENVELOPE}]`, ['the line is a JSON array, not an object']],
  [
    'the lines of an array',
    `${ENVELOPE},`,
    ['the line ends with a comma, as an item of an array does'],
  ],
  [
    'an object over several lines',
    '{\n"a": 1\n}',
    [
      'the line is not JSON: what it begins is not ended on it, as in a JSON array or a value over several lines',
      'the line is not JSON',
      'the line is not JSON',
    ],
  ],
  [
    'a line that is cut off',
    ENVELOPE.slice(0, -5),
    [
      'the line is not JSON: what it begins is not ended on it, as in a JSON array or a value over several lines',
    ],
  ],
  ['a hole in a file', `\0\0\0${ENVELOPE}`, ['the line has NUL bytes']],
  [
    'a log that was packed twice',
    gzipSync(ENVELOPE),
    ['the line begins as gzip does: the log was packed twice'],
  ],
  [
    'UTF-16 with its mark',
    utf16le(`\u{feff}${ENVELOPE}`),
    ['the line is UTF-16, as its byte order mark says; UTF-8 is read'],
  ],
  [
    'UTF-16, big end first, with its mark',
    utf16be(`\u{feff}${ENVELOPE}`),
    ['the line is UTF-16, as its byte order mark says; UTF-8 is read'],
  ],
  [
    'UTF-16 without its mark',
    utf16le('{"a":"plain"}\r\n{"a":"plain"}'),
    ['the line is UTF-16; UTF-8 is read', 'the line is UTF-16; UTF-8 is read'],
  ],
  ['UTF-16 that has more than ASCII', utf16be(ENVELOPE), ['the line is UTF-16; UTF-8 is read']],
  ['other bytes', Buffer.from([0x7b, 0xff]), ['the line is not valid UTF-8']],
  [
    'url-safe base64',
    withSignature('-_-_'),
    ['the signature is url-safe base64; the alphabet with + and / is read'],
  ],
  [
    'base64 over several lines',
    withSignature('AAAA\\r\\nAAAA'),
    ['the signature has white space in its base64'],
  ],
  ['base64 without its padding', withSignature('AAA'), ['the signature is not canonical base64']],
] as const)('%s is refused by its cause', (_, log, details) => {
  expect(detailsOf(log)).toEqual(details);
});

test('a record is refused by its cause, as a line is', () => {
  const record = '{"type":"dataset","hash":"h","path":"p","timestamp":"2026-01-01T00:00:00Z"}';
  const detailOf = (text: string): string | undefined => recordRefusal(text)?.detail;
  expect(detailOf(record)).toBeUndefined();
  expect(detailOf(`\u{feff}${record}`)).toBe(
    'signed_data begins with a byte order mark, which is no JSON',
  );
  expect(detailOf(`[${record}]`)).toBe('signed_data is a JSON array, not an object');
  expect(detailOf(`${record},`)).toBe('signed_data ends with a comma, as an item of an array does');
});
