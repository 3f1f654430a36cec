import * as z from 'zod';
import { RULES } from '../../compliance/rules.ts';
import { findings, lastChecks, type FindingRow } from '../../graph/ask/findings.ts';
import { FINDING_STATUSES, type CheckRow } from '../../graph/finding.ts';
import { NOW } from '../../graph/place.ts';
import {
  complianceAnswer,
  finding,
  findingsAnswer,
  type Check,
  type Finding,
} from '../answers/compliance.ts';
import { completenessOf, pageEnd, readPage } from '../page.ts';
import { cursor, limit } from '../parameters.ts';
import { route, type Route } from '../route.ts';

/** Of the checks before the last one, those that show where things are going. */
const MAX_CHECKS = 50;

/** The key of the finding before. */
const findingPlace = z.string();

export const COMPLIANCE_ROUTES: readonly Route[] = [
  route({
    path: '/v1/compliance',
    resource: 'compliance',
    scope: 'compliance:read',
    summary: 'The last check with what each rule looked at and found, and the checks before it',
    parameters: z.object({
      before: z
        .string()
        .regex(/^(?:\d|[1-4]\d|50)$/, `a whole number from 0 to ${MAX_CHECKS}`)
        .default(String(MAX_CHECKS))
        .transform(Number)
        .describe(`How many checks before the last one, 0 to ${MAX_CHECKS}`)
        .meta({ examples: ['0'] }),
    }),
    answer: complianceAnswer,
    async handle(context, { before: most }) {
      const [last = null, ...before] = await lastChecks(context.graph, most + 1);
      return {
        rules: RULES.map(({ id, title, why, severity, of, settle }) => {
          return { id, title, why, severity, of, settle };
        }),
        last: last && tellCheck(last),
        before: before.map(tellCheck),
        ...(await completenessOf(context, NOW)),
      };
    },
  }),
  route({
    path: '/v1/findings',
    resource: 'compliance',
    scope: 'compliance:read',
    summary: 'What the checks have found, settled findings included',
    parameters: z.object({
      rule: z.enum(RULES.map(({ id }) => id)).optional(),
      status: z.enum(FINDING_STATUSES).optional(),
      limit,
      cursor,
    }),
    answer: findingsAnswer,
    async handle(context, { rule: only, status, limit: most, cursor: after }) {
      const place = context.cursors.open(after, findingPlace) ?? '';
      const filter = {
        statuses: status === undefined ? FINDING_STATUSES : [status],
        rules: only === undefined ? RULES.map(({ id }) => id) : [only],
      };
      const page = await readPage(
        most,
        (rows) => findings(context.graph, filter, place, rows),
        tellFinding,
        ({ key }) => key,
      );
      return { items: page.told, ...(await pageEnd(context, page, NOW)) };
    },
  }),
];

function tellCheck({ rules, ...check }: CheckRow): Check {
  return { ...check, rules: [...rules] };
}

/** The database keeps what a finding is about as JSON: it is held against what the answer promises. */
function tellFinding({ entity, detail, digests, inferences, ...row }: FindingRow): Finding {
  return {
    ...row,
    entity: finding.shape.entity.parse(entity),
    detail: finding.shape.detail.parse(detail),
    digests: [...digests],
    inferences: [...inferences],
  };
}
