import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { PoisonObjectError, TransientError } from '../errors.ts';

/** An object larger than this, unpacked, is refused; it also ends a gzip bomb. */
const MAX_OBJECT_BYTES = 64 * 1024 ** 3;

/** Chunks of 1 MiB let twice as much garbage pile up, and were no faster. */
export const CHUNK_BYTES = 256 * 1024;

/** How an object is read. */
export interface ReadOptions {
  /** Of the log, unpacked. */
  readonly maxObjectBytes?: number;
  /** Told the stored bytes read so far, over all readings. */
  readonly onRead?: (bytes: number) => void;
}

/** One version of one object, which can be read more than once. */
export interface StoredObject {
  /** Names the version; null where only a whole reading tells it. */
  readonly uri: string | null;
  /**
   * The unpacked bytes in order, from byte `from` on. A whole reading after the first one proves that
   * it reads what the first did: {@link TransientError} where the object changed meanwhile.
   * {@link PoisonObjectError} for a form that can't be read.
   */
  read(from?: number): AsyncIterable<Uint8Array>;
  /** Known after the first whole reading; before it, only where there is a `uri`, and without the hash. */
  identity(): Identity;
}

/** What names the version that was read. */
export interface Identity {
  /** Percent-encoded ASCII; a path alone would name no version. */
  readonly uri: string;
  /** Of the object as it lies there, packed or not; null where no single reading went from its start to its end. */
  readonly sha256: string | null;
  readonly bytes: number;
}

/** What a store knows of an object. */
export interface Store {
  /** For messages: a path or an address. Its ending says whether the object is packed. */
  readonly name: string;
  readonly uri: string | null;
  /** Announced by the store; null where only reading tells. */
  readonly bytes: number | null;
  uriOf(sha256: string): string;
  /**
   * The stored bytes from a place on, each chunk cut at the next multiple of {@link CHUNK_BYTES} after
   * `from`. What is on its way when the reader leaves is given up.
   */
  chunks(from: number, left: AbortSignal): AsyncGenerator<Uint8Array>;
}

const PACKED = [
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68] },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { name: 'zip', magic: [0x50, 0x4b, 0x03, 0x04] },
] as const;

/** Opens nothing yet. */
export function storedObject(store: Store, options: ReadOptions = {}): StoredObject {
  const maxObjectBytes = options.maxObjectBytes ?? MAX_OBJECT_BYTES;
  const isNamedGzip = store.name.endsWith('.gz');
  let allBytes = 0;
  let known: Identity | undefined;

  /** SHA-256 of all bytes up to the end of each chunk of the first reading: 44 characters a chunk, 12 MB for the largest object. */
  let proven: readonly string[] | undefined;

  function count(chunk: Uint8Array): Uint8Array {
    options.onRead?.((allBytes += chunk.length));
    return chunk;
  }

  async function* whole(left: AbortSignal): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    const digests: string[] = [];
    let bytes = 0;
    for await (const chunk of store.chunks(0, left)) {
      const digest = hash.update(chunk).copy().digest('base64');
      if (proven !== undefined && proven[digests.length] !== digest) throw changed(store.name);
      digests.push(digest);
      bytes += chunk.length;
      yield count(chunk);
    }
    if (proven !== undefined && proven.length !== digests.length) throw changed(store.name);
    proven = digests;
    const sha256 = hash.digest('hex');
    const uri = store.uriOf(sha256);
    if (store.uri !== null && store.uri !== uri) throw changed(store.name);
    known = { uri, sha256, bytes };
  }

  async function* rest(from: number, left: AbortSignal): AsyncGenerator<Uint8Array> {
    for await (const chunk of store.chunks(from, left)) yield count(chunk);
  }

  return {
    uri: store.uri,
    read(from = 0) {
      const leaving = new AbortController();
      const { signal } = leaving;
      if (from > 0 && !isNamedGzip) return limit(rest(from, signal), from, maxObjectBytes);
      const log = limit(unpack(whole(signal), isNamedGzip, leaving), 0, maxObjectBytes);
      // A gzip log can be unpacked from its start only.
      return from === 0 ? log : skip(from, log);
    },
    identity() {
      if (known !== undefined) return known;
      if (store.uri === null || store.bytes === null)
        throw new Error('identity() before the first whole reading');
      return { uri: store.uri, sha256: null, bytes: store.bytes };
    },
  };
}

async function* limit(
  chunks: AsyncIterable<Uint8Array>,
  from: number,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let bytes = from;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes)
      throw new PoisonObjectError(
        'OBJECT_TOO_LARGE',
        `the log is larger than the limit of ${maxBytes} bytes`,
      );
    yield chunk;
  }
}

async function* skip(from: number, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = from;
  for await (const chunk of chunks) {
    const part = chunk.subarray(Math.min(left, chunk.length));
    left -= chunk.length - part.length;
    if (part.length > 0) yield part;
  }
}

async function* unpack(
  chunks: AsyncGenerator<Uint8Array>,
  isNamedGzip: boolean,
  leaving: AbortController,
): AsyncGenerator<Uint8Array> {
  try {
    const first = await chunks.next();
    const head = first.done === true ? new Uint8Array() : first.value;
    const isGzip = head[0] === 0x1f && head[1] === 0x8b;
    const packed = PACKED.find(({ magic }) => magic.every((byte, index) => head[index] === byte));
    if (packed !== undefined)
      throw new PoisonObjectError(
        'PACKING_UNSUPPORTED',
        `the file is ${packed.name}; only plain and gzip logs are read`,
      );
    if (head.length > 0 && isGzip !== isNamedGzip)
      throw new PoisonObjectError(
        'GZIP_MISNAMED',
        isGzip
          ? 'the file is gzip, but its name does not end in .gz'
          : 'the name ends in .gz, but the file is not gzip',
      );
    yield* isGzip ? recut(gunzip(prepend(head, chunks))) : prepend(head, chunks);
  } finally {
    // Unpacking reads ahead; without this, the end of what it waits for would be waited for, too.
    leaving.abort();
    await chunks.return(undefined);
  }
}

async function* prepend(
  head: Uint8Array,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  yield* rest;
}

async function* gunzip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const unpacking = createGunzip({ chunkSize: CHUNK_BYTES });
  const source = Readable.from(chunks);
  source.on('error', (error) => unpacking.destroy(error));
  try {
    const unpacked: AsyncIterable<Uint8Array> = source.pipe(unpacking);
    yield* unpacked;
    // Zero padding ends the unpacking, not the file: what is left still counts for its hash.
    for await (const rest of source) void rest;
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))
      throw new PoisonObjectError('GZIP_DAMAGED', 'the gzip data is damaged or cut off', {
        cause: error,
      });
    throw error;
  } finally {
    source.destroy();
  }
}

/** The same bytes, cut at multiples of {@link CHUNK_BYTES}: a stream's own cuts depend on who waits for whom. */
async function* recut(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + CHUNK_BYTES - bytes);
      at += part.length;
      bytes += part.length;
      held.push(part);
      if (bytes < CHUNK_BYTES) continue;
      yield Buffer.concat(held);
      [held, bytes] = [[], 0];
    }
  if (bytes > 0) yield Buffer.concat(held);
}

function changed(name: string): TransientError {
  return new TransientError(
    'OBJECT_CHANGED',
    `${name} changed while it was read; nothing more of it was written`,
  );
}
