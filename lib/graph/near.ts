import type { Graph } from './connection.ts';
import { database } from './database.ts';
import { modelName, type ModelName } from './model-name.ts';
import { text, type Row } from './rows.ts';

/** Runs a statement, in a transaction or on its own. */
type Ask = (statement: string, parameters: Row) => Promise<readonly Row[]>;

/** A dataset by its hash, or a version of a model; null is a version that is named by no commit. */
export type Spelt =
  | { readonly kind: 'dataset'; readonly hash: string }
  | { readonly kind: 'model'; readonly name: string; readonly commit: string | null };

/** Of one name, those that are told. */
const MAX_NEAR = 5;

/** No identity that is kept is longer (docs/envelope.md). */
const MAX_BYTES = 2_048;

/** What Git writes, in short at least. */
const SHORTEST_COMMIT = 7;
const COMMIT = /^[0-9a-f]{7,}$/;

// Each spelling is looked for by a seek of its own: identity is exact, and nothing is kept in another form.
const NEAR_DATASETS = `
UNWIND $hashes AS hash
OPTIONAL MATCH (d:Dataset {hash: hash})
CALL (hash) {
  OPTIONAL MATCH (p:PendingLink)
  USING INDEX SEEK p:PendingLink(hash, name, commit)
  WHERE p.hash = hash AND p.name IS NOT NULL AND p.commit IS NOT NULL
  RETURN p IS NOT NULL AS isDeclared
  LIMIT 1
}
WITH hash, d, isDeclared
WHERE d IS NOT NULL OR isDeclared
RETURN hash
`;

const NEAR_RECORDED = `
UNWIND $hashes AS hash
MATCH (d:Dataset {hash: hash})
RETURN d.hash AS hash
`;

const NEAR_NAMES = `
UNWIND $names AS name
CALL (name) {
  MATCH (m:Model)
  USING INDEX SEEK m:Model(name, commit)
  WHERE m.name = name AND m.commit IS NOT NULL
  RETURN m.name AS known
  LIMIT 1
  UNION ALL
  MATCH (i:Inference)
  USING INDEX SEEK i:Inference(model, recordedAt, digest)
  WHERE i.model = name AND i.recordedAt IS NOT NULL AND i.digest IS NOT NULL
  RETURN i.model AS known
  LIMIT 1
}
RETURN DISTINCT known
`;

const NEAR_VERSIONS = `
UNWIND $starts AS start
CALL (start) {
  MATCH (m:Model)
  USING INDEX SEEK m:Model(name, commit)
  WHERE m.name = start.name AND m.commit STARTS WITH start.commit
  RETURN m.name AS name, m.commit AS commit
  ORDER BY m.name, m.commit
  LIMIT $most
}
RETURN DISTINCT name, commit
`;

/** What is known under a spelling near to this one. */
export async function nearTo(graph: Graph, asked: Spelt): Promise<readonly string[]> {
  const ask: Ask = (statement, parameters) => graph[database].ask(statement, parameters);
  const [near = []] = await nearSpellings(ask, [asked]);
  return near;
}

/** Names of models that are known under a spelling near to this one, by a version or by inferences. */
export async function namesNearTo(graph: Graph, name: string): Promise<readonly string[]> {
  const names = spellings(name).filter((one) => one !== name);
  const found = await graph[database].ask(NEAR_NAMES, { names });
  return found.slice(0, MAX_NEAR).map((row) => quoted(text(row, 'known'), name));
}

/**
 * For each of these what is known under a near spelling, as a text in quotes: in another case, with white
 * space at its end or without, in another Unicode form, with `sha256:` before it or without, by a shorter
 * commit or a longer. `recordedOnly` leaves out datasets that are declared and not recorded.
 */
export async function nearSpellings(
  ask: Ask,
  asked: readonly Spelt[],
  recordedOnly = false,
): Promise<readonly (readonly string[])[]> {
  const hashes = new Set(asked.flatMap((of) => (of.kind === 'dataset' ? hashSpellings(of) : [])));
  const starts = asked.flatMap((of) => (of.kind === 'model' ? versionStarts(of) : []));
  const datasets =
    hashes.size === 0
      ? []
      : await ask(recordedOnly ? NEAR_RECORDED : NEAR_DATASETS, { hashes: [...hashes] });
  const versions =
    starts.length === 0 ? [] : await ask(NEAR_VERSIONS, { starts, most: BigInt(MAX_NEAR) });
  const known = new Set(datasets.map((row) => text(row, 'hash')));
  // By name, since findings ask for thousands at once.
  const byName = Map.groupBy(versions.map(modelName), ({ name }) => folded(name));
  return asked.map((of) => {
    const near =
      of.kind === 'dataset'
        ? hashSpellings(of)
            .filter((hash) => hash !== of.hash && known.has(hash))
            .map((hash) => quoted(hash, of.hash))
        : (byName.get(folded(of.name)) ?? [])
            .filter((version) => isNear(version, of))
            .map(({ name, commit }) => `${quoted(name, of.name)} @ ${quoted(commit, of.commit)}`);
    return near.slice(0, MAX_NEAR);
  });
}

function hashSpellings({ hash }: { readonly hash: string }): readonly string[] {
  const bare = hash.trim().replace(/^sha256:/i, '');
  return spellings(bare).flatMap((one) => [one, `sha256:${one}`]);
}

function spellings(name: string): readonly string[] {
  return cases(name).flatMap((one) => ['', ' ', '\n'].map((end) => `${one}${end}`));
}

function cases(name: string): readonly string[] {
  const core = name.trim();
  const first = core.charAt(0).toUpperCase() + core.slice(1);
  const all = [core, core.toLowerCase(), core.toUpperCase(), first];
  const forms = all.flatMap((one) => [one.normalize('NFC'), one.normalize('NFD')]);
  return [...new Set(forms)].filter((one) => Buffer.byteLength(one) <= MAX_BYTES);
}

/** What the commits begin with that may be meant, under each spelling of the name. */
function versionStarts({
  name,
  commit,
}: {
  readonly name: string;
  readonly commit: string | null;
}): readonly Row[] {
  const said = foldedCommit(commit ?? '');
  const short = COMMIT.test(said) ? said.slice(0, SHORTEST_COMMIT) : (commit ?? '');
  return spellings(name).flatMap((one) =>
    cases(short).map((start) => ({ name: one, commit: start })),
  );
}

/** Of a version whose name is spelt nearly so. */
function isNear(
  known: ModelName,
  { name, commit }: { readonly name: string; readonly commit: string | null },
): boolean {
  if (known.name === name && known.commit === commit) return false;
  if (commit === null) return true;
  const [a, b] = [foldedCommit(known.commit), foldedCommit(commit)];
  const areCommits = COMMIT.test(a) && COMMIT.test(b);
  return a === b || (areCommits && (a.startsWith(b) || b.startsWith(a)));
}

function folded(name: string): string {
  return name.trim().normalize('NFC').toLowerCase();
}

/** As Git describes a commit whose files were changed. */
function foldedCommit(commit: string): string {
  return folded(commit).replace(/-dirty$/, '');
}

/** Two Unicode forms look alike: where that is all, it is said. */
function quoted(known: string, asked: string | null): string {
  const looksAlike = known !== asked && known.normalize('NFC') === asked?.normalize('NFC');
  return `${JSON.stringify(known)}${looksAlike ? ' (another Unicode form)' : ''}`;
}
