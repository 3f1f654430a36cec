import { randomUUID } from 'node:crypto';
import { link, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasCode, TransientError } from '../errors.ts';
import {
  MAX_BATCH,
  pendingPath,
  shaOf,
  type KeptCheckpoint,
  type TlogStore,
} from '../tlog/store.ts';
import { makeFolder } from './make-folder.ts';
import { readIfThere } from './read-if-there.ts';

/** A tlog in a folder, and what hands leaves in. */
export interface TlogFolder extends TlogStore {
  /** Has these bytes wait to become a leaf; nothing happens where they wait already. */
  submit(leaf: Uint8Array): Promise<void>;
}

/**
 * A tlog as files: what it says is on the disk is there after a power cut. Two processes may read it;
 * the checkpoint has one writer at a time, which is whoever holds the folder's start lock.
 */
export function tlogFolder(folder: string): TlogFolder {
  const checkpointFile = join(folder, 'checkpoint');
  const putNew = (path: string, bytes: Uint8Array): Promise<boolean> =>
    told(path, () => placeNew(join(folder, path), bytes));
  return {
    checkpoint: () => told('checkpoint', () => readCheckpoint(checkpointFile)),
    replaceCheckpoint: (bytes, tag) =>
      told('checkpoint', async () => {
        if (((await readCheckpoint(checkpointFile))?.tag ?? null) !== tag) return false;
        await writing(checkpointFile, bytes, (fresh) => rename(fresh, checkpointFile));
        return true;
      }),
    read: (path) => told(path, () => readIfThere(join(folder, path))),
    putNew,
    pending: () => told('pending', () => waitingIn(folder)),
    removePending: (path) => told(path, () => rm(join(folder, path), { force: true })),
    async submit(leaf) {
      await putNew(pendingPath(shaOf(leaf)), leaf);
    },
  };
}

async function readCheckpoint(file: string): Promise<KeptCheckpoint | null> {
  const bytes = await readIfThere(file);
  if (bytes === null) return null;
  const tag = shaOf(bytes);
  return { bytes, tag, time: (await stat(file)).mtime };
}

async function waitingIn(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, 'pending')).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  // One that is being written has another ending.
  const whole = names.filter((name) => /^[0-9a-f]{64}$/.test(name));
  return whole.slice(0, MAX_BATCH).map(pendingPath);
}

/** A link is made where no file is, or not at all. */
async function placeNew(file: string, bytes: Uint8Array): Promise<boolean> {
  if ((await readIfThere(file)) !== null) return false;
  try {
    await writing(file, bytes, (fresh) => link(fresh, file));
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Writes the bytes to a file beside `file`, has it put in its place, and flushes both to the disk. */
async function writing(
  file: string,
  bytes: Uint8Array,
  place: (fresh: string) => Promise<void>,
): Promise<void> {
  const fresh = `${file}.${randomUUID()}.tmp`;
  await makeFolder(dirname(file));
  try {
    const handle = await open(fresh, 'wx', 0o644);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await place(fresh);
  } finally {
    await rm(fresh, { force: true });
  }
  const parent = await open(dirname(file), 'r');
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

async function told<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw new TransientError('TLOG_FAILED', `${path} of the tlog: ${String(error.code)}`, {
      cause: error,
    });
  }
}
