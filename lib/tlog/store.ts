import { hash } from 'node:crypto';

/** Of the evidence bucket: where a tlog lies in it. */
export const TLOG_PREFIX = 'tlog/';

/** A checkpoint that is kept, and what names this state of it. */
export interface KeptCheckpoint {
  readonly bytes: Buffer;
  readonly tag: string;
  /** When it was put there. */
  readonly time: Date;
}

/**
 * Where a tlog lies. Everything but the checkpoint is put once and never replaced. Paths are relative
 * to the log: those of tiles (c2sp.org/tlog-tiles) and of this file. Rejects with a TransientError where the
 * place can't be asked; what was asked for may then have been done or not.
 */
export interface TlogStore {
  /** Null where there is none. */
  checkpoint(): Promise<KeptCheckpoint | null>;
  /** Replaces the one that `tag` names, or puts the first where it is null; false, and nothing done, where another stands there. */
  replaceCheckpoint(bytes: Uint8Array, tag: string | null): Promise<boolean>;
  /** What lies there; null where nothing does. */
  read(path: string): Promise<Buffer | null>;
  /** Puts it where nothing lies, for good; false, and nothing done, where something does. */
  putNew(path: string, bytes: Uint8Array): Promise<boolean>;
  /** Paths of leaves that wait, in any order, at most {@link MAX_BATCH} of them. */
  pending(): Promise<readonly string[]>;
  /** Takes away a path of {@link pending}; nothing happens where it is gone. */
  removePending(path: string): Promise<void>;
}

/** What reading a tlog takes. */
export type TlogReader = Pick<TlogStore, 'checkpoint' | 'read'>;

/** Of a place where no log is kept. */
export const NO_TLOG: TlogReader = {
  checkpoint: () => Promise.resolve(null),
  read: () => Promise.resolve(null),
};

/** Leaves that one checkpoint adds: as many as a tile is wide. */
export const MAX_BATCH = 256;

/** A leaf’s name: the SHA-256 of its bytes in lower-case hex, as of a receipt’s file. */
export function shaOf(leaf: Uint8Array): string {
  return hash('sha256', leaf, 'hex');
}

/** Where a leaf waits, by its name: its bytes are what lies there. */
export function pendingPath(sha256: string): string {
  return `pending/${sha256}`;
}

/** Where the index of a leaf is found, by the same name: `{"index":n}`. */
export function atPath(sha256: string): string {
  return `at/${sha256}`;
}

/**
 * Where it is settled which leaves come after the first `size`, before the first of their tiles is
 * stored: whoever grows the log from that size on, grows it by these. A bundle of entries.
 */
export function nextPath(size: number): string {
  return `next/${String(size).padStart(16, '0')}`;
}

/** What {@link atPath} leads to. */
export function atText(index: number): string {
  return `${JSON.stringify({ index })}\n`;
}

/** The index that such a text says; null where it says none. */
export function parseAt(bytes: Uint8Array): number | null {
  const index = Number(
    /^\{"index":(0|[1-9]\d{0,15})\}\n$/.exec(Buffer.from(bytes).toString())?.[1],
  );
  return Number.isSafeInteger(index) ? index : null;
}
