import { createHash, type Hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { createGunzip } from 'node:zlib';
import { PoisonObjectError, TransientError } from '../errors.ts';

/** An object larger than this, unpacked, is refused; it also ends a gzip bomb. */
const MAX_OBJECT_BYTES = 64 * 1024 ** 3;

/** Chunks of 1 MiB let twice as much garbage pile up, and were no faster. */
const CHUNK_BYTES = 256 * 1024;

/** How a file is read. */
export interface ReadOptions {
  /** Of the log, unpacked. */
  readonly maxObjectBytes?: number;
  /** Told the bytes read so far, over all readings. */
  readonly onRead?: (bytes: number) => void;
}

/** One version of one object, which can be read more than once. */
export interface SourceFile {
  /**
   * The unpacked bytes in order, in chunks of no fixed size. From the second reading on it proves that
   * it reads what the first did: {@link TransientError} where the file changed meanwhile.
   * {@link PoisonObjectError} for a form that can't be read, `ENOENT` and its kin for a missing file.
   */
  read(): AsyncIterable<Uint8Array>;
  /** Known after the first whole reading. */
  identity(): Identity;
}

/** What names the version that was read. */
export interface Identity {
  /** Percent-encoded ASCII; a path alone would name no version. */
  readonly uri: string;
  /** Of the file as it lies there, packed or not. */
  readonly sha256: string;
  readonly bytes: number;
}

const PACKED = [
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68] },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { name: 'zip', magic: [0x50, 0x4b, 0x03, 0x04] },
] as const;

/** Opens nothing yet. */
export function sourceFile(path: string, options: ReadOptions = {}): SourceFile {
  const maxObjectBytes = options.maxObjectBytes ?? MAX_OBJECT_BYTES;
  let allBytes = 0;
  let known: Identity | undefined;
  /** Of each chunk of the first reading: 44 characters a chunk, 12 MB for the largest object. */
  let proven: readonly string[] | undefined;

  async function* stored(): AsyncGenerator<Uint8Array> {
    const file = await open(path, 'r');
    const whole = createHash('sha256');
    const digests: string[] = [];
    let bytes = 0;
    try {
      for (;;) {
        const chunk = await filled(file);
        if (chunk.length === 0) break;
        const digest = createHash('sha256').update(chunk).digest('base64');
        if (proven !== undefined && proven[digests.length] !== digest) throw changed(path);
        digests.push(digest);
        whole.update(chunk);
        bytes += chunk.length;
        options.onRead?.((allBytes += chunk.length));
        yield chunk;
      }
    } finally {
      await file.close();
    }
    if (proven !== undefined && proven.length !== digests.length) throw changed(path);
    proven = digests;
    known ??= identityOf(path, whole, bytes);
  }

  return {
    read: () => unpacked(path, stored(), maxObjectBytes),
    identity() {
      if (known === undefined) throw new Error('identity() before the first whole reading');
      return known;
    },
  };
}

async function filled(file: Awaited<ReturnType<typeof open>>): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let length = 0;
  while (length < CHUNK_BYTES) {
    const { bytesRead } = await file.read(buffer, length, CHUNK_BYTES - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

async function* unpacked(
  path: string,
  chunks: AsyncGenerator<Uint8Array>,
  maxObjectBytes: number,
): AsyncGenerator<Uint8Array> {
  try {
    const first = await chunks.next();
    const head = first.done === true ? new Uint8Array() : first.value;
    const isGzip = head[0] === 0x1f && head[1] === 0x8b;
    const packed = PACKED.find(({ magic }) => magic.every((byte, index) => head[index] === byte));
    if (packed !== undefined)
      throw new PoisonObjectError(`the file is ${packed.name}; only plain and gzip logs are read`);
    if (head.length > 0 && isGzip !== path.endsWith('.gz'))
      throw new PoisonObjectError(
        isGzip
          ? 'the file is gzip, but its name does not end in .gz'
          : 'the name ends in .gz, but the file is not gzip',
      );
    let bytes = 0;
    for await (const chunk of isGzip ? gunzipped(resumed(head, chunks)) : resumed(head, chunks)) {
      bytes += chunk.length;
      if (bytes > maxObjectBytes)
        throw new PoisonObjectError(`the log is larger than the limit of ${maxObjectBytes} bytes`);
      yield chunk;
    }
  } finally {
    await chunks.return(undefined);
  }
}

async function* resumed(
  head: Uint8Array,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  yield* rest;
}

async function* gunzipped(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  const source = Readable.from(chunks);
  source.on('error', (error) => gunzip.destroy(error));
  try {
    for await (const chunk of source.pipe(gunzip)) yield chunk as Uint8Array;
    // Zero padding ends the unpacking, not the file: what is left still counts for its hash.
    for await (const rest of source) void rest;
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))
      throw new PoisonObjectError('the gzip data is damaged or cut off', { cause: error });
    throw error;
  } finally {
    source.destroy();
  }
}

function identityOf(path: string, whole: Hash, bytes: number): Identity {
  const sha256 = whole.digest('hex');
  const url = pathToFileURL(resolve(path));
  return { uri: `${url.href}?sha256=${sha256}`, sha256, bytes };
}

function changed(path: string): TransientError {
  return new TransientError(`${path} changed while it was read; nothing more of it was written`);
}
