import { compareInstants, type Instant } from '../trust/timestamp.ts';
import { compareText } from './order.ts';

/** A model version: what linking needs to know of it. */
export interface Version {
  readonly commit: string;
  readonly since: Instant;
}

/** The ways in which an inference comes to its model, the surest first (docs/graph.md, G-12). */
export const RESOLUTIONS = ['exact', 'only-version', 'as-of', 'before-model', 'pending'] as const;

export type Resolution = (typeof RESOLUTIONS)[number];

/** The answer of {@link resolve}: `commit` is null exactly when nothing is linked. */
export interface Link {
  readonly commit: string | null;
  readonly resolution: Resolution;
}

/** Versions of one name in the order in which they came to be: (since, commit). */
export function inOrder(versions: Iterable<Version>): Version[] {
  return [...versions].sort(
    (a, b) => compareInstants(a.since, b.since) || compareText(a.commit, b.commit),
  );
}

/**
 * The model version that an inference is linked to, from the versions of its model's name.
 * `versions` as {@link inOrder} gives them; `commit` is the one the producer signed, or null.
 */
export function resolve(
  commit: string | null,
  recordedAt: Instant,
  versions: readonly Version[],
): Link {
  if (commit !== null)
    return versions.some((version) => version.commit === commit)
      ? { commit, resolution: 'exact' }
      : { commit: null, resolution: 'pending' };
  const first = versions[0];
  if (first === undefined) return { commit: null, resolution: 'pending' };
  const asOf = versions.findLast((version) => compareInstants(version.since, recordedAt) <= 0);
  if (asOf === undefined) return { commit: first.commit, resolution: 'before-model' };
  return { commit: asOf.commit, resolution: versions.length === 1 ? 'only-version' : 'as-of' };
}
