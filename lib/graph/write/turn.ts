import { setTimeout as pause } from 'node:timers/promises';
import type { Stretches } from './stretches.ts';

/**
 * A batch holds what it has written while it waits for the one before it, which may wait for just that,
 * over other objects' batches too: a circle that the database can't see. A batch takes a tenth of this.
 */
const PATIENCE_MS = 5_000;

/** The checkpoint is not where this batch begins, or not soon enough: it is to be applied alone. */
export class OutOfTurnError extends Error {
  override readonly name = 'OutOfTurnError';
}

/** What all batches of an object know of their log. */
export interface Course {
  /** Logs mostly bring new ids; one that has brought old ones is not expected to any more. */
  expectsNewIds: boolean;
  /** The log is in the graph for everyone to see. */
  isOpen: boolean;
  readonly stretches: Stretches;
}

/**
 * One batch on its way, as the next one of its object sees it. The next one waits for it inside a
 * transaction that holds a lock, so it must never wait for one that may in turn wait for that lock:
 * it begins when this one has its lock, and gives up when this one has to begin again.
 */
export class Turn {
  readonly throughLine: number;
  readonly course: Course;
  readonly #locked = Promise.withResolvers<void>();
  readonly #inAtOnce = Promise.withResolvers<boolean>();
  #isOver: Promise<unknown> = Promise.resolve();
  #hasBegun = false;

  constructor(throughLine: number, course: Course) {
    this.throughLine = throughLine;
    this.course = course;
  }

  /** Called before each attempt; the driver makes another one after a lost connection, too. */
  begin(): void {
    if (this.#hasBegun) this.#inAtOnce.resolve(false);
    this.#hasBegun = true;
  }

  readonly locked = (): void => this.#locked.resolve();

  follow(applied: Promise<unknown>): void {
    this.#isOver = applied;
    const over = (isIn: boolean) => (): void => {
      this.#inAtOnce.resolve(isIn);
      this.locked();
    };
    applied.then(over(true), over(false));
  }

  get isLocked(): Promise<void> {
    return this.#locked.promise;
  }

  /** False when it failed or had to begin again. */
  get isInAtOnce(): Promise<boolean> {
    return this.#inAtOnce.promise;
  }

  /** Rejects with what the batch failed with. */
  get isOver(): Promise<unknown> {
    return this.#isOver;
  }
}

/** Null when it takes longer than {@link PATIENCE_MS}. */
export async function soon<T>(awaited: Promise<T>): Promise<T | null> {
  const timer = new AbortController();
  try {
    return await Promise.race([awaited, pause(PATIENCE_MS, null, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}
