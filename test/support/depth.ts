/** A whole run on CI goes to the full depth; where somebody waits for it, to a tenth of that. */
export const DEPTH = depthOf(process.env['CUSTODY_TEST_DEPTH'] ?? 'quick');

function depthOf(text: string): 'full' | 'quick' {
  if (text === 'full' || text === 'quick') return text;
  throw new Error(`CUSTODY_TEST_DEPTH is full or quick, not ${text}`);
}

const SHARE = DEPTH === 'full' ? 1 : 10;

/** How many times something is tried that is tried so often at full depth. */
export function atDepth(full: number): number {
  return Math.ceil(full / SHARE);
}

/** All of them at full depth, else every tenth, beginning with another one in each run. */
export function someOf<T>(all: readonly T[]): readonly T[] {
  const first = Math.floor(Math.random() * Math.min(SHARE, all.length));
  return all.filter((_, index) => index % SHARE === first);
}
