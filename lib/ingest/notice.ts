import type { S3Name } from '../object/s3-name.ts';

/** What one entry of a message announces. */
export type Notice =
  | { readonly kind: 'created'; readonly name: S3Name }
  /** Nothing to read: a test event, or an object that was removed. */
  | { readonly kind: 'passing'; readonly event: string };

type Json = Readonly<Record<string, unknown>>;

/**
 * The notices of a message: S3's own notification, EventBridge's event, or a continuation of ours,
 * which has the form of the first. Null for anything else, since only an operator can tell what it is.
 */
export function noticesOf(message: unknown): readonly Notice[] | null {
  if (!isObject(message)) return null;
  if (message['Event'] === 's3:TestEvent') return [{ kind: 'passing', event: 's3:TestEvent' }];
  if (message['source'] === 'aws.s3') return together([fromEventBridge(message)]);
  const records = message['Records'];
  return Array.isArray(records) && records.length > 0 ? together(records.map(fromS3)) : null;
}

/** The message that lets another invocation go on with an object. */
export function continuation({ bucket, key, versionId, etag }: S3Name): string {
  const encoded = encodeURIComponent(key);
  const version = versionId === undefined ? { pinnedEtag: etag } : { versionId };
  const s3 = { bucket: { name: bucket }, object: { key: encoded, ...version } };
  return JSON.stringify({
    Records: [{ eventSource: 'custody', eventName: 'ObjectCreated:Continue', s3 }],
  });
}

function fromS3(record: unknown): Notice | null {
  if (!isObject(record)) return null;
  const event = record['eventName'];
  if (typeof event !== 'string') return null;
  if (!event.startsWith('ObjectCreated:')) return { kind: 'passing', event };
  const key = at(record, 's3', 'object', 'key');
  if (typeof key !== 'string') return null;
  // S3 writes event keys as form data: a space arrives as "+", everything else percent-encoded.
  const decoded = percentDecoded(key.replaceAll('+', ' '));
  const object = at(record, 's3', 'object');
  const notice = created(at(record, 's3', 'bucket', 'name'), decoded, at(object, 'versionId'));
  // S3 tells an eTag of its own, by which nothing is held to the content of that moment.
  const etag = at(object, 'pinnedEtag');
  if (notice?.kind !== 'created' || etag === undefined) return notice;
  return isText(etag) ? { kind: 'created', name: { ...notice.name, etag } } : null;
}

function fromEventBridge(event: Json): Notice | null {
  const type = event['detail-type'];
  if (typeof type !== 'string') return null;
  if (type !== 'Object Created') return { kind: 'passing', event: type };
  // EventBridge leaves the key as it is.
  return created(
    at(event, 'detail', 'bucket', 'name'),
    at(event, 'detail', 'object', 'key'),
    at(event, 'detail', 'object', 'version-id'),
  );
}

function created(bucket: unknown, key: unknown, versionId: unknown): Notice | null {
  if (!isText(bucket) || !isText(key)) return null;
  const isVersioned = versionId !== undefined && versionId !== null && versionId !== '';
  if (!isVersioned) return { kind: 'created', name: { bucket, key } };
  return isText(versionId) ? { kind: 'created', name: { bucket, key, versionId } } : null;
}

/** What is well-formed can be percent-encoded again, as in a URI. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed();
}

function percentDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** All of them, or nothing: a message is not understood by half. */
function together(notices: readonly (Notice | null)[]): readonly Notice[] | null {
  const found = notices.filter((notice) => notice !== null);
  return found.length === notices.length ? found : null;
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((of, name) => (isObject(of) ? of[name] : undefined), value);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
