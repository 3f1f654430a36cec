import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { hasCode } from '../errors.ts';
import { isGzip } from './gzip.ts';
import { CHUNK_BYTES, storedObject, type ReadOptions, type StoredObject } from './stored.ts';

/** A local file; reading it fails with `ENOENT` and its kin where it is missing. */
export function storedFile(path: string, options: ReadOptions = {}): StoredObject {
  const uriOf = (sha256: string): string => `${pathToFileURL(resolve(path)).href}?sha256=${sha256}`;
  const store = { name: path, origin: { path }, uri: null, bytes: null, uriOf };
  const chunks = (from: number): AsyncGenerator<Uint8Array> => chunksOf(path, from);
  return storedObject({ ...store, isGzip: path.endsWith('.gz'), chunks }, options);
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
  const chunks = (from: number): AsyncGenerator<Uint8Array> => chunksOf(path, from);
  return storedObject({ ...store, isGzip: isGzip(head), chunks }, options);
}

async function headOf(path: string): Promise<Uint8Array | null> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}

async function* chunksOf(path: string, from: number): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r');
  try {
    for (let at = from; ;) {
      const chunk = await readChunk(file, at);
      if (chunk.length === 0) return;
      at += chunk.length;
      yield chunk;
    }
  } finally {
    await file.close();
  }
}

async function readChunk(file: Awaited<ReturnType<typeof open>>, at: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let length = 0;
  while (length < CHUNK_BYTES) {
    const { bytesRead } = await file.read(buffer, length, CHUNK_BYTES - length, at + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
