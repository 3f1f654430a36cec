import * as z from 'zod';
import { OutOfTimeError } from '../../errors.ts';
import { countSigned, spreadOf, type Spread } from '../../graph/ask/impact.ts';
import {
  inferencesOfKey,
  inferencesOfVersion,
  type InferenceItem,
  type Scanned,
} from '../../graph/ask/inferences.ts';
import {
  readVersions,
  startNode,
  versionsBehind,
  versionsRestingOn,
  type Subject,
} from '../../graph/ask/lineage.ts';
import type { ModelName } from '../../graph/ask/models.ts';
import type { Graph } from '../../graph/connection.ts';
import { earlierOf, isBy, OLDEST, type Place } from '../../graph/place.ts';
import type { Answer } from '../answer.ts';
import type { Incomplete } from '../answers/completeness.ts';
import type { ImpactAnswer, ImpactItem, ImpactSummary } from '../answers/impact.ts';
import { modelName } from '../answers/model.ts';
import { csv, type Cell } from '../csv.ts';
import { inferencePlace } from '../cursor.ts';
import { completenessOf, pageEnd, scanPage, TIME_IS_UP } from '../page.ts';
import { versionGiven } from '../parameters.ts';
import { RequestError } from '../problem.ts';
import type { RouteContext } from '../route.ts';
import { basisOf } from './inferences.ts';

/** Of the affected versions, those that a summary names. */
const MAX_NAMED = 200;

export interface ImpactParameters {
  readonly dataset?: string | undefined;
  readonly model?: string | undefined;
  readonly commit?: string | undefined;
  readonly kid?: string | undefined;
  readonly asOf: string;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Where a recall goes on: within a version, or among what a key signed itself. */
const impactPlace = z.union([
  z.object({ model: modelName, place: inferencePlace }),
  z.object({ signed: inferencePlace }),
]);

type ImpactPlace = z.output<typeof impactPlace>;

/** A question about everything that rests on something. */
interface Recall {
  /** All affected versions, in the order of names. */
  readonly versions: readonly ModelName[];
  /** Where it begins at a key. */
  readonly kid: string | null;
  readonly asOf: string;
}

export async function impact(
  context: RouteContext,
  parameters: ImpactParameters,
): Promise<ImpactAnswer> {
  const { graph, cursors } = context;
  const recall = await recallOf(graph, parameters);
  const from = cursors.open(parameters.cursor, impactPlace);
  const told = from === null ? await summary(context, recall) : null;
  const { items, next, missing } = await affected(context, recall, from, parameters.limit);
  const end = { next, missing: [...missing, ...(told?.missing ?? [])] };
  return {
    summary: told?.summary ?? null,
    items: items.map(itemOf),
    basis: basisOf(items.map(({ resolution }) => resolution)),
    ...(await pageEnd(context, end, parameters.asOf)),
  };
}

async function recallOf(graph: Graph, parameters: ImpactParameters): Promise<Recall> {
  const { dataset: hash, kid = null, asOf } = parameters;
  const model = versionGiven(parameters);
  const given = [hash ?? null, model, kid].filter((one) => one !== null);
  if (given.length !== 1)
    throw new RequestError(
      'PARAMETER_INVALID',
      'A recall begins at exactly one dataset, model with commit, or kid.',
    );
  if (kid !== null) return { versions: await versionsRestingOn(graph, { kid }, asOf), kid, asOf };
  const start: Subject =
    model === null ? { kind: 'dataset', hash: hash ?? '' } : { kind: 'model', model };
  if ((await startNode(graph, start, asOf)) === null)
    throw new RequestError('NOT_FOUND', 'Where the recall begins had not been recorded.');
  const versions =
    start.kind === 'dataset' ? await versionsRestingOn(graph, start, asOf) : [start.model];
  return { versions, kid, asOf };
}

async function summary(
  { graph }: RouteContext,
  { versions, kid, asOf }: Recall,
): Promise<{ summary: ImpactSummary; missing: readonly Incomplete[] }> {
  const isAll = versions.length <= MAX_NAMED;
  const named = await readVersions(graph, versions.slice(0, MAX_NAMED), null, asOf);
  const models = named.map(({ model: { name, commit, inferenceCount, evidence: at } }) => ({
    name,
    commit,
    inferenceCount,
    evidence: at,
  }));
  let spreads: readonly Spread[] | null = null;
  let signedInferenceCount: number | null = null;
  const missing: Incomplete[] = [];
  try {
    if (kid !== null) signedInferenceCount = await countSigned(graph, kid, asOf);
    spreads = isAll ? await spreadOf(graph, versions, asOf) : null;
  } catch (error) {
    if (!(error instanceof OutOfTimeError)) throw error;
    missing.push({
      reason: 'TIME_BUDGET',
      detail:
        'There are too many inferences to count them by the way they were linked; the items have all',
    });
  }
  const proven = ['exact', 'only-version'];
  return {
    summary: {
      modelCount: versions.length,
      models,
      inferenceCount: isAll
        ? models.reduce((sum, { inferenceCount }) => sum + inferenceCount, 0)
        : null,
      signedInferenceCount,
      proven: spreads && together(spreads.filter(({ resolution }) => proven.includes(resolution))),
      inferred:
        spreads && together(spreads.filter(({ resolution }) => !proven.includes(resolution))),
    },
    missing,
  };
}

function together(spreads: readonly Spread[]): NonNullable<ImpactSummary['proven']> {
  let first: string | null = null;
  let last: string | null = null;
  let total = 0;
  for (const one of spreads) {
    total += one.count;
    first = first === null ? one.first : earlierOf(first, one.first);
    last = last === null || isBy(last, one.last) ? one.last : last;
  }
  return { count: total, first, last };
}

interface Affected {
  readonly items: readonly InferenceItem[];
  readonly next: ImpactPlace | null;
  readonly missing: readonly Incomplete[];
}

/** The inferences of one affected version after the other, then those that a key signed for other versions. */
async function affected(
  { graph, isTimeUp }: RouteContext,
  recall: Recall,
  from: ImpactPlace | null,
  limit: number,
): Promise<Affected> {
  const items: InferenceItem[] = [];
  let at = from ?? beginning(recall, recall.versions[0]);
  let isFurther = false;
  while (at !== null) {
    if (items.length === limit) return { items, next: at, missing: [] };
    if (isFurther && isTimeUp()) return { items, next: at, missing: [TIME_IS_UP] };
    isFurther = true;
    const here = at;
    const page = await scanPage(
      'model' in here ? here.place : here.signed,
      limit - items.length,
      true,
      (place, rows) => scan(graph, recall, here, place, rows),
      (item) => item,
      isTimeUp,
    );
    items.push(...page.items);
    if (page.next !== null) {
      const next = 'model' in here ? { ...here, place: page.next } : { signed: page.next };
      return { items, next, missing: page.missing };
    }
    at = 'model' in here ? beginning(recall, versionsBehind(recall.versions, here.model)[0]) : null;
  }
  return { items, next: null, missing: [] };
}

/** The next rows behind a place; of those that a key signed, what its versions have brought already is not wanted. */
async function scan(
  graph: Graph,
  { versions, kid, asOf }: Recall,
  here: ImpactPlace,
  place: Place,
  rows: number,
): Promise<readonly Scanned[]> {
  if ('model' in here) return inferencesOfVersion(graph, here.model, place, rows, asOf);
  const told = new Set(versions.map(({ name, commit }) => JSON.stringify([name, commit])));
  const scanned = await inferencesOfKey(graph, kid ?? '', place, rows, asOf);
  return scanned.map(({ place: at, item }) => {
    const model = item?.model ?? null;
    const isTold = model !== null && told.has(JSON.stringify([model.name, model.commit]));
    return { place: at, item: isTold ? null : item };
  });
}

function beginning({ kid }: Recall, model: ModelName | undefined): ImpactPlace | null {
  if (model !== undefined) return { model, place: OLDEST };
  return kid === null ? null : { signed: OLDEST };
}

function itemOf(item: InferenceItem): ImpactItem {
  const { id, model, resolution, recordedAt, evidence: at } = item;
  return { id, model, resolution, recordedAt, evidence: at };
}

const COLUMNS = [
  'id',
  'model',
  'commit',
  'resolution',
  'recordedAt',
  'digest',
  'kid',
  'source',
  'line',
  'offset',
  'length',
];

/** Of one CSV answer: some 5 MB at the longest usual URIs. */
const MAX_ROWS = 10_000;

/**
 * The same as CSV (RFC 4180), as many pages as fit, with a last row that says whether that is all;
 * where it is not, that row holds the cursor to go on with.
 */
export async function impactCsv(
  context: RouteContext,
  parameters: ImpactParameters,
): Promise<Answer> {
  const { graph, cursors, isTimeUp } = context;
  const recall = await recallOf(graph, parameters);
  let at = cursors.open(parameters.cursor, impactPlace);
  const rows: (readonly Cell[])[] = [COLUMNS];
  let isEnd = false;
  let missing: readonly Incomplete[] = [];
  while (!isEnd && rows.length <= MAX_ROWS) {
    const page = await affected(context, recall, at, 1_000);
    for (const { id, model, resolution, recordedAt, evidence: where } of page.items) {
      const { digest, kid, source, line, offset, length } = where;
      const version = [model?.name ?? null, model?.commit ?? null] as const;
      const signed = [digest, kid, source, line, offset, length] as const;
      rows.push([id, ...version, resolution, recordedAt, ...signed]);
    }
    at = page.next;
    missing = page.missing;
    isEnd = at === null;
    if (isTimeUp()) break;
  }
  const { complete } = await completenessOf(
    context,
    parameters.asOf,
    isEnd ? missing : [TIME_IS_UP],
  );
  const trailer = complete
    ? ['#complete']
    : ['#incomplete', at === null ? 'records are being written' : `next=${cursors.seal(at)}`];
  rows.push(trailer);
  return {
    status: 200,
    headers: {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="impact.csv"',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
    body: csv(rows),
  };
}
