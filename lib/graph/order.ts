import { compareInstants, type Instant } from '../trust/timestamp.ts';

/** Code point order, which is that of the UTF-8 bytes; `<` would order UTF-16 units (docs/graph.md, G-1). */
export function compareText(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** What decides which of an entity's records speaks for it. */
export interface Claim {
  readonly recordedAt: Instant;
  readonly digest: string;
}

/** True when `a` is to be the head rather than `b`: the greater (recordedAt, digest) (docs/graph.md, G-3). */
export function isLater(a: Claim, b: Claim): boolean {
  const order = compareInstants(a.recordedAt, b.recordedAt);
  return order > 0 || (order === 0 && a.digest > b.digest);
}
