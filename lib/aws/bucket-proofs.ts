import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { ProofSource, TlogReader } from '../proof/prove.ts';
import { receiptsInBucket } from './bucket-receipts.ts';
import { statusOf, translate } from './s3-failure.ts';

/** What proofs are made of, in the evidence bucket. */
export function bucketProofs(
  client: S3Client,
  bucket: string,
  archive: ProofSource['archive'],
): ProofSource {
  const read: TlogReader['read'] = async (path) => {
    const place = { Bucket: bucket, Key: `tlog/${path}` };
    try {
      const { Body: body } = await client.send(new GetObjectCommand(place));
      return Buffer.from((await body?.transformToByteArray()) ?? []);
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw translate(error, `s3://${bucket}/${place.Key}`);
    }
  };
  return {
    archive,
    receipts: (uri) => receiptsInBucket(client, bucket, uri),
    tlog: {
      read,
      async checkpoint() {
        const bytes = await read('checkpoint');
        return bytes === null ? null : { bytes };
      },
    },
  };
}
