import { bucketProofs } from '../lib/aws/bucket-proofs.ts';
import { httpHandler } from '../lib/aws/http-handler.ts';
import { kmsPublicKey } from '../lib/aws/kms.ts';
import { bucketArchive } from '../lib/aws/log-archive.ts';
import { LINE_RANGE_BYTES, s3Client } from '../lib/aws/s3-object.ts';
import { tlogBucket } from '../lib/aws/tlog-bucket.ts';
import { httpSettings, stack } from '../lib/config.ts';
import { envelopeReader } from '../lib/evidence.ts';
import { CHECKPOINT_ROUTES } from '../lib/http/routes/checkpoint.ts';
import { EVIDENCE_ROUTES } from '../lib/http/routes/evidence.ts';
import { keyEntries, loadKeys } from '../lib/keys.ts';
import { once } from '../lib/once.ts';

const { evidenceBucket } = stack(process.env, ['evidenceBucket']);
const s3 = s3Client();
const archive = bucketArchive(s3, evidenceBucket, { rangeBytes: LINE_RANGE_BYTES });
const keys = once(() => loadKeys(keyEntries(process.env), kmsPublicKey));

export const handler = httpHandler(
  [...EVIDENCE_ROUTES, ...CHECKPOINT_ROUTES],
  httpSettings(process.env),
  envelopeReader(archive, keys),
  tlogBucket(s3, evidenceBucket),
  bucketProofs(s3, evidenceBucket, archive),
);
