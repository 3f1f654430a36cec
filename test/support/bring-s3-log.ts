import { bucketArchive } from '../../lib/aws/log-archive.ts';
import { s3Client, s3Object } from '../../lib/aws/s3-object.ts';
import type { Graph } from '../../lib/graph/connection.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import { ingestObject } from '../../lib/ingest/ingest.ts';
import type { VerifyingKey } from '../../lib/trust/keys.ts';
import type { StubAws } from './stub-aws.ts';

/** Puts a log into a bucket of the stub and its records into the graph. */
export async function bringS3Log(
  graph: Graph,
  aws: StubAws,
  place: `${string}/${string}`,
  text: string,
  key: VerifyingKey,
): Promise<void> {
  const versionId = aws.put(place, text);
  const [bucket = '', ...rest] = place.split('/');
  Object.assign(process.env, aws.environment);
  const name = { bucket, key: rest.join('/'), ...(versionId === null ? {} : { versionId }) };
  const object = await s3Object(s3Client(), name);
  const stores = { sink: new GraphWriter(graph), archive: bucketArchive(s3Client(), 'evidence') };
  await ingestObject(object, stores, { keys: [key], onBadLine: 'reject' });
}
