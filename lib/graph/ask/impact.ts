import type { Graph } from '../connection.ts';
import { RESOLUTIONS, type Resolution } from '../resolve.ts';
import { count, only, time, word } from '../rows.ts';
import { resolutionsAt } from './inferences.ts';
import { modelName, type ModelName } from './models.ts';

/** How many inferences of a version were found which way, and the time of the first and the last. */
export interface Spread {
  readonly name: string;
  readonly commit: string;
  readonly resolution: Resolution;
  readonly count: number;
  readonly first: string;
  readonly last: string;
}

// It goes through all inferences of these versions; the caller gives it the time for that.
const SPREAD = `
UNWIND $versions AS version
MATCH (m:Model {name: version.name, commit: version.commit})-[:GENERATED]->(i:Inference)
WHERE i.recordedAt <= datetime($asOf)
RETURN m.name AS name, m.commit AS commit, i.resolution AS resolution,
  count(i) AS count, min(i.recordedAt) AS first, max(i.recordedAt) AS last
`;

const SIGNED_INFERENCES = `
MATCH (i:Inference)
USING INDEX SEEK i:Inference(kid, recordedAt, digest)
WHERE i.kid = $kid AND i.recordedAt <= datetime($asOf) AND i.digest IS NOT NULL
RETURN count(i) AS count
`;

/** Rejects with `OutOfTimeError` where that takes longer than one answer may. */
export async function spreadOf(
  graph: Graph,
  versions: readonly ModelName[],
  asOf: string,
): Promise<readonly Spread[]> {
  const names = versions.map(({ name, commit }) => ({ name, commit }));
  const found = await graph.ask(SPREAD, { versions: names, asOf });
  const spreads = found.map((row) => ({
    ...modelName(row),
    resolution: word(RESOLUTIONS)(row, 'resolution'),
    count: count(row, 'count'),
    first: time(row, 'first'),
    last: time(row, 'last'),
  }));
  const resolutions = await resolutionsAt(graph, spreads, asOf);
  return spreads.map((spread, index) => ({
    ...spread,
    resolution: resolutions[index] ?? spread.resolution,
  }));
}

/** How many inferences have a head that a key signed. */
export async function countSigned(graph: Graph, kid: string, asOf: string): Promise<number> {
  return count(only(await graph.ask(SIGNED_INFERENCES, { kid, asOf })), 'count');
}
