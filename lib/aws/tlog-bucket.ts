import {
  DeleteObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { TransientError } from '../errors.ts';
import { MAX_BATCH, pendingPath, TLOG_PREFIX, type TlogStore } from '../tlog/store.ts';
import { credentialsMissing, failureCode } from './failure-code.ts';
import { getIfThere } from './get-if-there.ts';
import { isPutNew } from './put-new.ts';
import { statusOf } from './s3-failure.ts';

/**
 * A tlog as `tlog/…` of a bucket whose Object Lock keeps what is put there: each version of a checkpoint
 * and of a waiting leaf stays, too, until its lock ends.
 */
export function tlogBucket(client: S3Client, bucket: string): TlogStore {
  const placeOf = (path: string) => ({ Bucket: bucket, Key: `${TLOG_PREFIX}${path}` });
  return {
    checkpoint: () =>
      told('checkpoint', async () => {
        const found = await getIfThere(client, placeOf('checkpoint'));
        if (found?.ETag === undefined || found.LastModified === undefined) return null;
        return { bytes: found.bytes, tag: found.ETag, time: found.LastModified };
      }),
    replaceCheckpoint: (bytes, tag) =>
      told('checkpoint', async () => {
        const place = { ...placeOf('checkpoint'), Body: bytes, ContentType: TEXT };
        const isWhere = tag === null ? { IfNoneMatch: '*' } : { IfMatch: tag };
        try {
          await client.send(new PutObjectCommand({ ...place, ...isWhere }));
          return true;
        } catch (error) {
          // 409: another put of it is under way; 404: it was deleted meanwhile.
          if ([404, 409, 412].includes(statusOf(error) ?? 0)) return false;
          throw error;
        }
      }),
    read: (path) =>
      told(path, async () => (await getIfThere(client, placeOf(path)))?.bytes ?? null),
    putNew: (path, bytes) => told(path, () => isPutNew(client, { ...placeOf(path), Body: bytes })),
    pending: () =>
      told('pending', async () => {
        const Prefix = `${TLOG_PREFIX}${pendingPath('')}`;
        const list = new ListObjectsV2Command({ Bucket: bucket, Prefix, MaxKeys: MAX_BATCH });
        const { Contents: found = [] } = await client.send(list);
        return found.flatMap(({ Key }) =>
          Key === undefined ? [] : [Key.slice(TLOG_PREFIX.length)],
        );
      }),
    removePending: (path) =>
      told(path, async () => {
        await client.send(new DeleteObjectCommand(placeOf(path)));
      }),
  };
}

/** c2sp.org/tlog-tiles asks for it. */
const TEXT = 'text/plain; charset=utf-8';

async function told<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const missing = credentialsMissing(error);
    if (missing !== null) throw missing;
    throw new TransientError(
      'TLOG_FAILED',
      `${TLOG_PREFIX}${path}: S3 failed (${failureCode(error)}); it will be tried again`,
      { cause: error },
    );
  }
}
