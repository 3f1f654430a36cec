import { HASH_BYTES } from './tree.ts';

/** A tree's size and root, under the name of its log (c2sp.org/tlog-checkpoint). */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** The text that a log signs: three lines, no extension line, for which nobody vouches. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`;
}

/** A checkpoint's text; lines that follow the third are passed over. Null where it is none. */
export function parseCheckpoint(text: string): Checkpoint | null {
  if (!text.endsWith('\n')) return null;
  const lines = text.slice(0, -1).split('\n');
  const [origin, size, root] = lines;
  if (origin === undefined || size === undefined || root === undefined || lines.includes(''))
    return null;
  const hash = Buffer.from(root, 'base64');
  const count = sizeOf(size);
  if (count === null || hash.length !== HASH_BYTES || hash.toString('base64') !== root) return null;
  return { origin, size: count, root: hash };
}

/** A number in its one decimal spelling, up to 2^53 - 1; null for anything else. */
export function sizeOf(text: string): number | null {
  const count = Number(text);
  return /^(?:0|[1-9]\d{0,15})$/.test(text) && Number.isSafeInteger(count) ? count : null;
}
