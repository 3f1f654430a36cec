import type { ObjectsAnswer } from '../lib/http/answers/object.ts';
import { ask, AskError } from './ask.ts';

/** How it stands between the page and its server. */
export type Connection =
  | { readonly state: 'asking' }
  | { readonly state: 'live' }
  | { readonly state: 'lost'; readonly error: AskError; readonly retrySeconds: number };

const PAUSE_MS = 2_000;
const LONG_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Asks for the newest files every two seconds while the tab is in sight, less often where nobody waits
 * for them, and ever less often while there is no answer.
 */
export class Live {
  newest: ObjectsAnswer | null = null;
  connection: Connection = { state: 'asking' };
  /** Whether somebody looks at what arrives. */
  isWatched = true;
  readonly #heard = new Set<(isNew: boolean) => void>();
  #failures = 0;
  #timer: number | undefined;
  #seen = '';
  #isAsking = false;

  start(): void {
    document.addEventListener('visibilitychange', () => this.now());
    window.addEventListener('online', () => this.now());
    this.now();
  }

  /** `isNew` says whether anything became of any file since the last time. */
  hear(listener: (isNew: boolean) => void): () => void {
    this.#heard.add(listener);
    return () => void this.#heard.delete(listener);
  }

  now(): void {
    window.clearTimeout(this.#timer);
    if (document.hidden || this.#isAsking) return;
    void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    let isNew = false;
    try {
      const answer = await ask<ObjectsAnswer>('/v1/objects', { limit: '50' });
      const seen = JSON.stringify(answer.items);
      isNew = this.#seen !== '' && seen !== this.#seen;
      this.#seen = seen;
      this.newest = answer;
      this.#failures = 0;
      this.connection = { state: 'live' };
    } catch (error) {
      if (!(error instanceof AskError)) throw error;
      this.#failures += 1;
      this.connection = { state: 'lost', error, retrySeconds: this.#pause() / 1_000 };
    } finally {
      this.#isAsking = false;
      this.#timer = window.setTimeout(() => this.now(), this.#pause());
    }
    for (const listener of this.#heard) listener(isNew);
  }

  #pause(): number {
    const pause = this.isWatched ? PAUSE_MS : LONG_PAUSE_MS;
    return this.#failures === 0 ? pause : Math.min(pause * 2 ** this.#failures, LONGEST_PAUSE_MS);
  }
}
