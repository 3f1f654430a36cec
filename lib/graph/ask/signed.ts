import type { Compromise } from '../../trust/key-policy.ts';
import type { Graph } from '../connection.ts';
import { CONTENTS_OF_ENTITY, contentsIn, type WithContents } from '../content-count.ts';
import { database } from '../database.ts';
import { modelName, type ModelName } from '../model-name.ts';
import { compareText } from '../order.ts';
import { isBy } from '../place.ts';
import { RESOLUTIONS } from '../resolve.ts';
import { count, maybe, node, only, text, texts, time, word, type Row } from '../rows.ts';
import { RESTS_ON_COMPROMISED, type Evidence } from '../signing.ts';
import { stretchOf } from '../stretch.ts';
import { resolutionsAt, type InferenceItem } from './inferences.ts';
import type { Scanned } from './scan.ts';

/** An inference as a recall tells it. */
export type RecalledInference = { readonly kind: 'inference' } & Pick<
  InferenceItem,
  'id' | 'model' | 'resolution' | 'recordedAt' | 'contents' | 'evidence'
>;

/** What a key signed; the evidence is its own signing. */
export type SignedRecord =
  | (RecalledInference & {
      /** False where another record speaks for the inference. */
      readonly isHead: boolean;
    })
  | ((
      { readonly kind: 'dataset'; readonly hash: string } | ({ readonly kind: 'model' } & ModelName)
    ) &
      WithContents & { readonly recordedAt: string; readonly evidence: Evidence });

/** A place in the list of what a key signed, which is ordered by (log, line). */
export interface SignedPlace {
  readonly log: string;
  readonly line: number;
}

/** Before everything that a key signed. */
export const FIRST_SIGNED: SignedPlace = { log: '', line: 0 };

/** What a key signed, in numbers. */
export interface SignedCounts {
  readonly datasets: number;
  readonly models: number;
  readonly inferences: number;
  /** Of all those, what no other key signed. */
  readonly alone: number;
  /** Of all those, what rests on compromised keys alone. */
  readonly onCompromisedKeys: number;
}

const COUNT_SIGNED = `
MATCH (s:Stretch)
USING INDEX SEEK s:Stretch(kid, log, number)
WHERE s.kid = $kid AND s.log IS NOT NULL AND s.number IS NOT NULL
MATCH (r)-[:SIGNED_IN]->(s)
WHERE r.recordedAt <= datetime($asOf)
RETURN count(CASE WHEN r.type = 'dataset' THEN 1 END) AS datasets,
  count(CASE WHEN r.type = 'model' THEN 1 END) AS models, count(r) AS records,
  count(CASE WHEN COUNT { (r)-[:SIGNED_IN]->() } = 1 THEN 1 END) AS alone,
  count(CASE WHEN size($compromised) > 0 AND ${RESTS_ON_COMPROMISED} THEN 1 END) AS onCompromisedKeys
`;

// A stretch that is being made has no signing yet.
const STRETCHES = `
MATCH (s:Stretch)
USING INDEX SEEK s:Stretch(kid, log, number)
WHERE s.kid = $kid AND s.log >= $log AND s.number IS NOT NULL AND s.count > 0
  AND CASE WHEN s.log = $log THEN s.number >= $number ELSE true END
WITH s
ORDER BY s.kid, s.log, s.number
LIMIT $limit
RETURN s.log AS log, s.number AS number, s.count AS count
ORDER BY s.kid, log, number
`;

const SIGNED_RECORDS = `
UNWIND $stretches AS stretch
MATCH (s:Stretch {log: stretch.log, number: stretch.number, kid: $kid})
MATCH (r)-[x:SIGNED_IN]->(s)
WHERE s.log <> $log OR x.line > $line
OPTIONAL MATCH (r)-[:ASSERTS]->(a)
WITH s, r, x, coalesce(a, r) AS e
OPTIONAL MATCH (m:Model)-[:GENERATED]->(e)
RETURN s.log AS log, x.line AS line, x.offset AS offset, x.length AS length,
  r.digest AS digest, r.recordedAt AS recordedAt, coalesce(r.type, 'inference') AS type,
  e.digest = r.digest AS isHead, e.model AS claimed,
  e {.hash, .name, .commit, .id, .resolution} AS entity, m {.name, .commit, .since} AS model,
  COLLECT { MATCH (r)-[:SIGNED_IN]->(o:Stretch) RETURN o.kid } AS kids, ${CONTENTS_OF_ENTITY} AS contents
`;

/** Rejects with `OutOfTimeError` where that takes longer than one answer may. */
export async function countSigned(
  graph: Graph,
  kid: string,
  compromised: readonly Compromise[],
  asOf: string,
): Promise<SignedCounts> {
  const row = only(await graph[database].ask(COUNT_SIGNED, { kid, compromised, asOf }));
  const [datasets, models] = [count(row, 'datasets'), count(row, 'models')];
  const inferences = count(row, 'records') - datasets - models;
  const onCompromisedKeys = count(row, 'onCompromisedKeys');
  return { datasets, models, inferences, alone: count(row, 'alone'), onCompromisedKeys };
}

/** The next records that a key signed, by (log, line): about `rows` of them, fewer at their end only. */
export async function signedRecords(
  graph: Graph,
  kid: string,
  place: SignedPlace,
  rows: number,
  asOf: string,
): Promise<readonly Scanned<SignedRecord, SignedPlace>[]> {
  const number = BigInt(place.line === 0 ? 0 : stretchOf(place.line));
  const stretches = await graph[database].ask(STRETCHES, {
    kid,
    log: place.log,
    number,
    limit: BigInt(rows + 1),
  });
  // Of the stretch that the place is in, as little as nothing may be behind it: it counts for nothing,
  // so that there are never fewer rows than were asked for before the end.
  let behind = 0;
  const wanted = stretches.filter((stretch) => {
    const isWanted = behind < rows;
    const isBegun =
      text(stretch, 'log') === place.log && count(stretch, 'number') === Number(number);
    if (!isBegun) behind += count(stretch, 'count');
    return isWanted;
  });
  const found = await graph[database].ask(SIGNED_RECORDS, {
    stretches: wanted.map((of) => ({ log: text(of, 'log'), number: BigInt(count(of, 'number')) })),
    kid,
    log: place.log,
    line: BigInt(place.line),
    asOf,
  });
  const links = found.map((row) => ({
    name: maybe(text, row, 'claimed') ?? '',
    resolution: maybe(word(RESOLUTIONS), node(row, 'entity'), 'resolution') ?? 'pending',
  }));
  const resolutions = await resolutionsAt(graph, links, asOf);
  return found
    .map((row, index) => {
      const at = { log: text(row, 'log'), line: count(row, 'line') };
      const item = signedRecord(row, kid, resolutions[index] ?? 'pending', asOf);
      return { place: at, item: isBy(item.recordedAt, asOf) ? item : null };
    })
    .sort((a, b) => compareText(a.place.log, b.place.log) || a.place.line - b.place.line);
}

function signedRecord(
  row: Row,
  kid: string,
  resolution: InferenceItem['resolution'],
  asOf: string,
): SignedRecord {
  const entity = node(row, 'entity');
  const said = {
    recordedAt: time(row, 'recordedAt'),
    ...contentsIn(row),
    evidence: evidenceIn(row, kid),
  };
  const kind = word(['dataset', 'model', 'inference'])(row, 'type');
  if (kind === 'dataset') return { kind, hash: text(entity, 'hash'), ...said };
  if (kind === 'model') return { kind, ...modelName(entity), ...said };
  const model = maybe(node, row, 'model');
  // A version that came later was not there to be linked to.
  const isThere = model !== null && isBy(time(model, 'since'), asOf);
  return {
    kind,
    id: text(entity, 'id'),
    model: isThere ? modelName(model) : null,
    resolution: isThere ? resolution : 'pending',
    isHead: row['isHead'] === true,
    ...said,
  };
}

function evidenceIn(row: Row, kid: string): Evidence {
  const kids = [...new Set(texts(row, 'kids'))].sort();
  return {
    digest: text(row, 'digest'),
    kid,
    log: text(row, 'log'),
    line: count(row, 'line'),
    offset: count(row, 'offset'),
    length: count(row, 'length'),
    ...(kids.length > 1 ? { kids } : {}),
  };
}
