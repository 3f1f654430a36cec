import { createHash } from 'node:crypto';
import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { TransientError } from '../errors.ts';
import type { Receipts } from '../ingest/delivery.ts';
import { spellReceipt } from '../ingest/receipt.ts';
import { s3Name } from '../object/s3-name.ts';
import { pendingPath } from '../tlog/store.ts';
import { failureCode } from './failure-code.ts';
import { isPutNew } from './put-new.ts';
import { statusOf, translate } from './s3-failure.ts';

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
        const key = `${base}${outcome === 1 ? '' : `.${outcome}`}.json`;
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
    const key = `${base}${outcome === 1 ? '' : `.${outcome}`}.json`;
    const text = await readText(client, { Bucket: bucket, Key: key });
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
    const { Body: body } = await client.send(new GetObjectCommand(place));
    return (await body?.transformToString()) ?? null;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw translate(error, `s3://${place.Bucket}/${place.Key}`);
  }
}

/** Whether that is a key under which {@link bucketReceipts} keeps a receipt of the object. */
export function isReceiptKey(key: string, object: string): boolean {
  if (!URL.canParse(object)) return false;
  const base = receiptBase(object);
  return key.startsWith(base) && /^(?:\.\d+)?\.json$/.test(key.slice(base.length));
}

/** From the object's URI, so that a receipt's name and its `object` can't disagree. */
function receiptBase(uri: string): string {
  const { bucket, key } = s3Name(uri) ?? { bucket: 'unknown', key: uri };
  const query = new URL(uri).searchParams;
  const version = query.get('versionId') ?? query.get('etag') ?? 'unversioned';
  const base = `receipts/${bucket}/${key}@${version}`;
  // Room for the ending.
  if (Buffer.byteLength(base) <= MAX_KEY_BYTES - 16) return base;
  return `receipts/${bucket}/sha256:${createHash('sha256').update(key).digest('hex')}@${version}`;
}

/** After the receipt: what ends in between comes again with its message. */
async function wait(client: S3Client, bucket: string, body: string): Promise<void> {
  const sha256 = createHash('sha256').update(body).digest('hex');
  const place = { Bucket: bucket, Key: `tlog/${pendingPath(sha256)}` };
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
  try {
    // Not every character that a key may have can stand in XML.
    const list = { Bucket: bucket, Prefix: 'receipts/', EncodingType: 'url' } as const;
    for await (const { Contents: found = [] } of paginateListObjectsV2({ client }, list))
      for (const { Key: written = '' } of found) {
        const name = decodeURIComponent(written.replaceAll('+', ' '));
        const command = new GetObjectCommand({ Bucket: bucket, Key: name });
        const { Body: body } = await client.send(command);
        yield { name, bytes: Buffer.from((await body?.transformToByteArray()) ?? []) };
      }
  } catch (error) {
    throw new TransientError('S3_FAILED', `the receipts can't be read (${failureCode(error)})`, {
      cause: error,
    });
  }
}
