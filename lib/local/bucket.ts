import { relative, sep } from 'node:path';
import { watch } from 'chokidar';
import { whyNoLog } from '../object/log-name.ts';

/** A file counts as written when it has not grown for this long. */
const STILL_MS = 500;

/** What is done with the files of a bucket; each is named by its path from there, with slashes. */
export interface BucketUse {
  /** False when the file is to be tried again later. */
  take(path: string, name: string): Promise<boolean>;
  /** Told once of each name that can't be a log's; the file is not opened. */
  passOver(name: string, why: string): void;
}

/** A folder that stands for the bucket. */
export interface WatchedBucket {
  /** Takes a file once more, after those that wait already. */
  again(path: string): void;
  /** Resolves when the file that is being taken has been; takes no other. */
  close(): Promise<void>;
}

/**
 * Takes every file of `folder`, one at a time: those that lie there, and each one that is dropped or
 * changed later, once it is wholly written. One that is to be tried again holds up no other.
 */
export function watchBucket(folder: string, use: BucketUse, retryMs: number): WatchedBucket {
  const nameOf = (path: string): string => relative(folder, path).split(sep).join('/');
  const waiting = new Set<string>();
  const passed = new Set<string>();
  const timers = new Set<NodeJS.Timeout>();
  let isClosing = false;
  let queue = Promise.resolve();
  const later = (path: string): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      again(path);
    }, retryMs);
    timers.add(timer);
  };
  const again = (path: string): void => {
    if (waiting.has(path)) return;
    waiting.add(path);
    queue = queue.then(async () => {
      // From here on a change of the file is a reason to take it once more.
      waiting.delete(path);
      if (!isClosing && !(await use.take(path, nameOf(path))) && !isClosing) later(path);
    });
  };
  const offer = (path: string): void => {
    const name = nameOf(path);
    const why = whyNoLog(name);
    if (why === null) again(path);
    else if (!passed.has(name)) use.passOver(name, why);
    if (why !== null) passed.add(name);
  };
  const watcher = watch(folder, {
    ignored: (path, stats) =>
      path !== folder &&
      stats?.isDirectory() === true &&
      whyNoLog(`${nameOf(path)}/x.jsonl`) !== null,
    awaitWriteFinish: { stabilityThreshold: STILL_MS, pollInterval: 100 },
  });
  watcher.on('add', offer).on('change', offer);
  return {
    again,
    async close() {
      isClosing = true;
      for (const timer of timers) clearTimeout(timer);
      await watcher.close();
      await queue;
    },
  };
}
