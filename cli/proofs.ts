import type { Archive } from '../lib/ingest/archive.ts';
import { receiptsInFolder } from '../lib/local/receipts.ts';
import { tlogFolder } from '../lib/local/tlog-folder.ts';
import type { ProofSource } from '../lib/proof/prove.ts';
import { BUCKET } from './database.ts';
import { RECEIPTS, TLOG } from './tlog.ts';

/** What proofs are made of: in the evidence bucket that CUSTODY_EVIDENCE_BUCKET names, else beside the embedded database. */
export async function openProofs(env: NodeJS.ProcessEnv, archive: Archive): Promise<ProofSource> {
  const bucket = env['CUSTODY_EVIDENCE_BUCKET'];
  if (!bucket)
    return {
      archive,
      tlog: tlogFolder(TLOG),
      receipts: (uri) => receiptsInFolder(RECEIPTS, BUCKET, uri),
    };
  // Only who names a bucket waits for the client to load.
  const [{ bucketProofs }, { s3Client }] = await Promise.all([
    import('../lib/aws/bucket-proofs.ts'),
    import('../lib/aws/s3-object.ts'),
  ]);
  return bucketProofs(s3Client(), bucket, archive);
}
