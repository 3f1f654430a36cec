import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { PoisonObjectError, TransientError } from '../errors.ts';
import { archiveDamaged, treeFile, verdictFile, type Archive } from '../ingest/archive.ts';
import { isGzip } from '../object/gzip.ts';
import type { Identity, StoredObject } from '../object/stored.ts';
import {
  copyInParts,
  copyWhole,
  type CopySource,
  type ObjectState,
  type Place,
} from './copy-object.ts';
import { failureCode } from './failure-code.ts';
import { getIfThere } from './get-if-there.ts';
import { listed } from './listed.ts';
import { isPutNew } from './put-new.ts';
import { statusOf, translate } from './s3-failure.ts';
import { s3Object, type S3Options } from './s3-object.ts';

export interface ArchiveOptions extends Omit<S3Options, 'isGzip'> {
  /** Has more patience than a reader's: S3 answers only when it has copied. */
  readonly copying?: S3Client;
}

/**
 * `logs/<sha256>` of a bucket whose Object Lock keeps what is put there. S3 copies by itself, and what
 * it copied is compared with what was verified by the checksum that it returns.
 */
export function bucketArchive(
  client: S3Client,
  bucket: string,
  { copying = client, ...options }: ArchiveOptions = {},
): Archive {
  const placeOf = (file: string): Place => ({ Bucket: bucket, Key: `logs/${file}` });
  return {
    open: (sha256, version) => openLog(client, placeOf(sha256), version ?? null, options),
    async put(object, identity, { name, text, tree }) {
      const place = placeOf(name.log);
      const version = await keep(copying, place, object, identity).catch((error: unknown) => {
        throw archiveFailure(error, object.name);
      });
      const keepText = async (file: string, body: string): Promise<void> => {
        const kept = { ...placeOf(file), Body: body, ContentType: 'application/json' };
        await isPutNew(client, kept).catch((error: unknown) => {
          throw archiveFailure(error, object.name);
        });
      };
      if (tree !== null) await keepText(treeFile(name.log), JSON.stringify(tree));
      // The first one stays: whatever was written under it is judged by it.
      await keepText(verdictFile(name), text);
      return version;
    },
    list: () => listed(client, bucket, 'logs/'),
    verdict: (name) => readText(client, placeOf(verdictFile(name)), name.log),
    treeIndex: (sha256) => readText(client, placeOf(treeFile(sha256)), sha256),
  };
}

/** Null where there is none. */
async function readText(client: S3Client, place: Place, log: string): Promise<string | null> {
  try {
    return (await getIfThere(client, place))?.bytes.toString('utf8') ?? null;
  } catch (error) {
    throw archiveFailure(error, log);
  }
}

async function openLog(
  client: S3Client,
  place: Place,
  version: string | null,
  options: Omit<S3Options, 'isGzip'>,
): Promise<StoredObject | null> {
  const versioned = version === null ? {} : { VersionId: version };
  try {
    const head = new GetObjectCommand({ ...place, ...versioned, Range: 'bytes=0-1' });
    const { Body: body } = await client.send(head);
    const bytes = (await body?.transformToByteArray()) ?? new Uint8Array();
    const name = { bucket: place.Bucket, key: place.Key };
    const pinned = version === null ? name : { ...name, versionId: version };
    return await s3Object(client, pinned, { ...options, isGzip: isGzip(bytes) });
  } catch (error) {
    const status = statusOf(error);
    if (status === 404 || status === 405) return null;
    if (error instanceof PoisonObjectError && error.code === 'OBJECT_GONE') return null;
    throw error instanceof PoisonObjectError || error instanceof TransientError
      ? error
      : translate(error, `s3://${place.Bucket}/${place.Key}`);
  }
}

/** Answers the version of the log, which is there for good. */
async function keep(
  client: S3Client,
  place: Place,
  object: StoredObject,
  identity: Identity,
): Promise<string | null> {
  const checksum = checksumOf(identity);
  const before = await find(client, place);
  if (before !== null) return versionOf(before, checksum);
  const made = await copy(client, place, object, identity, checksum);
  if (made !== null) return versionOf(made, checksum);
  // Somebody else's copy, or our own whose answer was lost; if there is none, it was the source.
  const after = await find(client, place);
  if (after !== null) return versionOf(after, checksum);
  throw new PoisonObjectError(
    'OBJECT_OVERWRITTEN',
    'the object was overwritten before it was archived',
  );
}

/** Null where a precondition failed: that of the place, or that of the source. */
async function copy(
  client: S3Client,
  place: Place,
  object: StoredObject,
  { parts, bytes }: Identity,
  checksum: string,
): Promise<ObjectState | null> {
  try {
    const { origin } = object;
    if (!('s3' in origin)) {
      const body = { Body: Readable.from(object.stored()), ContentLength: bytes };
      await isPutNew(client, { ...place, ...body, ChecksumSHA256: checksum });
      return await find(client, place);
    }
    const source: CopySource = { name: origin.s3, etag: origin.etag, bytes };
    const made =
      parts === null
        ? await copyWhole(client, place, source)
        : await copyInParts(client, place, source, {
            bytes: parts.bytes,
            checksums: parts.sha256.map(base64),
          });
    // Not every store that speaks S3 names the checksum in its answer.
    return made.checksum === null ? await find(client, place) : made;
  } catch (error) {
    if (statusOf(error) === 412) return null;
    throw error;
  }
}

async function find(client: S3Client, place: Place): Promise<ObjectState | null> {
  try {
    const head = await client.send(new HeadObjectCommand({ ...place, ChecksumMode: 'ENABLED' }));
    return { version: head.VersionId ?? null, checksum: head.ChecksumSHA256 ?? null };
  } catch (error) {
    // 405 is what a delete marker answers; what it hides is still there, and is copied once more.
    const status = statusOf(error);
    if (status === 404 || status === 405) return null;
    throw error;
  }
}

function versionOf({ version, checksum }: ObjectState, expected: string): string | null {
  if (checksum === expected) return version;
  throw archiveDamaged('another content has the name of this log');
}

/** As S3 has it: of an object that was copied in parts over the hashes of these. */
function checksumOf({ sha256, parts, uri }: Identity): string {
  if (sha256 === null) throw new Error(`the bytes of ${uri} were not read to their end`);
  if (parts === null) return base64(sha256);
  const all = createHash('sha256');
  for (const part of parts.sha256) all.update(Buffer.from(part, 'hex'));
  return `${all.digest('base64')}-${parts.sha256.length}`;
}

function base64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}

function archiveFailure(error: unknown, name: string): Error {
  if (error instanceof PoisonObjectError || error instanceof TransientError) return error;
  const code = failureCode(error);
  const translated = translate(error, name);
  const isUnreadable =
    translated instanceof PoisonObjectError && translated.code === 'OBJECT_UNREADABLE';
  if (isUnreadable || code === 'NoSuchKey' || code === 'NoSuchVersion') return translated;
  return new TransientError(
    'ARCHIVE_FAILED',
    `${name} could not be archived (${code}); nothing of it was written, and it will be tried again`,
    { cause: error },
  );
}
