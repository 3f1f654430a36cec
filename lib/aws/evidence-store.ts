import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { EvidenceStore } from '../audit/store.ts';
import { TransientError } from '../errors.ts';
import { failureCode } from './failure-code.ts';
import { getIfThere } from './get-if-there.ts';
import { listed } from './listed.ts';

/** The evidence bucket; each of what is written again stays beneath as an older version. */
export function bucketEvidence(client: S3Client, bucket: string): EvidenceStore {
  const failed = (error: unknown, name: string): TransientError =>
    new TransientError(
      'S3_FAILED',
      `${name} of the evidence bucket: S3 failed (${failureCode(error)})`,
      {
        cause: error,
      },
    );
  return {
    async read(name) {
      try {
        const found = await getIfThere(client, { Bucket: bucket, Key: name });
        return found?.bytes ?? null;
      } catch (error) {
        throw failed(error, name);
      }
    },
    async write(name, bytes) {
      const put = new PutObjectCommand({ Bucket: bucket, Key: name, Body: bytes });
      await client.send(put).catch((error: unknown) => {
        throw failed(error, name);
      });
    },
    async *list(prefix) {
      for await (const { name, at } of listed(client, bucket, prefix))
        yield { name: `${prefix}${name}`, at };
    },
  };
}
