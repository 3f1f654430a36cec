import { createHash, randomUUID } from 'node:crypto';
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { copyFile, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { hasCode, TransientError } from '../errors.ts';
import { archiveDamaged, treeFile, verdictFile, type Archive } from '../ingest/archive.ts';
import { archivedFile } from '../object/file.ts';
import type { ReadOptions, StoredObject } from '../object/stored.ts';
import { makeFolder } from './make-folder.ts';
import { readIfThere } from './read-if-there.ts';

/** A folder of logs, each under the SHA-256 of its bytes. */
export function localArchive(folder: string, options: ReadOptions = {}): Archive {
  return {
    open: (sha256) => archivedFile(join(folder, sha256), options),
    async put(object, { sha256, uri }, { name, text, tree }) {
      if (sha256 === null) throw new Error(`the bytes of ${uri} were not read to their end`);
      const log = join(folder, sha256);
      if (!(await isThere(log))) await place(log, (fresh) => copy(object, fresh, sha256));
      else if ((await shaOf(log)) !== sha256)
        throw archiveDamaged('another content has the name of this log');
      const index = join(folder, treeFile(sha256));
      if (tree !== null && !(await isThere(index)))
        await place(index, (fresh) => pipeline([JSON.stringify(tree)], createWriteStream(fresh)));
      const verdict = join(folder, verdictFile(name));
      // The first one stays: whatever was written under it is judged by it.
      if (!(await isThere(verdict)))
        await place(verdict, (fresh) => pipeline([text], createWriteStream(fresh)));
      return null;
    },
    list: () => filesOf(folder),
    verdict: (name) => textIn(join(folder, verdictFile(name))),
    treeIndex: (sha256) => textIn(join(folder, treeFile(sha256))),
  };
}

/** Null where there is no such file. */
async function textIn(file: string): Promise<string | null> {
  return (await readIfThere(file))?.toString('utf8') ?? null;
}

async function* filesOf(folder: string): AsyncGenerator<{ name: string; at: number }> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  for (const name of names) {
    const file = await stat(join(folder, name)).catch((error: unknown) => {
      // What was being put there a moment ago has its own name now.
      if (hasCode(error, 'ENOENT')) return null;
      throw error;
    });
    if (file !== null) yield { name, at: file.mtimeMs };
  }
}

async function isThere(file: string): Promise<boolean> {
  try {
    await (await open(file, 'r')).close();
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return false;
    throw error;
  }
}

/** The file appears whole, and is on the disk, or does not appear. */
async function place(file: string, make: (fresh: string) => Promise<void>): Promise<void> {
  const fresh = `${file}.${randomUUID()}.tmp`;
  try {
    await makeFolder(dirname(file), 0o700);
    await make(fresh);
    await flush(fresh);
    await rename(fresh, file);
    await flush(dirname(file));
  } catch (error) {
    if (error instanceof TransientError || !isOfTheDisk(error)) throw error;
    throw new TransientError(
      'ARCHIVE_FAILED',
      `the log could not be archived (${error.code}); nothing of it was written`,
      { cause: error },
    );
  } finally {
    await rm(fresh, { force: true }).catch(() => undefined);
  }
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The copy is read once more: what was written to the disk, and not what was meant to be, has that name. */
async function copy(object: StoredObject, fresh: string, sha256: string): Promise<void> {
  const { origin } = object;
  // Where the file system can, the two share their blocks until one is changed.
  if ('path' in origin) await copyFile(origin.path, fresh, constants.COPYFILE_FICLONE);
  else await pipeline(object.stored(), createWriteStream(fresh));
  if ((await shaOf(fresh)) !== sha256)
    throw new TransientError(
      'OBJECT_CHANGED',
      `${object.name} changed after it was read; nothing of it was written`,
    );
}

async function shaOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

function isOfTheDisk(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}
