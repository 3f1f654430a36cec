import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { PoisonObjectError, TransientError } from '../errors.ts';
import { isGzip } from './gzip.ts';
import { LogHash, type Hashes, type HashState } from './log-hash.ts';
import type { S3Name } from './s3-name.ts';

/** An object larger than this, unpacked, is refused; it also ends a gzip bomb. */
const MAX_OBJECT_BYTES = 64 * 1024 ** 3;

/** A line of a gzip log is found by unpacking all before it, within the time of an answer. */
const MAX_GZIP_BYTES = 256 * 1024 ** 2;

/** Chunks of 1 MiB let twice as much garbage pile up, and were no faster. */
export const CHUNK_BYTES = 256 * 1024;

/** How S3 copies: an object larger than 5 GiB in parts, of which there are at most ten thousand. */
const COPY_LIMITS = { wholeBytes: 5 * 1024 ** 3, partBytes: 1024 ** 3 } as const;

/** How an object is read. */
export interface ReadOptions {
  /** From which size on, and in which parts, it is copied in parts; {@link Identity} then has their hashes. */
  readonly copyLimits?: { readonly wholeBytes: number; readonly partBytes: number };
  /** Of the log, unpacked. */
  readonly maxObjectBytes?: number;
  /** Of one that is packed, unpacked. */
  readonly maxGzipBytes?: number;
  /** Told the stored bytes read so far, over all readings. */
  readonly onRead?: (bytes: number) => void;
}

/** Where an object lies, for a copy that need not pass through here: its version is pinned, or its ETag. */
export type Origin =
  | { readonly path: string }
  | { readonly s3: S3Name; readonly etag: string }
  /** Nowhere that it could be copied from. */
  | { readonly pipe: string };

/** One version of one object, which can be read more than once. */
export interface StoredObject {
  /** For messages. */
  readonly name: string;
  readonly origin: Origin;
  /** Names the version; null where only a whole reading tells it. */
  readonly uri: string | null;
  /** Stored ones, announced before they are read; null where only reading tells. */
  readonly bytes: number | null;
  /** The URI without a version, known before anything is read. */
  readonly address: string;
  /**
   * The unpacked bytes in order, from byte `from` on. {@link PoisonObjectError} for a form that can't
   * be read. With `hash` the bytes that it still lacks are read, too: the chunks before `from` are empty.
   * Behind the `signal` nothing more is asked for.
   */
  read(from?: number, hash?: LogHash, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** A hash for {@link read} that goes on where another delivery's ended. */
  resumedHash(state: HashState | null): Promise<LogHash>;
  /** The bytes as they lie there. */
  stored(): AsyncIterable<Uint8Array>;
  /** Known after the first whole reading; before it, only where there is a `uri`, and without the hash. */
  identity(): Identity;
}

/** What names the version that was read. */
export interface Identity {
  /** Percent-encoded ASCII; a path alone would name no version. */
  readonly uri: string;
  /** Of the object as it lies there, packed or not; null where it was not read to its end. */
  readonly sha256: string | null;
  /** Of an object that is copied in parts, the SHA-256 of each. */
  readonly parts: Hashes['parts'];
  readonly bytes: number;
}

/** What a store knows of an object. */
export interface Store {
  /** For messages: a path or an address. */
  readonly name: string;
  readonly origin: Origin;
  /** What its name says, or an archive knows. */
  readonly isGzip: boolean;
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
  const { name, origin, uri } = store;
  const partBytes = partBytesOf(store, options.copyLimits);
  let allBytes = 0;
  let known: Identity | undefined;

  const count = (chunk: Uint8Array): Uint8Array => {
    options.onRead?.((allBytes += chunk.length));
    return chunk;
  };

  /** The stored bytes from `from` on, and before them nothing for each chunk that the hash still lacks. */
  async function* hashed(
    from: number,
    hash: LogHash,
    left: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    let at = Math.min(from, hash.bytes);
    for await (const chunk of store.chunks(at, left)) {
      hash.update(chunk.subarray(Math.min(hash.bytes - at, chunk.length)));
      const part = count(chunk).subarray(Math.min(Math.max(from - at, 0), chunk.length));
      at += chunk.length;
      yield part;
    }
    const { sha256, parts } = hash.end();
    known = { uri: provenUri(store, sha256), sha256, parts, bytes: hash.bytes };
  }

  async function* rest(from: number, left: AbortSignal): AsyncGenerator<Uint8Array> {
    for await (const chunk of store.chunks(from, left)) yield count(chunk);
  }

  return {
    name,
    origin,
    uri,
    bytes: store.bytes,
    address: addressOf(uri ?? store.uriOf('')),
    stored: () => rest(0, new AbortController().signal),
    resumedHash: (state) => LogHash.resumed(partBytes, state),
    read(from = 0, hash, signal) {
      const leaving = new AbortController();
      const left =
        signal === undefined ? leaving.signal : AbortSignal.any([leaving.signal, signal]);
      const whole = LogHash.ofOneReading(partBytes);
      if (from > 0 && !store.isGzip) {
        const chunks = hash === undefined ? rest(from, left) : hashed(from, hash, left);
        return limit(chunks, from, maxObjectBytes);
      }
      const chunks = hashed(0, store.isGzip ? whole : (hash ?? whole), left);
      const all = limit(unpack(chunks, store.isGzip, leaving), 0, maxObjectBytes);
      const log = store.isGzip ? limitGzip(all, options.maxGzipBytes) : all;
      // A gzip log can be unpacked from its start only.
      return from === 0 ? log : skip(from, log);
    },
    identity: () => known ?? announced(store),
  };
}

/** A URI without its version; within a name a question mark is percent-encoded. */
function addressOf(uri: string): string {
  return uri.replace(/\?.*$/s, '');
}

function announced({ uri, bytes }: Store): Identity {
  if (uri === null || bytes === null) throw new Error('identity() before the first whole reading');
  return { uri, sha256: null, parts: null, bytes };
}

/** {@link TransientError} where another version was named before. */
function provenUri(store: Store, sha256: string): string {
  const uri = store.uriOf(sha256);
  if (store.uri === null || store.uri === uri) return uri;
  throw new TransientError(
    'OBJECT_CHANGED',
    `${store.name} changed while it was read; nothing more of it was written`,
  );
}

/** Null for what is copied whole. */
function partBytesOf({ bytes }: Store, limits = COPY_LIMITS): number | null {
  return bytes !== null && bytes > limits.wholeBytes ? limits.partBytes : null;
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

async function* limitGzip(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes = MAX_GZIP_BYTES,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes)
      throw new PoisonObjectError(
        'GZIP_TOO_LARGE',
        `unpacked, the log is larger than the ${maxBytes} bytes that one in gzip may have; drop it plain`,
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
    const isPacked = isGzip(head);
    const packed = PACKED.find(({ magic }) => magic.every((byte, index) => head[index] === byte));
    if (packed !== undefined)
      throw new PoisonObjectError(
        'PACKING_UNSUPPORTED',
        `the file is ${packed.name}; only plain and gzip logs are read`,
      );
    if (head.length > 0 && isPacked !== isNamedGzip)
      throw new PoisonObjectError(
        'GZIP_MISNAMED',
        isPacked
          ? 'the file is gzip, but its name does not end in .gz'
          : 'the name ends in .gz, but the file is not gzip',
      );
    yield* isPacked ? recut(gunzip(prepend(head, chunks))) : prepend(head, chunks);
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
