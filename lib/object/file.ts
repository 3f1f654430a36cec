import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { hasCode } from '../errors.ts';
import { isGzip } from './gzip.ts';
import {
  CHUNK_BYTES,
  storedObject,
  type Origin,
  type ReadOptions,
  type Store,
  type StoredObject,
} from './stored.ts';

/** A local file; reading it fails with `ENOENT` and its kin where it is missing. */
export function storedFile(path: string, options: ReadOptions = {}): StoredObject {
  return storedObject(
    fileStore(path, { path }, (from) => chunksOfFile(path, from)),
    options,
  );
}

/**
 * What a local file holds now, as a version that is named before it is read; {@link TransientError}
 * where the first reading finds something else.
 */
export async function fileVersion(path: string, options: ReadOptions = {}): Promise<StoredObject> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunksOfFile(path, 0)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  const store = fileStore(path, { path }, (from) => chunksOfFile(path, from));
  return storedObject({ ...store, uri: store.uriOf(hash.digest('hex')), bytes }, options);
}

/** What an open file holds, named after where it came from, as a pipe; to be read while the file is open. */
export function storedHandle(
  file: FileHandle,
  path: string,
  options: ReadOptions = {},
): StoredObject {
  return storedObject(
    fileStore(path, { pipe: path }, (from) => chunksOf(file, from)),
    options,
  );
}

/** A file of an archive, where neither name nor ending tells what it is; null where it is missing. */
export async function archivedFile(
  path: string,
  options: ReadOptions = {},
): Promise<StoredObject | null> {
  const head = await headOf(path);
  if (head === null) return null;
  const uri = pathToFileURL(resolve(path)).href;
  const store = { name: path, origin: { path }, uri, bytes: null, uriOf: () => uri };
  const chunks = (from: number): AsyncGenerator<Uint8Array> => chunksOfFile(path, from);
  return storedObject({ ...store, isGzip: isGzip(head), chunks }, options);
}

function fileStore(
  path: string,
  origin: Origin,
  chunks: (from: number) => AsyncGenerator<Uint8Array>,
): Store {
  const uriOf = (sha256: string): string => `${pathToFileURL(resolve(path)).href}?sha256=${sha256}`;
  const isNamedGzip = path.endsWith('.gz');
  return { name: path, origin, uri: null, bytes: null, uriOf, isGzip: isNamedGzip, chunks };
}

async function headOf(path: string): Promise<Uint8Array | null> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}

async function* chunksOfFile(path: string, from: number): AsyncGenerator<Uint8Array> {
  await using file = await open(path, 'r');
  yield* chunksOf(file, from);
}

async function* chunksOf(file: FileHandle, from: number): AsyncGenerator<Uint8Array> {
  for (let at = from; ;) {
    const chunk = await readChunk(file, at);
    if (chunk.length === 0) return;
    at += chunk.length;
    yield chunk;
  }
}

async function readChunk(file: FileHandle, at: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let length = 0;
  while (length < CHUNK_BYTES) {
    const { bytesRead } = await file.read(buffer, length, CHUNK_BYTES - length, at + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
