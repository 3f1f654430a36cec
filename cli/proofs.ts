import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../lib/errors.ts';
import type { Archive } from '../lib/ingest/archive.ts';
import { receiptsInFolder } from '../lib/local/receipts.ts';
import type { ProofSource, TlogReader } from '../lib/proof/prove.ts';
import { BUCKET } from './database.ts';

/** Where `custody start` keeps receipts, and the tlog that they are leaves of. */
const RECEIPTS = '.custody/receipts';
const TLOG = '.custody/log';

/** What proofs are made of: in the evidence bucket that CUSTODY_EVIDENCE_BUCKET names, else beside the embedded database. */
export async function openProofs(env: NodeJS.ProcessEnv, archive: Archive): Promise<ProofSource> {
  const bucket = env['CUSTODY_EVIDENCE_BUCKET'];
  if (!bucket)
    return {
      archive,
      tlog: { checkpoint: readCheckpoint, read: readTlog },
      receipts: (uri) => receiptsInFolder(RECEIPTS, BUCKET, uri),
    };
  // Only who names a bucket waits for the client to load.
  const [{ bucketProofs }, { s3Client }] = await Promise.all([
    import('../lib/aws/bucket-proofs.ts'),
    import('../lib/aws/s3-object.ts'),
  ]);
  return bucketProofs(s3Client(), bucket, archive);
}

const readTlog: TlogReader['read'] = (path) =>
  readFile(join(TLOG, path)).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return null;
    throw error;
  });

const readCheckpoint: TlogReader['checkpoint'] = async () => {
  const bytes = await readTlog('checkpoint');
  return bytes === null ? null : { bytes };
};
