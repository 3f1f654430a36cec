import type { EvidenceStore } from '../lib/audit/store.ts';
import type { Archive } from '../lib/ingest/archive.ts';
import { folderEvidence } from '../lib/local/evidence-store.ts';
import { localArchive } from '../lib/local/log-archive.ts';
import type { ReadOptions } from '../lib/object/stored.ts';

/** S3 answers only when it has copied: up to 5 GiB at once. */
const COPY_MS = 300_000;

const FOLDER = '.custody/archive';

/**
 * Where accepted logs are kept: in the evidence bucket that CUSTODY_EVIDENCE_BUCKET names, where
 * everybody who asks that database finds them, else in a folder beside the embedded database.
 */
export function openArchive(env: NodeJS.ProcessEnv, options: ReadOptions = {}): Promise<Archive> {
  return archiveIn(env['CUSTODY_EVIDENCE_BUCKET'], options);
}

/** The archive of an evidence bucket, or the local one where none is named. */
export async function archiveIn(
  bucket: string | undefined,
  options: ReadOptions = {},
): Promise<Archive> {
  if (!bucket) return localArchive(FOLDER, options);
  // Only who names a bucket waits for the client to load.
  const [{ bucketArchive }, { s3Client }] = await Promise.all([
    import('../lib/aws/log-archive.ts'),
    import('../lib/aws/s3-object.ts'),
  ]);
  return bucketArchive(s3Client(), bucket, { ...options, copying: s3Client(COPY_MS) });
}

/** What stands beside the archive: the evidence bucket itself, or the folder that the archive is in. */
export async function openEvidence(env: NodeJS.ProcessEnv): Promise<EvidenceStore> {
  const bucket = env['CUSTODY_EVIDENCE_BUCKET'];
  if (!bucket) return folderEvidence('.custody');
  const [{ bucketEvidence }, { s3Client }] = await Promise.all([
    import('../lib/aws/evidence-store.ts'),
    import('../lib/aws/s3-object.ts'),
  ]);
  return bucketEvidence(s3Client(), bucket);
}
