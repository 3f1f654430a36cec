import { expect, test } from 'vitest';
import { openEnvelope } from '../../lib/trust/envelope.ts';

const outcome = (line: string | Uint8Array): string => {
  const result = openEnvelope(typeof line === 'string' ? Buffer.from(line) : line);
  return 'code' in result ? result.code : 'opened';
};

const V = '"schema_version":"1.1"';
const D = '"signed_data":"{}"';
const S = '"signature":"AAAA"';

test('an envelope is opened whatever the order and the white space of its members', () => {
  expect(outcome(`{${V},${D},${S}}`)).toBe('opened');
  expect(outcome(` {\t${S} , ${V},\r${D} } `)).toBe('opened');
  expect(outcome(`{"schema\\u005fversion":"1.1",${D},${S}}`)).toBe('opened');
});

test.each([
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'LINE_NOT_UTF8'],
  ['an overlong encoding', Buffer.from([0xc0, 0xaf]), 'LINE_NOT_UTF8'],
  ['an encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'LINE_NOT_UTF8'],
  ['an empty line', '', 'LINE_NOT_JSON'],
  ['a blank line', '  ', 'LINE_NOT_JSON'],
  ['a byte order mark', `\u{feff}{${V},${D},${S}}`, 'LINE_NOT_JSON'],
  ['a comma too many', `{${V},${D},${S},}`, 'LINE_NOT_JSON'],
  ['NaN outside the signed text', `{${V},${D},"signature":NaN}`, 'LINE_NOT_JSON'],
  ['a second value', `{${V},${D},${S}}{}`, 'LINE_NOT_JSON'],
  ['a list', '[]', 'ENVELOPE_INVALID'],
  ['null', 'null', 'ENVELOPE_INVALID'],
  ['a member twice', `{${V},${D},${S},${S}}`, 'ENVELOPE_INVALID'],
  ['a member twice, once escaped', `{${V},${D},${S},"signatur\\u0065":"AAAA"}`, 'ENVELOPE_INVALID'],
  [
    'a duplicate before a foreign version',
    `{"schema_version":"2",${V},${D},${S}}`,
    'ENVELOPE_INVALID',
  ],
  ['a member too many', `{${V},${D},${S},"x":1}`, 'ENVELOPE_INVALID'],
  ['__proto__ as a member', `{${V},${D},${S},"__proto__":{}}`, 'ENVELOPE_INVALID'],
  ['__proto__ in place of the members', `{"__proto__":{${V},${D},${S}}}`, 'ENVELOPE_INVALID'],
  ['no version', `{${D},${S}}`, 'ENVELOPE_INVALID'],
  ['a version that is a number', `{"schema_version":1.1,${D},${S}}`, 'ENVELOPE_INVALID'],
  ['another version', `{"schema_version":"1.10",${D},${S}}`, 'SCHEMA_VERSION_UNSUPPORTED'],
  [
    'another version with other members',
    '{"schema_version":"2.0","x":1}',
    'SCHEMA_VERSION_UNSUPPORTED',
  ],
  ['no signed text', `{${V},${S}}`, 'ENVELOPE_INVALID'],
  ['a signed text that is an object', `{${V},"signed_data":{},${S}}`, 'ENVELOPE_INVALID'],
  [
    'a lone surrogate in the signed text',
    `{${V},"signed_data":"\\ud800",${S}}`,
    'ENVELOPE_INVALID',
  ],
  ['a signature that is null', `{${V},${D},"signature":null}`, 'ENVELOPE_INVALID'],
  ['unpadded base64', `{${V},${D},"signature":"AAA"}`, 'SIGNATURE_INVALID'],
  ['url-safe base64', `{${V},${D},"signature":"-_-_"}`, 'SIGNATURE_INVALID'],
  ['base64 with white space', `{${V},${D},"signature":"AAAA\\n"}`, 'SIGNATURE_INVALID'],
  ['base64 with stray bits', `{${V},${D},"signature":"AB=="}`, 'SIGNATURE_INVALID'],
] as const)('%s is refused', (_what, line, code) => {
  expect(outcome(line)).toBe(code);
});

test('a version is named before a member too many, however deep that is', () => {
  const deep = `"x":${'['.repeat(70)}${']'.repeat(70)}`;
  expect(outcome(`{"schema_version":"2.0",${D},${S},${deep}}`)).toBe('SCHEMA_VERSION_UNSUPPORTED');
  expect(outcome(`{${V},${D},${S},${deep}}`)).toBe('ENVELOPE_INVALID');
  expect(outcome(`{${V},${D},${S},"x":${'['.repeat(400_000)}${']'.repeat(400_000)}}`)).toBe(
    'ENVELOPE_INVALID',
  );
});

test('a refusal never quotes the line', () => {
  const secret = 'hunter2-hunter2';
  for (const line of [secret, `"${secret}"`, `{"${secret}":1}`, `{"schema_version":"${secret}"}`]) {
    const result = openEnvelope(Buffer.from(line));
    expect('detail' in result && !result.detail.includes('hunter2')).toBe(true);
  }
});
