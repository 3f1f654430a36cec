import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { count, text } from '../rows.ts';

/** So many inferences are looked at for one answer. */
const MOST_COUNTED = 10_000;

/** A name that inferences claim without being linked to a version of it. */
export interface ClaimedName {
  readonly name: string;
  /** How many do; where {@link isCut}, at least so many. */
  readonly inferenceCount: number;
  readonly isCut: boolean;
}

// Off the index alone: no inference is read.
const CLAIMED_NAMES = `
MATCH (i:Inference)
USING INDEX SEEK i:Inference(resolution, model)
WHERE i.resolution = 'pending' AND i.model > $after
WITH i
ORDER BY i.resolution, i.model
LIMIT $most
WITH i.model AS name
RETURN name, count(*) AS inferences
ORDER BY name
`;

/** Of these names at most `limit` behind `after`, in the order of code points. `isEnd`: none comes after them. */
export async function claimedNames(
  graph: Graph,
  after: string,
  limit: number,
): Promise<{ readonly names: readonly ClaimedName[]; readonly isEnd: boolean }> {
  const parameters = { after, most: BigInt(MOST_COUNTED + 1) };
  const found = (await graph[database].ask(CLAIMED_NAMES, parameters)).map((row) => ({
    name: text(row, 'name'),
    inferenceCount: count(row, 'inferences'),
    isCut: false,
  }));
  const counted = found.reduce((sum, { inferenceCount }) => sum + inferenceCount, 0);
  if (counted <= MOST_COUNTED) {
    const names = found.slice(0, limit);
    return { names, isEnd: names.length === found.length };
  }
  // There may be more of the last name than were looked at: an answer that begins with it counts them.
  const [first, ...others] = found;
  const names =
    first !== undefined && others.length === 0
      ? [{ ...first, inferenceCount: MOST_COUNTED, isCut: true }]
      : found.slice(0, Math.min(limit, others.length));
  return { names, isEnd: false };
}
