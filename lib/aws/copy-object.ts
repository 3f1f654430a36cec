import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  UploadPartCopyCommand,
  type CompletedPart,
  type S3Client,
} from '@aws-sdk/client-s3';
import { TransientError } from '../errors.ts';
import { s3Uri, type S3Name } from '../object/s3-name.ts';

/** What is copied; nothing if it is another content by now. */
export interface CopySource {
  readonly name: S3Name;
  readonly etag: string;
  readonly bytes: number;
}

/** An object's name, as the SDK takes it. */
export interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

/** What S3 says of an object. */
export interface ObjectState {
  readonly version: string | null;
  readonly checksum: string | null;
}

const PARTS_AT_ONCE = 4;
const CONTENT = { ContentType: 'application/octet-stream' } as const;

/** An object of up to 5 GiB in one request, to where none is; neither metadata nor tags come along. */
export async function copyWhole(
  client: S3Client,
  place: Place,
  source: CopySource,
): Promise<ObjectState> {
  const copied = await client.send(
    new CopyObjectCommand({
      ...place,
      ...CONTENT,
      ...from(source),
      IfNoneMatch: '*',
      ChecksumAlgorithm: 'SHA256',
      MetadataDirective: 'REPLACE',
      TaggingDirective: 'REPLACE',
    }),
  );
  const checksum = copied.CopyObjectResult?.ChecksumSHA256 ?? null;
  return { version: copied.VersionId ?? null, checksum };
}

/** How a larger object is cut: the checksum (base64) that each part had when it was read. */
interface Parts {
  readonly bytes: number;
  readonly checksums: readonly string[];
}

/** A larger one in parts, each of which has to have the checksum that it had when it was read. */
export async function copyInParts(
  client: S3Client,
  place: Place,
  source: CopySource,
  cut: Parts,
): Promise<ObjectState> {
  const begun = await client.send(
    new CreateMultipartUploadCommand({
      ...place,
      ...CONTENT,
      ChecksumAlgorithm: 'SHA256',
      ChecksumType: 'COMPOSITE',
    }),
  );
  const upload = { ...place, UploadId: begun.UploadId };
  try {
    const parts = await copyParts(client, upload, source, cut);
    const done = await client.send(
      new CompleteMultipartUploadCommand({
        ...upload,
        IfNoneMatch: '*',
        ChecksumType: 'COMPOSITE',
        MultipartUpload: { Parts: parts },
      }),
    );
    return { version: done.VersionId ?? null, checksum: done.ChecksumSHA256 ?? null };
  } catch (error) {
    // Parts cost until they are gone; where this fails, the bucket's own rule removes them within days.
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
    throw error;
  }
}

async function copyParts(
  client: S3Client,
  upload: Place & { readonly UploadId: string | undefined },
  source: CopySource,
  { bytes, checksums }: Parts,
): Promise<CompletedPart[]> {
  const parts: CompletedPart[] = [];
  const copyNext = async (queue: Iterator<[number, string]>): Promise<void> => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      const [index, checksum] = next.value;
      const [start, end] = [index * bytes, Math.min((index + 1) * bytes, source.bytes)];
      const { CopyPartResult: part } = await client.send(
        new UploadPartCopyCommand({
          ...upload,
          ...from(source),
          PartNumber: index + 1,
          CopySourceRange: `bytes=${start}-${end - 1}`,
        }),
      );
      if (part?.ChecksumSHA256 !== checksum)
        throw new TransientError('OBJECT_CHANGED', 'S3 copied other bytes than were read');
      parts[index] = { PartNumber: index + 1, ETag: part.ETag, ChecksumSHA256: checksum };
    }
  };
  const queue = checksums.entries();
  const copying = Array.from({ length: PARTS_AT_ONCE }, () => copyNext(queue));
  // An upload that is given up while a part is on its way keeps that part.
  await Promise.allSettled(copying);
  await Promise.all(copying);
  return parts;
}

function from({ name, etag }: CopySource): { CopySource: string; CopySourceIfMatch: string } {
  const copySource = s3Uri(name).slice('s3://'.length);
  return { CopySource: copySource, CopySourceIfMatch: etag };
}
