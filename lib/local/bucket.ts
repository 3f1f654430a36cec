import { relative, sep } from 'node:path';
import { watch } from 'chokidar';
import { whyNoLog } from '../object/log-name.ts';

/** A file counts as written when it has not grown for this long. */
const STILL_MS = 500;

/** Names that are passed over at a time. */
const MAX_NAMES = 1_000;

/** A name that can't be a log's, and why. */
export interface PassedName {
  readonly path: string;
  readonly name: string;
  readonly why: string;
}

/** What is done with the files of a bucket; each is named by its path from there, with slashes. */
export interface BucketUse {
  /** False when the file is to be tried again later. */
  take(path: string, name: string): Promise<boolean>;
  /**
   * Told of names that can't be a log's, which are not opened, each once, at most {@link MAX_NAMES} at a
   * time; a hidden folder is one name. False when it is to be told again later.
   */
  passOver(names: readonly PassedName[]): Promise<boolean>;
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
  const names = passedNames(use, retryMs);
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
    else names.add({ path, name, why });
  };
  const watcher = watch(folder, {
    ignored(path, stats) {
      if (path === folder || stats?.isDirectory() !== true) return false;
      const name = `${nameOf(path)}/`;
      const why = whyNoLog(`${name}x.jsonl`);
      if (why !== null) names.add({ path, name, why });
      return why !== null;
    },
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
      await names.close();
    },
  };
}

/** Tells what is passed over, each name once and many at a time, beside the logs: none waits for them. */
function passedNames(
  { passOver }: Pick<BucketUse, 'passOver'>,
  retryMs: number,
): { add(name: PassedName): void; close(): Promise<void> } {
  const known = new Set<string>();
  const waiting: PassedName[] = [];
  let timer: NodeJS.Timeout | undefined;
  let telling: Promise<void> | null = null;
  let isClosing = false;
  const tellAll = async (): Promise<void> => {
    while (waiting.length > 0 && !isClosing) {
      const names = waiting.slice(0, MAX_NAMES);
      if (!(await passOver(names))) {
        timer = setTimeout(tell, retryMs);
        return;
      }
      waiting.splice(0, names.length);
    }
  };
  const tell = (): void => {
    telling ??= tellAll().finally(() => (telling = null));
  };
  return {
    add(of) {
      if (known.has(of.name)) return;
      known.add(of.name);
      waiting.push(of);
      // What comes at once is told together.
      setImmediate(tell);
    },
    async close() {
      isClosing = true;
      clearTimeout(timer);
      await telling;
    },
  };
}
