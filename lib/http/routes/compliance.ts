import * as z from 'zod';
import { RULES } from '../../compliance/rules.ts';
import { findings, lastChecks } from '../../graph/ask/findings.ts';
import { FINDING_STATUSES } from '../../graph/finding.ts';
import { NOW } from '../../graph/place.ts';
import { completenessOf, pageOf } from '../page.ts';
import { cursor, limit } from '../parameters.ts';
import { route, type Route } from '../route.ts';
import { completeness, count, instant } from '../schemas.ts';

/** Of the checks before the last one, those that show where things are going. */
const MAX_CHECKS = 50;

const result = z.object({
  rule: z.string(),
  outcome: z
    .enum(['done', 'off', 'not-run'])
    .describe('off: not asked, as configured; not-run: it took too long'),
  reason: z.string().nullable(),
  examined: count.nullable().describe('How many of what the rule is about were looked at'),
  open: count,
  waived: count,
  new: count,
  settled: count,
  isCut: z.boolean().describe('There were more than the thousand that are kept'),
});

const check = z.object({
  id: z.string(),
  startedAt: instant,
  finishedAt: instant,
  complete: z.boolean().describe('Every rule that is not off was asked, and all it found is kept'),
  version: z.string(),
  rules: z.array(result),
});

const rule = z.object({
  id: z.string(),
  title: z.string(),
  why: z.string(),
  severity: z.enum(['low', 'medium', 'high']),
  of: z.string().describe('What `examined` counts'),
  settle: z.string().describe('What makes a finding go away'),
});

const finding = z.object({
  key: z.string(),
  rule: z.string(),
  severity: z.string(),
  status: z.enum(['open', 'waived', 'settled']),
  entity: z.unknown().describe('What it is about, by its identity'),
  detail: z.unknown(),
  digests: z.array(z.string()).describe('Records that it rests on, for /v1/evidence; at most ten'),
  firstSeenAt: instant,
  lastSeenAt: instant,
  settledAt: instant.nullable(),
  waiver: z.object({ who: z.string(), why: z.string(), until: instant }).nullable(),
});

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
    answer: z.object({
      rules: z.array(rule),
      last: check.nullable().describe('Null before the first check'),
      before: z.array(check).describe('The newest first'),
      ...completeness,
    }),
    async handle(context, { before: most }) {
      const [last = null, ...before] = await lastChecks(context.graph, most + 1);
      const told = ({ rules, ...of }: NonNullable<typeof last>): z.input<typeof check> => ({
        ...of,
        rules: [...rules],
      });
      return {
        rules: RULES.map(({ id, title, why, severity, of, settle }) => {
          return { id, title, why, severity, of, settle };
        }),
        last: last && told(last),
        before: before.map(told),
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
    answer: pageOf(finding),
    async handle(context, { rule: only, status, limit: most, cursor: after }) {
      const { graph, cursors } = context;
      const place = after === undefined ? '' : (cursors.open(after) as string);
      const filter = {
        statuses: status === undefined ? FINDING_STATUSES : [status],
        rules: only === undefined ? RULES.map(({ id }) => id) : [only],
      };
      const found = await findings(graph, filter, place, most + 1);
      const items = found.slice(0, most);
      const last = items.at(-1);
      const next = last === undefined || found.length <= most ? null : cursors.seal(last.key);
      return {
        items: items.map(({ digests, ...of }) => ({ ...of, digests: [...digests] })),
        next,
        ...(await completenessOf(context, NOW)),
      };
    },
  }),
];
