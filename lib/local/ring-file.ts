import { readFile } from 'node:fs/promises';
import { soonAfter } from './soon-after.ts';

/** Key rings that are looked after. */
export interface WatchedRings {
  close(): Promise<void>;
}

const SETTLED_MS = 300;

/**
 * Says of the key rings, which are `files`, how they stand now and whenever one of them has changed, and
 * calls `onChange` then; `describe` says it in one line, also of what is wrong.
 */
export async function watchRings(
  files: readonly string[],
  describe: () => Promise<string>,
  tell: (message: string) => void,
  onChange: () => void,
): Promise<WatchedRings> {
  if (files.length === 0) return { close: () => Promise.resolve() };
  const textNow = async (): Promise<string> => {
    const texts = files.map((file) => readFile(file, 'utf8').catch(() => null));
    return JSON.stringify(await Promise.all(texts));
  };
  let held = await textNow();
  tell(await describe());
  const look = async (): Promise<void> => {
    const now = await textNow();
    if (now === held) return;
    held = now;
    tell(await describe());
    onChange();
  };
  const looks = soonAfter(look, SETTLED_MS);
  const { watch } = await import('chokidar');
  const watcher = watch([...files]).on('all', () => looks.changed());
  return {
    async close() {
      await watcher.close();
      await looks.close();
    },
  };
}
