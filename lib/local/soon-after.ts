import { setTimeout as pause } from 'node:timers/promises';

/** Work that is done soon after something has changed. */
export interface SoonAfter {
  changed(): void;
  /** Resolves when the work that has begun has ended; begins none. */
  close(): Promise<void>;
}

/**
 * Does `work`, which never rejects, `delayMs` after a change: once for all the changes of that time,
 * and never twice at a time. The signal tells it to come to an end.
 */
export function soonAfter(
  work: (signal: AbortSignal) => Promise<void>,
  delayMs: number,
): SoonAfter {
  const closing = new AbortController();
  const { signal } = closing;
  let isWanted = false;
  let queue = Promise.resolve();
  return {
    changed() {
      if (isWanted) return;
      isWanted = true;
      queue = queue.then(async () => {
        await pause(delayMs, undefined, { signal }).catch(() => undefined);
        isWanted = false;
        if (!signal.aborted) await work(signal);
      });
    },
    async close() {
      closing.abort();
      await queue;
    },
  };
}
