import { constants, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { LineageRecord } from '../../lib/trust/lineage-record.ts';
import { parseRecord } from '../../lib/trust/record.ts';
import { isRefusal } from '../../lib/trust/rejection.ts';
import { verifyEnvelope } from '../../lib/trust/signers.ts';
import { parseTimestamp } from '../../lib/trust/timestamp.ts';
import { testKey } from '../support/test-key.ts';

const { privateKey, key } = testKey();

function parse(text: string): ReturnType<typeof parseRecord> {
  const signature = sign('sha256', Buffer.from(text), {
    key: privateKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 32,
  });
  const verified = verifyEnvelope({ signedData: text, signature }, [key]);
  if (isRefusal(verified)) throw new Error(verified.detail);
  return parseRecord(verified);
}
const code = (text: string): string => {
  const result = parse(text);
  return isRefusal(result) ? result.code : 'parsed';
};
const record = (text: string): LineageRecord => {
  const result = parse(text);
  if (isRefusal(result)) throw new Error(result.detail);
  return result;
};

const T = '"timestamp":"2026-01-01T00:00:00Z"';
const dataset = (rest: string): string => `{"type":"dataset",${T},${rest}}`;
const model = (rest: string): string => `{"type":"model","model_name":"m",${T}${rest}}`;
const inference = (rest: string): string => `{"type":"inference","model_name":"m",${T}${rest}}`;

test('absent and null optional members take their defaults, null opaque members stay null', () => {
  expect(record(dataset('"hash":"h","path":"p","description":null'))).toMatchObject({
    description: '',
  });
  for (const rest of ['', ',"git_commit":null,"dataset_hashes":null'])
    expect(record(model(rest))).toMatchObject({
      commit: 'N/A',
      datasetHashes: [],
      hyperparameters: '{}',
      environment: '{}',
    });
  const given = record(inference(',"id":null,"input":null'));
  expect(given).toMatchObject({
    id: `sha256:${given.digest}`,
    commit: null,
    input: 'null',
    output: '{}',
  });
});

test('opaque members keep their text as signed', () => {
  const raw = '{"a" : [1e-05, 10.0,\t12345678901234567890, NaN, -Infinity], "b":"\\ud800"}';
  expect(record(model(`,"hyperparameters": ${raw} ,"environment":NaN`))).toMatchObject({
    hyperparameters: raw,
    environment: 'NaN',
  });
});

test('each dataset of a model is kept once, in the order listed', () => {
  expect(record(model(',"dataset_hashes":["b","a","b"]'))).toMatchObject({
    datasetHashes: ['b', 'a'],
  });
});

describe('a record outside the grammar is refused', () => {
  const deep = (n: number): string =>
    dataset(`"hash":"h","path":"p","x":${'['.repeat(n)}${']'.repeat(n)}`);
  test.each([
    '',
    '[]',
    'NaN',
    '{',
    '{}x',
    '{"a":nan}',
    '{"a":+Infinity}',
    '{"a":01}',
    '{"a":1.}',
    '{"a":"\t"}',
    '{"a":"\\x"}',
    '{"a":"\\u12g4"}',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '\u{feff}{}',
    '{"a":\u{a0}1}',
    deep(64),
    deep(100_000),
  ])('case %#', (text) => {
    expect(code(text)).toBe('RECORD_NOT_JSON');
  });
  test('64 brackets open at once are parsed', () => {
    expect(code(deep(63))).toBe('parsed');
  });
});

const LONG = 'é'.repeat(1_024);

test.each([
  [dataset('"hash":"h","path":"p","x":1,"\\u0078":2'), 'RECORD_FIELD_INVALID'],
  ['{"type":"x","type":"y"}', 'RECORD_FIELD_INVALID'],
  [dataset('"hash":"h","path":"p","schema_version":"1.1"'), 'parsed'],
  [dataset('"hash":"h","path":"p","schema_version":null'), 'SCHEMA_VERSION_UNSUPPORTED'],
  ['{"type":"x","schema_version":1.1}', 'SCHEMA_VERSION_UNSUPPORTED'],
  ['{"type":"x"}', 'RECORD_TYPE_UNKNOWN'],
  ['{"type":"toString"}', 'RECORD_TYPE_UNKNOWN'],
  ['{"type":NaN}', 'RECORD_TYPE_UNKNOWN'],
  ['{"type":["dataset"]}', 'RECORD_TYPE_UNKNOWN'],
  ['{"__proto__":{"type":"dataset"}}', 'RECORD_TYPE_UNKNOWN'],
  [dataset('"path":"p"'), 'RECORD_FIELD_INVALID'],
  [dataset('"hash":null,"path":"p"'), 'RECORD_FIELD_INVALID'],
  [dataset('"hash":"","path":"p"'), 'RECORD_FIELD_INVALID'],
  [dataset('"hash":"h","path":""'), 'RECORD_FIELD_INVALID'],
  [dataset('"hash":NaN,"path":"p"'), 'RECORD_FIELD_INVALID'],
  [dataset('"hash":"a\\u0000","path":"p"'), 'RECORD_FIELD_INVALID'],
  [dataset('"hash":"\\ud800","path":"p"'), 'RECORD_FIELD_INVALID'],
  [dataset('"hash":"h","path":"\\ud800"'), 'RECORD_FIELD_INVALID'],
  [dataset('"hash":"h","path":"p","description":"\\udc00"'), 'RECORD_FIELD_INVALID'],
  [dataset('"hash":"h","path":"p","description":1'), 'RECORD_FIELD_INVALID'],
  [dataset(`"hash":"${LONG}","path":"p"`), 'parsed'],
  [dataset(`"hash":"${LONG}a","path":"p"`), 'RECORD_FIELD_INVALID'],
  [model(',"git_commit":""'), 'RECORD_FIELD_INVALID'],
  [model(',"dataset_hashes":"h"'), 'RECORD_FIELD_INVALID'],
  [model(',"dataset_hashes":["h",null]'), 'RECORD_FIELD_INVALID'],
  [model(',"dataset_hashes":[""]'), 'RECORD_FIELD_INVALID'],
  [model(',"dataset_hashes":[NaN]'), 'RECORD_FIELD_INVALID'],
  [model(`,"dataset_hashes":["${LONG}a"]`), 'RECORD_FIELD_INVALID'],
  [inference(',"id":""'), 'RECORD_FIELD_INVALID'],
  [inference(',"id":1'), 'RECORD_FIELD_INVALID'],
  ['{"type":"dataset","hash":"h","path":"p"}', 'RECORD_FIELD_INVALID'],
  ['{"type":"dataset","hash":"h","path":"p","timestamp":"now"}', 'RECORD_FIELD_INVALID'],
] as const)('the record of case %# comes to its outcome', (text, expected) => {
  expect(code(text)).toBe(expected);
});

test('a refused record never has its values told', () => {
  const refused = parse(dataset('"hash":"hunter2\\u0000","path":"hunter2"'));
  expect(isRefusal(refused) && refused.detail).toBe('hash has a NUL');
});

test.each([
  ['1970-01-01T00:00:00Z', 0, 0],
  ['1969-12-31 23:59:59.999999999', -1, 999_999_999],
  ['2024-02-29T12:00:00.5+05:30', 1_709_188_200, 500_000_000],
  ['0001-01-01T00:00:00Z', -62_135_596_800, 0],
  ['0000-12-31T23:00:00-01:00', -62_135_596_800, 0],
  ['9999-12-31T23:59:59Z', 253_402_300_799, 0],
  ['1900-03-01T00:00:00-18:00', -2_203_826_400, 0],
] as const)('%s is an instant', (text, epochSeconds, nanoseconds) => {
  expect(parseTimestamp(text)).toEqual({ epochSeconds, nanoseconds });
});

test.each([
  '2023-02-29T00:00:00Z',
  '1900-02-29T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-00-01T00:00:00Z',
  '2026-01-00T00:00:00Z',
  '2026-04-31T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T23:60:00Z',
  '2026-06-30T23:59:60Z',
  '2026-01-01T00:00:00.Z',
  '2026-01-01T00:00:00.1234567890Z',
  '2026-01-01T00:00:00+18:01',
  '2026-01-01T00:00:00+00:60',
  '2026-01-01T00:00:00+0000',
  '2026-01-01t00:00:00z',
  '2026-01-01T00:00Z',
  '2026-01-01',
  '2026-01-01T00:00:00Z\n',
  ' 2026-01-01T00:00:00Z',
  '٢٠٢٦-01-01T00:00:00Z',
  '0001-01-01T00:00:00+00:01',
  '9999-12-31T23:59:59-00:01',
  '10000-01-01T00:00:00Z',
])('%j is no instant', (text) => {
  expect(parseTimestamp(text)).toBeNull();
});
