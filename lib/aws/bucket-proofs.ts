import type { S3Client } from '@aws-sdk/client-s3';
import type { ProofSource } from '../proof/prove.ts';
import { receiptsInBucket } from './bucket-receipts.ts';
import { tlogBucket } from './tlog-bucket.ts';

/** What proofs are made of, in the evidence bucket. */
export function bucketProofs(
  client: S3Client,
  bucket: string,
  archive: ProofSource['archive'],
): ProofSource {
  return {
    archive,
    receipts: (uri) => receiptsInBucket(client, bucket, uri),
    tlog: tlogBucket(client, bucket),
  };
}
