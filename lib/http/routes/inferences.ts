import * as z from 'zod';
import { counted } from '../../counted.ts';
import { contentsOf } from '../../graph/ask/contents.ts';
import { readDataset } from '../../graph/ask/datasets.ts';
import {
  newestInferences,
  readInference,
  type InferenceItem,
  type Payloads,
} from '../../graph/ask/inferences.ts';
import { versionsRestingOn } from '../../graph/ask/lineage.ts';
import { readModel } from '../../graph/ask/models.ts';
import { earlierOf, NEWEST, NOW } from '../../graph/place.ts';
import type { Evidence } from '../../graph/signing.ts';
import { opaque } from '../answer.ts';
import type { Incomplete } from '../answers/completeness.ts';
import {
  inferenceAnswer,
  inferencesAnswer,
  type Basis,
  type Inference,
  type Resolution,
} from '../answers/inference.ts';
import type { InferenceEvidence } from '../answers/signed-at.ts';
import { inferencePlace } from '../cursor.ts';
import { completenessOf, pageEnd, scanPage } from '../page.ts';
import { asOf, cursor, identity, limit, since, until } from '../parameters.ts';
import { RequestError } from '../problem.ts';
import { route, type Route, type RouteContext } from '../route.ts';
import { missingDatasets, tellContents, tellModel, undescribed } from './models.ts';
import { missingBehind, missingByName, tellsNear } from './near.ts';

const include = z
  .literal('payload')
  .optional()
  .describe('Also what went in and came out; takes the permission payload:read');

/** A place in the list, and whether its first page told a near spelling. */
const listPlace = z.object({ at: inferencePlace, isNear: z.boolean() });

export const INFERENCE_ROUTES: readonly Route[] = [
  route({
    path: '/v1/inferences',
    resource: 'inferences',
    summary: 'Inferences, newest first',
    parameters: z.object({
      model: identity.optional().describe('The model name that the record says'),
      commit: identity
        .optional()
        .describe('With model: of the version that it is linked to, or names'),
      dataset: identity.optional().describe('Only inferences of versions that use this dataset'),
      since,
      until,
      asOf,
      include,
      limit,
      cursor,
    }),
    answer: inferencesAnswer,
    async handle(context, parameters) {
      const { graph, cursors, isTimeUp } = context;
      const withPayload = includesPayload(context, parameters.include);
      const { model: name = null, commit = null, dataset = null, limit: most } = parameters;
      if (commit !== null && name === null)
        throw new RequestError('PARAMETER_INVALID', 'commit is given together with model.');
      const latest = earlierOf(parameters.until, parameters.asOf);
      const from = cursors.open(parameters.cursor, listPlace);
      const place = from?.at ?? { ...NEWEST, at: latest };
      const { asOf: time } = parameters;
      const versions =
        dataset === null ? null : await versionsRestingOn(graph, { hash: dataset }, time);
      const filter = { since: parameters.since, model: name, commit, asOf: time };
      const page = await scanPage(
        place,
        most,
        commit !== null || dataset !== null,
        (at, rows) => newestInferences(graph, at, rows, filter, versions),
        (item) => tellInference(item, context.may, withPayload),
        isTimeUp,
      );
      const isUndescribed =
        dataset !== null &&
        (versions ?? []).length > 0 &&
        (await readDataset(graph, dataset, time)) === null;
      const isNone = from === null && page.next === null && page.items.length === 0;
      const near = [
        ...(isNone && name !== null ? await missingByName(graph, name) : []),
        ...(dataset === null
          ? []
          : await missingBehind(graph, { kind: 'dataset', hash: dataset }, from)),
      ];
      const missing = [
        ...page.missing,
        ...missingModels(page.items),
        ...(isUndescribed ? [undescribed(dataset)] : []),
        ...near,
      ];
      const next = page.next && { at: page.next, isNear: tellsNear(near) };
      return {
        items: page.told,
        basis: basisOf(page.items.map(({ resolution }) => resolution)),
        ...(await pageEnd(context, { next, missing }, time)),
      };
    },
  }),
  route({
    path: '/v1/inference',
    resource: 'inferences',
    summary: 'One inference, with its model version and the datasets behind it',
    parameters: z.object({ id: identity, include }),
    answer: inferenceAnswer,
    async handle(context, parameters) {
      const { graph } = context;
      const withPayload = includesPayload(context, parameters.include);
      const found = await readInference(graph, parameters.id);
      if (found === null)
        throw new RequestError('NOT_FOUND', 'No inference of this id is recorded.');
      const contents = await contentsOf(graph, { kind: 'inference', id: found.id });
      const version = found.model === null ? null : await readModel(graph, found.model);
      const missing = [
        ...missingModels([found]),
        ...(version === null ? [] : missingDatasets([version])),
      ];
      return {
        inference: tellInference(found, context.may, withPayload),
        contents: context.may('payload:read')
          ? tellContents(contents)
          : contents && { count: contents.count },
        model: version === null ? null : tellModel(version),
        basis: basisOf([found.resolution]),
        ...(await completenessOf(context, NOW, missing)),
      };
    },
  }),
];

function includesPayload({ may }: RouteContext, given: 'payload' | undefined): boolean {
  if (given === undefined) return false;
  if (!may('payload:read'))
    throw new RequestError('FORBIDDEN', 'Payloads take the permission payload:read.');
  return true;
}

/** As an answer tells it. */
export function tellInference(
  { payloads, evidence, ...item }: InferenceItem,
  may: RouteContext['may'],
  withPayload: boolean,
): Inference {
  const kept = { inputKept: keptOf(payloads, 'input'), outputKept: keptOf(payloads, 'output') };
  return {
    ...item,
    ...(withPayload ? { input: opaque(payloads.input), output: opaque(payloads.output) } : {}),
    ...(may('payload:read') ? kept : {}),
    evidence: tellEvidence(evidence, may),
  };
}

/** A payload that can be guessed is proven by its digest, and by its length all but proven. */
export function tellEvidence(evidence: Evidence, may: RouteContext['may']): InferenceEvidence {
  const { digest: _, offset: __, length: ___, ...place } = evidence;
  return may('payload:read') ? evidence : place;
}

type Kept = NonNullable<Inference['inputKept']> | null;

function keptOf(payloads: Payloads, name: 'input' | 'output'): Kept {
  const sha256 = payloads[`${name}Sha256`];
  const bytes = payloads[`${name}Bytes`];
  return sha256 === null || bytes === null ? null : { sha256, bytes };
}

const BASIS = {
  exact: 'exact',
  'only-version': 'onlyVersion',
  'as-of': 'inferred',
  'before-model': 'inferred',
  pending: null,
} as const satisfies Record<Resolution, keyof Basis | null>;

export function basisOf(resolutions: Iterable<Resolution>): Basis {
  const found = { exact: 0, onlyVersion: 0, inferred: 0 };
  for (const resolution of resolutions) {
    const name = BASIS[resolution];
    if (name !== null) found[name] += 1;
  }
  return found;
}

/** Inferences whose model is not recorded make an answer about them incomplete. */
export function missingModels(
  items: readonly Pick<InferenceItem, 'resolution'>[],
): readonly Incomplete[] {
  const count = items.filter(({ resolution }) => resolution === 'pending').length;
  if (count === 0) return [];
  return [
    {
      reason: 'PENDING_LINKS',
      detail: `${counted(count, 'of these inferences names', 'of these inferences name')} a model version that is not recorded`,
      count,
    },
  ];
}
