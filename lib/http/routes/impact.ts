import * as z from 'zod';
import type { InferenceItem } from '../../graph/ask/inferences.ts';
import {
  affected,
  recallOf,
  summarize,
  type Recall,
  type RecallStart,
  type RecallSummary,
} from '../../graph/ask/recall.ts';
import type { Graph } from '../../graph/connection.ts';
import type { Answer } from '../answer.ts';
import type { Incomplete } from '../answers/completeness.ts';
import type { ImpactAnswer, ImpactItem, ImpactSummary } from '../answers/impact.ts';
import { modelName } from '../answers/model.ts';
import { csv, type Cell } from '../csv.ts';
import { inferencePlace } from '../cursor.ts';
import { completenessOf, missingOf, pageEnd, Room, TIME_IS_UP } from '../page.ts';
import { versionGiven } from '../parameters.ts';
import { RequestError } from '../problem.ts';
import type { RouteContext } from '../route.ts';
import { basisOf } from './inferences.ts';

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

/** The items say how they are linked, one by one. */
const NOT_COUNTED: Incomplete = {
  reason: 'TIME_BUDGET',
  detail:
    'There are too many inferences to count them by the way they were linked; the items have all',
};

export async function impact(
  context: RouteContext,
  parameters: ImpactParameters,
): Promise<ImpactAnswer> {
  const { graph, cursors, isTimeUp } = context;
  const recall = await openRecall(graph, parameters);
  const from = cursors.open(parameters.cursor, impactPlace);
  const summary = from === null ? tellSummary(await summarize(graph, recall)) : null;
  const room = new Room();
  if (summary !== null) room.takes(summary.told);
  const { items, next, cut } = await affected(graph, recall, from, parameters.limit, {
    isTimeUp,
    takes: (item) => room.takes(tellItem(item)),
  });
  const missing = [...missingOf(cut), ...(summary?.missing ?? [])];
  return {
    summary: summary?.told ?? null,
    items: items.map(tellItem),
    basis: basisOf(items.map(({ resolution }) => resolution)),
    ...(await pageEnd(context, { next, missing }, parameters.asOf)),
  };
}

async function openRecall(graph: Graph, given: ImpactParameters): Promise<Recall> {
  const { dataset: hash, kid } = given;
  const model = versionGiven(given);
  const starts: RecallStart[] = [];
  if (hash !== undefined) starts.push({ kind: 'dataset', hash });
  if (model !== null) starts.push({ kind: 'model', model });
  if (kid !== undefined) starts.push({ kind: 'key', kid });
  const [start] = starts;
  if (start === undefined || starts.length > 1)
    throw new RequestError(
      'PARAMETER_INVALID',
      'A recall begins at exactly one dataset, model with commit, or kid.',
    );
  const recall = await recallOf(graph, start, given.asOf);
  if (recall === null)
    throw new RequestError('NOT_FOUND', 'Where the recall begins had not been recorded.');
  return recall;
}

function tellSummary({ isCounted, models, ...summary }: RecallSummary): {
  readonly told: ImpactSummary;
  readonly missing: readonly Incomplete[];
} {
  return { told: { ...summary, models: [...models] }, missing: isCounted ? [] : [NOT_COUNTED] };
}

function tellItem(item: InferenceItem): ImpactItem {
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
 * The same as CSV, as many pages as fit, with a last row that says whether that is all; where it is
 * not, that row holds the cursor to go on with.
 */
export async function impactCsv(
  context: RouteContext,
  parameters: ImpactParameters,
): Promise<Answer> {
  const { graph, cursors, isTimeUp } = context;
  const recall = await openRecall(graph, parameters);
  let at = cursors.open(parameters.cursor, impactPlace);
  const rows: (readonly Cell[])[] = [];
  let isEnd = false;
  let missing: readonly Incomplete[] = [];
  while (!isEnd && rows.length < MAX_ROWS) {
    const page = await affected(graph, recall, at, 1_000, { isTimeUp, takes: () => true });
    for (const { id, model, resolution, recordedAt, evidence: where } of page.items) {
      const { digest, kid, source, line, offset, length } = where;
      const version = [model?.name ?? null, model?.commit ?? null] as const;
      const signed = [digest, kid, source, line, offset, length] as const;
      rows.push([id, ...version, resolution, recordedAt, ...signed]);
    }
    at = page.next;
    missing = missingOf(page.cut);
    isEnd = at === null;
    if (isTimeUp()) break;
  }
  const { complete } = await completenessOf(
    context,
    parameters.asOf,
    isEnd ? missing : [TIME_IS_UP],
  );
  const note = at === null ? 'records are being written' : `next=${cursors.seal(at)}`;
  return {
    status: 200,
    headers: {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="impact.csv"',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
    body: csv(COLUMNS, rows, complete ? { complete } : { complete, note }),
  };
}
