/** An object, and its version where one is named. */
export interface S3Name {
  readonly bucket: string;
  readonly key: string;
  readonly versionId?: string;
}

/** Percent-encoded; the slashes of the key stay. */
export function s3Uri({ bucket, key, versionId }: S3Name): string {
  const path = key.split('/').map(encodeURIComponent).join('/');
  const version = versionId === undefined ? '' : `?versionId=${encodeURIComponent(versionId)}`;
  return `s3://${bucket}/${path}${version}`;
}

/** Reads {@link s3Uri}'s form; null for another one. */
export function s3Name(uri: string): S3Name | null {
  const [, bucket = '', path = '', query = ''] =
    /^s3:\/\/([^/?]+)\/([^?]+)(?:\?(.*))?$/.exec(uri) ?? [];
  if (bucket === '') return null;
  const versionId = new URLSearchParams(query).get('versionId');
  try {
    const key = decodeURIComponent(path);
    return versionId === null ? { bucket, key } : { bucket, key, versionId };
  } catch {
    return null;
  }
}
