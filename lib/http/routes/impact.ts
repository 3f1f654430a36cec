import * as z from 'zod';
import { contentsText } from '../../contents-text.ts';
import { counted } from '../../counted.ts';
import type { Doubts } from '../../graph/ask/doubts.ts';
import {
  affected,
  doubtsAbout,
  recallOf,
  summarize,
  type Recall,
  type Recalled,
  type RecallPlace,
  type RecallStart,
  type RecallSummary,
} from '../../graph/ask/recall.ts';
import type { Graph } from '../../graph/connection.ts';
import { compromises } from '../../trust/key-policy.ts';
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
import { basisOf, tellEvidence } from './inferences.ts';
import { undescribed } from './models.ts';
import { missingBehind, notFound, tellsNear } from './near.ts';

export interface ImpactParameters {
  readonly dataset?: string | undefined;
  readonly model?: string | undefined;
  readonly commit?: string | undefined;
  readonly kid?: string | undefined;
  readonly asOf: string;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

const doubts = z.object({
  pending: z.number(),
  elsewhereByTime: z.number(),
  placedByTime: z.number(),
  contested: z.number(),
});

/**
 * Where a recall goes on: within a version, or among what a key signed itself. What is in doubt is
 * counted once, for the first page, as whether a near spelling is known, and every page says it.
 */
const impactPlace = z.object({
  at: z.union([
    z.object({ model: modelName, place: inferencePlace }),
    z.object({ signed: z.object({ log: z.string(), line: z.number() }) }),
  ]),
  doubts: doubts.nullable(),
  isNear: z.boolean(),
});

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
  const inDoubt = from === null ? await doubtsAbout(graph, recall) : from.doubts;
  const summary = from === null ? await summaryOf(context, recall, inDoubt) : null;
  const tell = (item: Recalled): ImpactItem => tellItem(item, context.may);
  const room = new Room();
  if (summary !== null) room.takes(summary.told);
  const { items, next, cut } = await affected(graph, recall, from?.at ?? null, parameters.limit, {
    isTimeUp,
    takes: (item) => room.takes(tell(item)),
  });
  const near = await nearTo(graph, recall, from);
  const missing = [
    ...missingOf(cut),
    ...(summary?.missing ?? []),
    ...missingFrom(recall, inDoubt),
    ...near,
  ];
  const sealed = next && { at: next, doubts: inDoubt, isNear: tellsNear(near) };
  return {
    recorded: recall.isRecorded,
    summary: summary?.told ?? null,
    items: items.map(tell),
    basis: basisOf(items.flatMap((of) => (of.kind === 'inference' ? [of.resolution] : []))),
    ...(await pageEnd(context, { next: sealed, missing }, parameters.asOf)),
  };
}

/** What keeps a recall from being all that may rest on where it begins. */
function missingFrom({ start, isRecorded }: Recall, inDoubt: Doubts | null): readonly Incomplete[] {
  const missing: Incomplete[] = [];
  if (!isRecorded && start.kind === 'dataset') missing.push(undescribed(start.hash));
  if (inDoubt === null)
    missing.push({
      reason: 'PLACED_BY_TIME',
      detail:
        'The time did not suffice to tell which inferences of these names are linked elsewhere, or to nothing',
    });
  for (const [reason, count, what] of [
    ['PENDING_LINKS', inDoubt?.pending, 'by name and linked to no version'],
    [
      'PLACED_BY_TIME',
      inDoubt?.placedByTime,
      'by name, which time alone places at versions of other keys',
    ],
    ['CONTESTED', inDoubt?.contested, 'in a record of several, whose latest is placed elsewhere'],
  ] as const)
    if (count !== undefined && count > 0)
      missing.push({
        reason,
        detail: `${counted(count, 'inference claims', 'inferences claim')} these models ${what}`,
        count,
      });
  return missing;
}

/** A key has one spelling. */
async function nearTo(
  graph: Graph,
  { start }: Recall,
  from: { readonly isNear: boolean } | null,
): Promise<readonly Incomplete[]> {
  return start.kind === 'key' ? [] : missingBehind(graph, start, from);
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
  if (recall !== null) return recall;
  const unknown = 'Nothing that is recorded refers to where the recall begins.';
  throw start.kind === 'key'
    ? new RequestError('NOT_FOUND', unknown)
    : await notFound(graph, start, unknown);
}

async function summaryOf(
  { graph, ring }: RouteContext,
  recall: Recall,
  inDoubt: Doubts | null,
): Promise<ReturnType<typeof tellSummary>> {
  return tellSummary(await summarize(graph, recall, compromises(await ring())), inDoubt);
}

function tellSummary(
  { isCounted, models, ...summary }: RecallSummary,
  inDoubt: Doubts | null,
): {
  readonly told: ImpactSummary;
  readonly missing: readonly Incomplete[];
} {
  const { elsewhereByTime = null } = inDoubt ?? {};
  const told = { ...summary, models: [...models], elsewhereByTime };
  return { told, missing: isCounted ? [] : [NOT_COUNTED] };
}

function tellItem(item: Recalled, may: RouteContext['may']): ImpactItem {
  if (item.kind !== 'inference') return item;
  const { kind, id, model, resolution, recordedAt, evidence } = item;
  const { contents } = item;
  const told = { kind, id, model, resolution, recordedAt, ...(contents && { contents }) };
  return { ...told, evidence: tellEvidence(evidence, may) };
}

const COLUMNS = [
  'id',
  'model',
  'commit',
  'resolution',
  'recordedAt',
  'digest',
  'kid',
  'log',
  'line',
  'offset',
  'length',
  'kids',
  'kind',
  'contents',
];

/** Of one CSV answer: some 5 MB at long names. */
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
  const from = cursors.open(parameters.cursor, impactPlace);
  const inDoubt = from === null ? await doubtsAbout(graph, recall) : from.doubts;
  let at: RecallPlace | null = from?.at ?? null;
  const rows: (readonly Cell[])[] = [];
  let isEnd = false;
  let missing: readonly Incomplete[] = [];
  while (!isEnd && rows.length < MAX_ROWS) {
    const page = await affected(graph, recall, at, 1_000, { isTimeUp, takes: () => true });
    rows.push(...page.items.map((item) => cellsOf(tellItem(item, context.may))));
    at = page.next;
    missing = missingOf(page.cut);
    isEnd = at === null;
    if (isTimeUp()) break;
  }
  const near = await nearTo(graph, recall, from);
  const { complete, incomplete = [] } = await completenessOf(context, parameters.asOf, [
    ...(isEnd ? missing : [TIME_IS_UP]),
    ...missingFrom(recall, inDoubt),
    ...near,
  ]);
  const next = at && cursors.seal({ at, doubts: inDoubt, isNear: tellsNear(near) });
  const reasons = incomplete.map(({ detail }) => detail).join('; ');
  const note = next === null ? reasons : `next=${next}`;
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

/** In the order of {@link COLUMNS}; the id of a dataset is its hash, and a model has none. */
function cellsOf(item: ImpactItem): readonly Cell[] {
  const { kind, recordedAt, evidence } = item;
  const { digest = null, kid, log, line, offset = null, length = null, kids = [kid] } = evidence;
  const signed = [
    digest,
    kid,
    log,
    line,
    offset,
    length,
    kids.join(' '),
    kind,
    contentsText(item.contents),
  ] as const;
  if (kind === 'dataset') return [item.hash, null, null, null, recordedAt, ...signed];
  if (kind === 'model') return [null, item.name, item.commit, null, recordedAt, ...signed];
  const { id, model, resolution } = item;
  return [id, model?.name ?? null, model?.commit ?? null, resolution, recordedAt, ...signed];
}
