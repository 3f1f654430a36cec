import fc from 'fast-check';
import { expect, test } from 'vitest';
import { continuation, noticesOf } from '../../lib/ingest/notice.ts';

const record = (key: unknown, more: object = {}, eventName: unknown = 'ObjectCreated:Put') => ({
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  eventName,
  s3: { s3SchemaVersion: '1.0', bucket: { name: 'logs' }, object: { key, size: 5, ...more } },
});
const s3 = (...records: unknown[]) => ({ Records: records });
const bridged = (type: unknown, object: unknown) => ({
  version: '0',
  'detail-type': type,
  source: 'aws.s3',
  detail: { version: '0', bucket: { name: 'logs' }, object },
});
const created = (key: string, versionId?: string) => ({
  kind: 'created',
  name: { bucket: 'logs', key, ...(versionId === undefined ? {} : { versionId }) },
});
const passing = (event: string) => ({ kind: 'passing', event });

test.each([
  ['a plain key', 'a/b.jsonl', 'a/b.jsonl'],
  ['a space', 'a+b', 'a b'],
  ['a space, percent-encoded', 'a%20b', 'a b'],
  ['a plus', 'a%2Bb', 'a+b'],
  ['a plus that was percent-encoded in the key itself', 'a%252Bb', 'a%2Bb'],
  ['a percent sign', '100%25', '100%'],
  ['what looks encoded, encoded once', '%2541', '%41'],
  ['letters beyond ASCII', 'm%C3%BCll/%E6%97%A5%F0%9F%8C%8D', 'müll/日🌍'],
  ['letters beyond ASCII, decomposed', 'u%CC%88', 'u\u0308'],
  ['a question mark and a hash', 'a%3Fb%23c', 'a?b#c'],
  ['slashes only', '//', '//'],
  ['dots', '../..', '../..'],
  ['a name of Object.prototype', '__proto__', '__proto__'],
])('S3 announces %s: %s', (_, encoded, key) => {
  expect(noticesOf(s3(record(encoded)))).toEqual([created(key)]);
});

test.each([
  ['a version', s3(record('k', { versionId: 'v.1_x' })), [created('k', 'v.1_x')]],
  ['an empty version', s3(record('k', { versionId: '' })), [created('k')]],
  ['the version null, in words', s3(record('k', { versionId: 'null' })), [created('k', 'null')]],
  ['no version', s3(record('k', { versionId: null })), [created('k')]],
  [
    'several records, in their order',
    s3(record('a'), record('b', { versionId: '2' }), record('a')),
    [created('a'), created('b', '2'), created('a')],
  ],
  [
    'a multipart upload and a copy',
    s3(
      record('a', {}, 'ObjectCreated:CompleteMultipartUpload'),
      record('b', {}, 'ObjectCreated:Copy'),
    ),
    [created('a'), created('b')],
  ],
  [
    'a removal among others',
    s3(record('a', {}, 'ObjectRemoved:DeleteMarkerCreated'), record('b')),
    [passing('ObjectRemoved:DeleteMarkerCreated'), created('b')],
  ],
  [
    'a removal whose key can’t be read',
    s3(record('%', {}, 'ObjectRemoved:Delete')),
    [passing('ObjectRemoved:Delete')],
  ],
  [
    'the test event of S3',
    { Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'logs', RequestId: 'r', HostId: 'h' },
    [passing('s3:TestEvent')],
  ],
  [
    'EventBridge, whose keys are as they are',
    bridged('Object Created', { key: 'a+b%2B ü.jsonl', 'version-id': 'v' }),
    [created('a+b%2B ü.jsonl', 'v')],
  ],
  ['EventBridge without versions', bridged('Object Created', { key: 'k' }), [created('k')]],
  [
    'a removal by EventBridge',
    bridged('Object Deleted', { key: 'k' }),
    [passing('Object Deleted')],
  ],
])('%s is understood', (_, message, notices) => {
  expect(noticesOf(JSON.parse(JSON.stringify(message)))).toEqual(notices);
});

test.each([
  ['null', null],
  ['nothing', undefined],
  ['a number', 5],
  ['a text', 'Records'],
  ['JSON in a text', JSON.stringify(s3(record('k')))],
  ['an array', [record('k')]],
  ['an empty object', {}],
  ['no records', s3()],
  ['records that are no array', { Records: record('k') }],
  ['a record that is null', s3(null)],
  ['a record that is an array', s3([record('k')])],
  ['a record without an event', s3({ s3: record('k').s3 })],
  ['a record whose event is no text', s3(record('k', {}, 1))],
  ['a record without an object', s3({ eventName: 'ObjectCreated:Put', s3: {} })],
  ['a record without a bucket', s3({ ...record('k'), s3: { object: { key: 'k' } } })],
  ['an empty bucket', s3({ ...record('k'), s3: { bucket: { name: '' }, object: { key: 'k' } } })],
  ['a key that is no text', s3(record(['k']))],
  ['an empty key', s3(record(''))],
  ['a percent sign that encodes nothing', s3(record('100%'))],
  ['half a percent sign', s3(record('a%2'))],
  ['letters that are not UTF-8', s3(record('%FF'))],
  ['an encoded surrogate', s3(record('%ED%A0%80'))],
  ['half a character', s3(record('\ud800'))],
  ['half a character in a version', s3(record('k', { versionId: '\ud800' }))],
  ['a version that is no text', s3(record('k', { versionId: 5 }))],
  ['one good record and one bad', s3(record('k'), record('%'))],
  ['a queue’s message around it', s3({ messageId: 'm', body: JSON.stringify(s3(record('k'))) })],
  ['SNS around it', { Type: 'Notification', Message: JSON.stringify(s3(record('k'))) }],
  ['another test event', { Event: 's3:OtherEvent' }],
  ['EventBridge without a type', { source: 'aws.s3', detail: { object: { key: 'k' } } }],
  ['EventBridge without a bucket', { ...bridged('Object Created', { key: 'k' }), detail: {} }],
  ['EventBridge without a key', bridged('Object Created', {})],
  ['EventBridge with half a character', bridged('Object Created', { key: 'a\udc00' })],
  ['EventBridge from elsewhere', { ...bridged('Object Created', { key: 'k' }), source: 'mine' }],
])('%s is not understood', (_, message) => {
  expect(noticesOf(message)).toBeNull();
});

test('a continuation names the object that it was made for, whatever its key', () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 300 });
  const name = fc.record(
    { bucket: text, key: text, versionId: text },
    { requiredKeys: ['bucket', 'key'] },
  );
  fc.assert(
    fc.property(name, (of) => {
      expect(noticesOf(JSON.parse(continuation(of)))).toEqual([{ kind: 'created', name: of }]);
    }),
    { numRuns: 2_000 },
  );
});

test('nothing that is JSON makes it throw', () => {
  const keys = [
    'Records',
    'Event',
    'source',
    'detail-type',
    'detail',
    'eventName',
    's3',
    'object',
    'key',
  ];
  const values = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('aws.s3', 'ObjectCreated:Put', '%', 1, null),
  );
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { depthSize: 'medium' },
      values,
      fc.array(tie('json'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...keys), tie('json')),
    ),
  }));
  fc.assert(
    fc.property(json, (message) => {
      const notices = noticesOf(message);
      expect(notices === null || notices.length > 0).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});
