import { bucketProofs } from '../lib/aws/bucket-proofs.ts';
import { httpHandler } from '../lib/aws/http-handler.ts';
import { awsKeySources } from '../lib/aws/key-sources.ts';
import { bucketArchive } from '../lib/aws/log-archive.ts';
import { LINE_RANGE_BYTES, s3Client } from '../lib/aws/s3-object.ts';
import { tlogBucket } from '../lib/aws/tlog-bucket.ts';
import { httpSettings, stack } from '../lib/config.ts';
import { envelopeReader } from '../lib/evidence.ts';
import { CHECKPOINT_ROUTES } from '../lib/http/routes/checkpoint.ts';
import { EVIDENCE_ROUTES } from '../lib/http/routes/evidence.ts';
import { keysRoute } from '../lib/http/routes/keys.ts';
import { keyEntries } from '../lib/key-entries.ts';
import { loadTrusted } from '../lib/keys.ts';
import { once } from '../lib/once.ts';

const { evidenceBucket } = stack(process.env, ['evidenceBucket']);
const s3 = s3Client();
const archive = bucketArchive(s3, evidenceBucket, { rangeBytes: LINE_RANGE_BYTES });
const trusted = once(() => loadTrusted(keyEntries(process.env), awsKeySources));

export const handler = httpHandler(
  [...EVIDENCE_ROUTES, ...CHECKPOINT_ROUTES, keysRoute],
  httpSettings(process.env),
  {
    readEnvelope: envelopeReader(archive, async () => (await trusted()).keys),
    ring: async () => (await trusted()).ring,
    tlog: tlogBucket(s3, evidenceBucket),
    proofs: bucketProofs(s3, evidenceBucket, archive),
  },
);
