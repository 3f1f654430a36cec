import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { bucketReceiptFiles, bucketReceipts, isReceiptKey } from '../../lib/aws/bucket-receipts.ts';
import { s3Client } from '../../lib/aws/s3-object.ts';
import { TransientError } from '../../lib/errors.ts';
import type { Receipts } from '../../lib/ingest/delivery.ts';
import type { Receipt } from '../../lib/ingest/receipt.ts';
import { s3Uri } from '../../lib/object/s3-name.ts';
import { StubAws } from '../support/stub-aws.ts';

let stub: StubAws;
let client: ReturnType<typeof s3Client>;
let receipts: Receipts;

beforeAll(async () => {
  stub = await StubAws.start();
  Object.assign(process.env, stub.environment);
  client = s3Client(1_000);
  receipts = bucketReceipts(client, 'evidence');
});
beforeEach(() => {
  stub.fault = () => null;
  stub.objects.clear();
});
afterAll(async () => {
  client.destroy();
  await stub.close();
});

function receiptOf(object: string, lines = 3): Receipt {
  const counts = { lines, accepted: lines, duplicate: 0, withheld: 0, rejectedTotal: 0 };
  const seal = { root: 'cd', kids: ['ef'], custody: '1.0.0' };
  return { object, status: 'accepted', ...counts, rejected: [], bytes: 9, sha256: 'ab', ...seal };
}

/** Every receipt that was ever written, by its key. */
function written(): Record<string, unknown[]> {
  return Object.fromEntries(
    Array.from(stub.objects)
      .filter(([place]) => place.startsWith('evidence/receipts/'))
      .map(([place, versions]) => [
        place.replace('evidence/', ''),
        versions.map(({ bytes }): unknown => JSON.parse(bytes.toString('utf8'))),
      ]),
  );
}

const logs = (key: string, versionId?: string): string =>
  s3Uri({ bucket: 'logs', key, ...(versionId === undefined ? {} : { versionId }) });

test.each([
  [logs('a/b.jsonl', 'v1'), 'receipts/logs/a/b.jsonl@v1.json'],
  [logs('a b+c%2F?#ü.jsonl', 'v1'), 'receipts/logs/a b+c%2F?#ü.jsonl@v1.json'],
  [logs('a@v2', 'v1'), 'receipts/logs/a@v2@v1.json'],
  [logs('a.jsonl', 'v+1/=%'), 'receipts/logs/a.jsonl@v+1/=%.json'],
  [`${logs('a.jsonl')}?etag=0cc1`, 'receipts/logs/a.jsonl@0cc1.json'],
  [logs('a.jsonl'), 'receipts/logs/a.jsonl@unversioned.json'],
])('the receipt of %s lies at %s', async (uri, key) => {
  expect(await receipts.put(receiptOf(uri))).toBe(key);
  expect(written()).toEqual({ [key]: [{ type: 'receipt', ...receiptOf(uri) }] });
});

test.each(['k'.repeat(1_024), 'ü'.repeat(512), `${'k'.repeat(1_000)}.jsonl`])(
  'a key too long to be part of another stands there as its hash',
  async (long) => {
    const key = await receipts.put(receiptOf(logs(long, 'v'.repeat(32))));
    expect(key).toMatch(/^receipts\/logs\/sha256:[0-9a-f]{64}@v{32}\.json$/);
    const other = await receipts.put(receiptOf(logs(`${long.slice(0, -1)}x`, 'v'.repeat(32))));
    expect(other).not.toBe(key);
  },
);

test('the same receipt, however often and at once, is one', async () => {
  const receipt = receiptOf(logs('k', 'v'));
  const keys = await Promise.all(Array.from({ length: 8 }, () => receipts.put(receipt)));
  expect(new Set(keys)).toEqual(new Set(['receipts/logs/k@v.json']));
  expect(written()).toEqual({ 'receipts/logs/k@v.json': [{ type: 'receipt', ...receipt }] });
});

test('another outcome of the same version lies beside the first, which stays as it is', async () => {
  const outcomes = [1, 2, 3].map((lines) => receiptOf(logs('k', 'v'), lines));
  for (const again of [1, 2])
    for (const [index, outcome] of outcomes.entries()) {
      const ending = index === 0 ? '' : `.${index + 1}`;
      expect(await receipts.put(outcome), `time ${again}`).toBe(`receipts/logs/k@v${ending}.json`);
    }
  expect(Object.values(written())).toEqual(
    outcomes.map((outcome) => [{ type: 'receipt', ...outcome }]),
  );
});

test('outcomes without end are given up', async () => {
  await receipts.put(receiptOf(logs('k', 'v'), 1));
  for (let outcome = 2; outcome <= 100; outcome += 1)
    stub.put(`evidence/receipts/logs/k@v.${outcome}.json`, 'another');
  await expect(receipts.put(receiptOf(logs('k', 'v'), 2))).rejects.toThrow(TransientError);
  expect([...stub.objects.keys()].filter((place) => place.includes('receipts/'))).toHaveLength(100);
});

test.each([1, 2, 3])('a receipt whose %i answers got lost is written once', async (times) => {
  const receipt = receiptOf(logs('k', 'v'));
  let left = times;
  stub.fault = () => ((left -= 1) >= 0 ? { lost: 'answer' } : null);
  expect(await receipts.put(receipt)).toBe('receipts/logs/k@v.json');
  expect(written()).toEqual({ 'receipts/logs/k@v.json': [{ type: 'receipt', ...receipt }] });
});

test.each([
  ['s3:PUT', { status: 409, code: 'ConditionalRequestConflict' }],
  ['s3:PUT', { status: 500, code: 'InternalError' }],
  ['s3:PUT', { status: 503, code: 'SlowDown' }],
  ['s3:PUT', { status: 403, code: 'AccessDenied' }],
  ['s3:PUT', { silence: 'hang' }],
  ['s3:PUT', { silence: 'reset' }],
  ['s3:GET', { status: 403, code: 'AccessDenied' }],
  ['s3:GET', { silence: 'reset' }],
  ['s3:GET', { cutAfter: 5, how: 'reset' }],
  ['s3:GET', { cutAfter: 5, how: 'stall' }],
] as const)('%s with %o fails, and is made good by trying again', async (action, fault) => {
  const [first, other] = [receiptOf(logs('k', 'v'), 1), receiptOf(logs('k', 'v'), 2)];
  await receipts.put(first);
  stub.fault = (request) => (request.action === action ? fault : null);
  await expect(receipts.put(other)).rejects.toThrow(TransientError);
  stub.fault = () => null;
  expect(await receipts.put(other)).toBe('receipts/logs/k@v.2.json');
  expect(Object.values(written())).toEqual(
    [[first], [other]].map(([of]) => [{ type: 'receipt', ...of }]),
  );
});

test('each receipt waits to become a leaf of the tlog, also when it stood there before', async () => {
  const receipt = receiptOf(logs('k', 'v'));
  await receipts.put(receipt);
  const [waiting] = [...stub.objects.keys()].filter((place) => place.includes('tlog/pending/'));
  const bytes = stub.text('evidence/receipts/logs/k@v.json') ?? '';
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  expect(waiting).toBe(`evidence/tlog/pending/${sha256}`);
  expect(stub.text(`evidence/tlog/pending/${sha256}`)).toBe(bytes);
  // As where the function ended before it put what waits.
  stub.objects.delete(`evidence/tlog/pending/${sha256}`);
  await receipts.put(receipt);
  expect(stub.text(`evidence/tlog/pending/${sha256}`)).toBe(bytes);
});

test('every receipt that lies there is read again, whatever its key is, and its name is that of its object', async () => {
  const uris = [logs('a b+c%2F?#ü.jsonl', 'v1'), logs('a.jsonl'), logs('k'.repeat(1_000), 'v')];
  for (const uri of uris) await receipts.put(receiptOf(uri));
  await receipts.put(receiptOf(logs('a.jsonl'), 4));
  const read: string[] = [];
  for await (const { name, bytes } of bucketReceiptFiles(client, 'evidence')) {
    const { object } = JSON.parse(bytes.toString('utf8')) as Receipt;
    read.push(object);
    for (const uri of uris) expect(isReceiptKey(name, uri)).toBe(uri === object);
  }
  expect(read.sort()).toEqual([...uris, logs('a.jsonl')].sort());
});
