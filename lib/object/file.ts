import { open, type FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CHUNK_BYTES, storedObject, type ReadOptions, type StoredObject } from './stored.ts';

/** A local file; reading it fails with `ENOENT` and its kin where it is missing. */
export function storedFile(path: string, options: ReadOptions = {}): StoredObject {
  return stored(path, options, async function* (from) {
    const file = await open(path, 'r');
    try {
      yield* chunksOf(file, from);
    } finally {
      await file.close();
    }
  });
}

/** What an open file holds, named after where it came from, as a pipe; to be read while the file is open. */
export function storedHandle(
  file: FileHandle,
  path: string,
  options: ReadOptions = {},
): StoredObject {
  return stored(path, options, (from) => chunksOf(file, from));
}

function stored(
  path: string,
  options: ReadOptions,
  chunks: (from: number) => AsyncGenerator<Uint8Array>,
): StoredObject {
  const uriOf = (sha256: string): string => `${pathToFileURL(resolve(path)).href}?sha256=${sha256}`;
  return storedObject({ name: path, uri: null, bytes: null, uriOf, chunks }, options);
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
