import type { Archive } from '../lib/ingest/archive.ts';
import { localArchive } from '../lib/local/log-archive.ts';

const FOLDER = '.custody/archive';

/**
 * Where accepted logs are kept: in the evidence bucket that CUSTODY_EVIDENCE_BUCKET names, where
 * everybody who asks that database finds them, else in a folder beside the embedded database.
 */
export async function openArchive(env: NodeJS.ProcessEnv): Promise<Archive> {
  const bucket = env['CUSTODY_EVIDENCE_BUCKET'];
  if (!bucket) return localArchive(FOLDER);
  // Only who names a bucket waits for the client to load.
  const [{ bucketArchive }, { s3Client }] = await Promise.all([
    import('../lib/aws/log-archive.ts'),
    import('../lib/aws/s3-object.ts'),
  ]);
  return bucketArchive(s3Client(), bucket, { copying: s3Client(300_000) });
}
