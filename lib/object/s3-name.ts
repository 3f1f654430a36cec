/** An object, and its version where one is named. */
export interface S3Name {
  readonly bucket: string;
  readonly key: string;
  readonly versionId?: string;
  /** Names the content where the bucket keeps no versions; without quotes. */
  readonly etag?: string;
}

/** Percent-encoded; the slashes of the key stay. */
export function s3Uri({ bucket, key, versionId, etag }: S3Name): string {
  const address = `s3://${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
  if (versionId !== undefined) return `${address}?versionId=${encodeURIComponent(versionId)}`;
  return etag === undefined ? address : `${address}?etag=${encodeURIComponent(etag)}`;
}

/** Reads {@link s3Uri}'s form; null for another one. */
export function s3Name(uri: string): S3Name | null {
  const [, bucket = '', path = '', query = ''] =
    /^s3:\/\/([^/?]+)\/([^?]+)(?:\?(.*))?$/.exec(uri) ?? [];
  if (bucket === '') return null;
  const members = new URLSearchParams(query);
  const [versionId, etag] = [members.get('versionId'), members.get('etag')];
  try {
    const key = decodeURIComponent(path);
    if (versionId !== null) return { bucket, key, versionId };
    return etag === null ? { bucket, key } : { bucket, key, etag };
  } catch {
    return null;
  }
}
