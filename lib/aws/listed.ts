import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { TransientError } from '../errors.ts';
import { failureCode } from './failure-code.ts';

/**
 * The objects under a prefix, named without it, with when they were put there in milliseconds since
 * 1970; what a delete marker hides is not among them. {@link TransientError} where S3 fails.
 */
export async function* listed(
  client: S3Client,
  bucket: string,
  prefix: string,
): AsyncGenerator<{ readonly name: string; readonly at: number }> {
  let token: string | undefined;
  do {
    const page = await client
      .send(
        new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix,
          // Not every character that a key may have can stand in XML.
          EncodingType: 'url',
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
      )
      .catch((error: unknown) => {
        throw new TransientError(
          'S3_FAILED',
          `${bucket} could not be listed under ${prefix} (${failureCode(error)})`,
          { cause: error },
        );
      });
    for (const { Key: written, LastModified: at } of page.Contents ?? []) {
      const key = written && decodeURIComponent(written.replaceAll('+', ' '));
      if (key !== undefined) yield { name: key.slice(prefix.length), at: at?.getTime() ?? 0 };
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
}
