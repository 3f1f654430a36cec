import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { statusOf } from './s3-failure.ts';

/** A whole object as it was read. */
export interface FoundObject {
  readonly bytes: Buffer;
  readonly ETag: string | undefined;
  readonly LastModified: Date | undefined;
}

/** Reads an object whole; null where there is none. Rejects with the SDK's error for whatever else. */
export async function getIfThere(
  client: S3Client,
  place: { readonly Bucket: string; readonly Key: string },
): Promise<FoundObject | null> {
  try {
    const { Body: body, ETag, LastModified } = await client.send(new GetObjectCommand(place));
    const bytes = Buffer.from((await body?.transformToByteArray()) ?? []);
    return { bytes, ETag, LastModified };
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}
