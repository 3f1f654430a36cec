import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  CHUNK_BYTES,
  storedObject,
  type ReadOptions,
  type Store,
  type StoredObject,
} from './stored.ts';

/** A local file; reading it fails with `ENOENT` and its kin where it is missing. */
export function storedFile(path: string, options: ReadOptions = {}): StoredObject {
  return storedObject(fileStore(path), options);
}

/**
 * What a local file holds now, as a version that is named before it is read; {@link TransientError}
 * where the first reading finds something else.
 */
export async function fileVersion(path: string, options: ReadOptions = {}): Promise<StoredObject> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunksOf(path, 0)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  const store = fileStore(path);
  return storedObject({ ...store, uri: store.uriOf(hash.digest('hex')), bytes }, options);
}

function fileStore(path: string): Store {
  return {
    name: path,
    uri: null,
    bytes: null,
    uriOf: (sha256) => `${pathToFileURL(resolve(path)).href}?sha256=${sha256}`,
    chunks: (from) => chunksOf(path, from),
  };
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
