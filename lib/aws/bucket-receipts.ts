import { createHash } from 'node:crypto';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { TransientError } from '../errors.ts';
import type { Receipts } from '../ingest/delivery.ts';
import { isReceiptName, receiptName, spellReceipt } from '../ingest/receipt.ts';
import { s3Name } from '../object/s3-name.ts';
import { pendingPath, shaOf, TLOG_PREFIX } from '../tlog/store.ts';
import { failureCode } from './failure-code.ts';
import { getIfThere } from './get-if-there.ts';
import { listed } from './listed.ts';
import { isPutNew } from './put-new.ts';
import { translate } from './s3-failure.ts';

/** Of the evidence bucket. */
const PREFIX = 'receipts/';

/** Of a key in S3, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1_024;

/** An object that was judged so often with another outcome each time is not believed. */
const MAX_OUTCOMES = 100;

/**
 * `receipts/<bucket>/<key>@<version>.json`; a later, other outcome of the same version, as when a key was
 * added, gets `….2.json`. Each also waits, as often as it is put, to become a leaf of the tlog
 * ({@link pendingPath}): the appender knows those that are one already.
 */
export function bucketReceipts(client: S3Client, bucket: string): Receipts {
  return {
    async put(receipt) {
      const body = spellReceipt(receipt);
      const base = receiptBase(receipt.object);
      for (let outcome = 1; outcome <= MAX_OUTCOMES; outcome += 1) {
        const key = receiptName(base, outcome);
        if (!(await isKept(client, bucket, key, body))) continue;
        await wait(client, bucket, body);
        return key;
      }
      throw new TransientError(
        'RECEIPTS_TOO_MANY',
        `${receipt.object} has more than ${MAX_OUTCOMES} receipts`,
      );
    },
  };
}

/** Every receipt of an object in that bucket, in the order in which they were put. */
export async function receiptsInBucket(
  client: S3Client,
  bucket: string,
  uri: string,
): Promise<readonly string[]> {
  const receipts: string[] = [];
  const base = receiptBase(uri);
  for (let outcome = 1; outcome <= MAX_OUTCOMES; outcome += 1) {
    const text = await readText(client, { Bucket: bucket, Key: receiptName(base, outcome) });
    if (text === null) break;
    receipts.push(text);
  }
  return receipts;
}

/** Null where there is none. */
async function readText(
  client: S3Client,
  place: { readonly Bucket: string; readonly Key: string },
): Promise<string | null> {
  try {
    return (await getIfThere(client, place))?.bytes.toString('utf8') ?? null;
  } catch (error) {
    throw translate(error, `s3://${place.Bucket}/${place.Key}`);
  }
}

/** Whether that is a key under which {@link bucketReceipts} keeps a receipt of the object. */
export function isReceiptKey(key: string, object: string): boolean {
  if (!URL.canParse(object)) return false;
  return isReceiptName(key, receiptBase(object));
}

/** From the object's URI, so that a receipt's name and its `object` can't disagree. */
function receiptBase(uri: string): string {
  const { bucket, key } = s3Name(uri) ?? { bucket: 'unknown', key: uri };
  const query = new URL(uri).searchParams;
  const version = query.get('versionId') ?? query.get('etag') ?? 'unversioned';
  const base = `${PREFIX}${bucket}/${key}@${version}`;
  // Room for the ending.
  if (Buffer.byteLength(base) <= MAX_KEY_BYTES - 16) return base;
  return `${PREFIX}${bucket}/sha256:${createHash('sha256').update(key).digest('hex')}@${version}`;
}

/** After the receipt: what ends in between comes again with its message. */
async function wait(client: S3Client, bucket: string, body: string): Promise<void> {
  const path = pendingPath(shaOf(Buffer.from(body)));
  const place = { Bucket: bucket, Key: `${TLOG_PREFIX}${path}` };
  await isPutNew(client, { ...place, Body: body }).catch((error: unknown) => {
    throw notWritten(error);
  });
}

function notWritten(error: unknown): TransientError {
  return new TransientError(
    'RECEIPT_NOT_WRITTEN',
    `the receipt could not be written (${failureCode(error)}); it will be tried again`,
    { cause: error },
  );
}

/** True when that text stands there, now or already. */
async function isKept(
  client: S3Client,
  bucket: string,
  key: string,
  body: string,
): Promise<boolean> {
  const place = { Bucket: bucket, Key: key };
  try {
    if (await isPutNew(client, { ...place, Body: body, ContentType: 'application/json' }))
      return true;
    const { Body: before } = await client.send(new GetObjectCommand(place));
    return (await before?.transformToString()) === body;
  } catch (error) {
    throw notWritten(error);
  }
}

/** Every receipt that lies there, by its key. {@link TransientError} where S3 fails. */
export async function* bucketReceiptFiles(
  client: S3Client,
  bucket: string,
): AsyncGenerator<{ readonly name: string; readonly bytes: Buffer }> {
  for await (const { name: file } of listed(client, bucket, PREFIX)) {
    const name = `${PREFIX}${file}`;
    const place = { Bucket: bucket, Key: name };
    const found = await getIfThere(client, place).catch((error: unknown) => {
      throw new TransientError('S3_FAILED', `the receipts can't be read (${failureCode(error)})`, {
        cause: error,
      });
    });
    if (found !== null) yield { name, bytes: found.bytes };
  }
}
