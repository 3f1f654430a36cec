import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { watch } from 'chokidar';

/** A file counts as written when it has not grown for this long. */
const STILL_MS = 500;

/** What is done with a dropped file; false when it is to be tried again later. */
export type Take = (path: string) => Promise<boolean>;

/** A folder that stands for the bucket. */
export interface WatchedBucket {
  /** Resolves when the file that is being taken has been; takes no other. */
  close(): Promise<void>;
}

/**
 * Hands every file of `folder` to `take`, one at a time: those that lie there, and each one that is
 * dropped or changed later, once it is wholly written. Hidden files and *.tmp are passed over.
 */
export function watchBucket(folder: string, take: Take, retryMs: number): WatchedBucket {
  const closing = new AbortController();
  let queue = Promise.resolve();
  const enqueue = (path: string): void => {
    queue = queue.then(async () => {
      while (!closing.signal.aborted && !(await take(path)))
        await pause(retryMs, undefined, { signal: closing.signal }).catch(() => undefined);
    });
  };
  const watcher = watch(folder, {
    ignored: (path) => path !== folder && /^\.|\.tmp$/.test(basename(path)),
    awaitWriteFinish: { stabilityThreshold: STILL_MS, pollInterval: 100 },
  });
  watcher.on('add', enqueue).on('change', enqueue);
  return {
    async close() {
      closing.abort();
      await watcher.close();
      await queue;
    },
  };
}
