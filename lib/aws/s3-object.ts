import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import {
  GetObjectCommand,
  HeadObjectCommand,
  S3Client,
  type GetObjectCommandOutput,
} from '@aws-sdk/client-s3';
import { PoisonObjectError, TransientError } from '../errors.ts';
import { s3Uri, type S3Name } from '../object/s3-name.ts';
import {
  CHUNK_BYTES,
  storedObject,
  type ReadOptions,
  type StoredObject,
} from '../object/stored.ts';
import { statusOf, translate } from './s3-failure.ts';

export interface S3Options extends ReadOptions {
  /** What an archive knows, whose names tell nothing; else the ending says it. */
  readonly isGzip?: boolean;
  /** Of one request; a multiple of 256 KiB. */
  readonly rangeBytes?: number;
}

/** To read where a line is wanted: it is at most 1 MiB, and most are shorter than this. */
export const LINE_RANGE_BYTES = 256 * 1024;

/** Two ranges are held at once: the one that is worked on and the one that is fetched meanwhile. */
const RANGE_BYTES = 8 * 1024 * 1024;

/** Of one range, however far each of them came. */
const MAX_ATTEMPTS = 6;
const FIRST_WAIT_MS = 50;

/**
 * A client whose requests end: without a time limit on a silent socket a body that stalls would hang
 * until the Lambda's own end.
 */
export function s3Client(socketTimeoutMs = 20_000): S3Client {
  return new S3Client({
    maxAttempts: 4,
    requestHandler: {
      connectionTimeout: 5_000,
      socketTimeout: socketTimeoutMs,
      requestTimeout: socketTimeoutMs * 2,
      throwOnRequestTimeout: true,
    },
  });
}

/**
 * Asks S3 which version it is, and opens that one: by its VersionId where the bucket keeps versions,
 * else by its ETag, which no later reading may find changed. {@link PoisonObjectError} where it is
 * gone, {@link TransientError} where S3 fails or refuses access.
 */
export async function s3Object(
  client: S3Client,
  name: S3Name,
  options: S3Options = {},
): Promise<StoredObject> {
  const address = s3Uri(name);
  const head = await client
    .send(
      new HeadObjectCommand({
        Bucket: name.bucket,
        Key: name.key,
        ...(name.versionId === undefined ? {} : { VersionId: name.versionId }),
        ...(name.etag === undefined ? {} : { IfMatch: `"${name.etag}"` }),
      }),
    )
    .catch((error: unknown) => {
      throw translate(error, address);
    });
  const { ContentLength: bytes, ETag: etag, VersionId: versionId } = head;
  if (bytes === undefined || etag === undefined)
    throw new TransientError('S3_FAILED', `S3 told neither size nor ETag of ${address}`);
  // The version "null" of a bucket whose versioning is suspended can be overwritten.
  const isVersioned = versionId !== undefined && versionId !== 'null';
  const plain = { bucket: name.bucket, key: name.key };
  const uri = s3Uri(
    isVersioned ? { ...plain, versionId } : { ...plain, etag: etag.replaceAll('"', '') },
  );
  const pinned: Pinned = {
    client,
    address,
    bytes,
    request: {
      Bucket: name.bucket,
      Key: name.key,
      ...(versionId === undefined ? {} : { VersionId: versionId }),
      ...(isVersioned ? {} : { IfMatch: etag }),
    },
  };
  const rangeBytes = options.rangeBytes ?? RANGE_BYTES;
  const version = versionId === undefined ? {} : { versionId };
  return storedObject(
    {
      name: name.key,
      origin: { s3: { ...plain, ...version }, etag },
      isGzip: options.isGzip ?? name.key.endsWith('.gz'),
      uri,
      bytes,
      uriOf: () => uri,
      chunks: (from, signal) => chunksOf(pinned, from, rangeBytes, signal),
    },
    options,
  );
}

interface Pinned {
  readonly client: S3Client;
  readonly address: string;
  readonly bytes: number;
  readonly request: { Bucket: string; Key: string; VersionId?: string; IfMatch?: string };
}

async function* chunksOf(
  object: Pinned,
  from: number,
  rangeBytes: number,
  left: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const leaving = new AbortController();
  const signal = AbortSignal.any([leaving.signal, left]);
  const fetched = (start: number): Promise<Buffer> => {
    const range = fetchRange(object, start, Math.min(start + rangeBytes, object.bytes), signal);
    // It is awaited in its turn; until then a failure is not unhandled.
    range.catch(() => undefined);
    return range;
  };
  try {
    let next = from < object.bytes ? fetched(from) : null;
    for (let start = from; next !== null;) {
      const range = await next;
      start += range.length;
      next = start < object.bytes ? fetched(start) : null;
      for (let at = 0; at < range.length; at += CHUNK_BYTES)
        yield range.subarray(at, at + CHUNK_BYTES);
    }
  } finally {
    leaving.abort();
  }
}

/** The bytes [start, end), asked for again from where the body broke off. */
async function fetchRange(
  object: Pinned,
  start: number,
  end: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const range = Buffer.allocUnsafe(end - start);
  let filled = 0;
  for (let attempt = 1; ; attempt += 1) {
    try {
      for await (const part of bodyOf(object, start + filled, end, signal)) {
        if (part.length > range.length - filled)
          throw new Error('S3 sent more than the range that was asked for');
        range.set(part, filled);
        filled += part.length;
      }
      if (filled === range.length) return range;
      throw new Error('the body ended early');
    } catch (error) {
      if (error instanceof PoisonObjectError || error instanceof TransientError) throw error;
      // A body that came whole and failed all the same was damaged on its way, as its checksum says.
      if (filled === range.length) filled = 0;
      if (signal.aborted || attempt === MAX_ATTEMPTS) throw translate(error, object.address);
      const refused = statusOf(error);
      if (refused !== null && refused < 500 && refused !== 429)
        throw translate(error, object.address);
      await pause(FIRST_WAIT_MS * 2 ** attempt * Math.random(), undefined, { signal });
    }
  }
}

async function* bodyOf(
  { client, request, address, bytes }: Pinned,
  start: number,
  end: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const command = new GetObjectCommand({ ...request, Range: `bytes=${start}-${end - 1}` });
  const response: GetObjectCommandOutput = await client.send(command, { abortSignal: signal });
  // In Node every body is one.
  if (!(response.Body instanceof Readable)) return;
  const body: AsyncIterable<Uint8Array> = response.Body;
  if (response.ContentRange !== undefined) {
    if (response.ContentRange !== `bytes ${start}-${end - 1}/${bytes}`)
      throw new TransientError(
        'OBJECT_CHANGED',
        `S3 answered for ${address} with other bytes than were asked for; the object may have changed`,
      );
    yield* body;
    return;
  }
  // Whoever ignores the range sends the whole object: RFC 9110, section 14.2.
  if (response.ContentLength !== bytes)
    throw new TransientError('OBJECT_CHANGED', `${address} has another size than S3 announced`);
  let at = 0;
  for await (const part of body) {
    const wanted = part.subarray(Math.max(0, start - at), Math.max(0, end - at));
    at += part.length;
    if (wanted.length > 0) yield wanted;
  }
}
