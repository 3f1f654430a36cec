import { OutOfTimeError } from '../../errors.ts';
import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { modelName, type ModelName } from '../model-name.ts';
import { count, only, texts, type Row } from '../rows.ts';

/** How many inferences may belong to versions that they are not linked to. */
export interface Doubts {
  /** They claim one of the names, and are linked to no version. */
  readonly pending: number;
  /** Time alone has placed them at another version of one of the names. */
  readonly elsewhereByTime: number;
  /** Of those the ones at a version that not every key of an asked one of that name has begun. */
  readonly placedByTime: number;
  /** The record that speaks for them is placed elsewhere, while another of their records names these versions. */
  readonly contested: number;
}

const PENDING = `
UNWIND $names AS name
MATCH (i:Inference)
WHERE i.resolution = 'pending' AND i.model = name AND i.recordedAt <= datetime($asOf)
RETURN count(i) AS count
`;

const BY_TIME = `
UNWIND $names AS name
UNWIND $resolutions AS resolution
MATCH (i:Inference)
USING INDEX SEEK i:Inference(resolution, model)
WHERE i.resolution = resolution AND i.model = name AND i.recordedAt <= datetime($asOf)
MATCH (m:Model)-[:GENERATED]->(i)
WITH m, count(i) AS count
WHERE NOT [m.name, m.commit] IN $versions
RETURN m.name AS name, m.commit AS commit, count
`;

const KEYS_OF_VERSIONS = `
UNWIND $versions AS version
MATCH (m:Model {name: version[0], commit: version[1]})
RETURN m.name AS name, m.commit AS commit, COLLECT {
  MATCH (m)<-[:ASSERTS]-(:Record)-[:SIGNED_IN]->(s:Stretch)
  RETURN DISTINCT s.kid
} AS kids, COLLECT {
  MATCH (m)<-[:ASSERTS]-(r:Record)-[:SIGNED_IN]->(s:Stretch)
  WHERE r.recordedAt = m.since
  RETURN DISTINCT s.kid
} AS kidsOfSince
`;

const CONTESTED = `
UNWIND $names AS name
MATCH (r:Record)
WHERE r.model = name
MATCH (r)-[:ASSERTS]->(i:Inference)
WHERE r.digest <> i.digest AND r.recordedAt <= datetime($asOf)
  AND (r.commit IS NULL OR [name, r.commit] IN $versions)
OPTIONAL MATCH (m:Model)-[:GENERATED]->(i)
WITH i, m
WHERE m IS NULL OR NOT [m.name, m.commit] IN $versions
RETURN count(DISTINCT i) AS count
`;

/**
 * What a recall of these versions can't be sure of; null where the time for a question did not suffice
 * to tell. Where one of them is not recorded, what is linked to the only other version is in doubt, too.
 */
export async function doubtsOf(
  graph: Graph,
  versions: readonly ModelName[],
  isRecorded: boolean,
  asOf: string,
): Promise<Doubts | null> {
  const parameters = {
    names: [...new Set(versions.map(({ name }) => name))],
    versions: versions.map(pairOf),
    asOf,
  };
  const resolutions = ['as-of', 'before-model', ...(isRecorded ? [] : ['only-version'])];
  try {
    const pending = only(await graph[database].ask(PENDING, parameters));
    const contested = only(await graph[database].ask(CONTESTED, parameters));
    const others = await graph[database].ask(BY_TIME, { ...parameters, resolutions });
    const strangers = others.length === 0 ? [] : await strangersAmong(graph, others, versions);
    return {
      pending: count(pending, 'count'),
      elsewhereByTime: countOf(others),
      placedByTime: countOf(strangers),
      contested: count(contested, 'count'),
    };
  } catch (error) {
    if (error instanceof OutOfTimeError) return null;
    throw error;
  }
}

/**
 * Those that not every key of some asked version of the same name has begun: a stranger may sign the asked
 * version, too, or an earlier record of the other one, and draw inferences away by that.
 */
async function strangersAmong(
  graph: Graph,
  others: readonly Row[],
  versions: readonly ModelName[],
): Promise<readonly Row[]> {
  const names = new Set(others.map((row) => modelName(row).name));
  const asked = versions.filter(({ name }) => names.has(name));
  const found = await graph[database].ask(KEYS_OF_VERSIONS, {
    versions: [...asked, ...others.map(modelName)].map(pairOf),
  });
  const keys = new Map(found.map((row) => [keyOf(modelName(row)), texts(row, 'kids')]));
  const begun = new Map(found.map((row) => [keyOf(modelName(row)), texts(row, 'kidsOfSince')]));
  return others.filter((row) => {
    const own = new Set(begun.get(keyOf(modelName(row))));
    return asked
      .filter(({ name }) => name === modelName(row).name)
      .some((version) => {
        const signers = keys.get(keyOf(version)) ?? [];
        return signers.length === 0 || !signers.every((kid) => own.has(kid));
      });
  });
}

function countOf(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + count(row, 'count'), 0);
}

function pairOf({ name, commit }: ModelName): [name: string, commit: string] {
  return [name, commit];
}

function keyOf(version: ModelName): string {
  return JSON.stringify(pairOf(version));
}
