import * as z from 'zod';
import { completeness, pageOf } from './completeness.ts';
import { count, instant } from './scalar.ts';

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

export type RuleResult = z.output<typeof result>;

const check = z.object({
  id: z.string(),
  startedAt: instant,
  finishedAt: instant,
  complete: z.boolean().describe('Every rule that is not off was asked, and all it found is kept'),
  version: z.string(),
  rules: z.array(result),
});

export type Check = z.output<typeof check>;

const rule = z.object({
  id: z.string(),
  title: z.string(),
  why: z.string(),
  severity: z.enum(['low', 'medium', 'high']),
  of: z.string().describe('What `examined` counts'),
  settle: z.string().describe('What makes a finding go away'),
});

export type Rule = z.output<typeof rule>;

export const complianceAnswer = z.object({
  rules: z.array(rule),
  last: check.nullable().describe('Null before the first check'),
  before: z.array(check).describe('The newest first'),
  ...completeness.shape,
});

export type ComplianceAnswer = z.output<typeof complianceAnswer>;

export const finding = z.object({
  key: z.string(),
  rule: z.string(),
  severity: z.string(),
  status: z.enum(['open', 'waived', 'settled']),
  entity: z
    .object({ kind: z.string() })
    .catchall(z.string().nullable())
    .describe('What it is about, by its identity'),
  detail: z
    .record(z.string(), z.union([z.string(), z.number(), z.null()]))
    .describe('What the rule says of it'),
  digests: z.array(z.string()).describe('Records that it rests on, for /v1/evidence; at most ten'),
  firstSeenAt: instant,
  lastSeenAt: instant,
  settledAt: instant.nullable(),
  waiver: z.object({ who: z.string(), why: z.string(), until: instant }).nullable(),
});

export type Finding = z.output<typeof finding>;

export const findingsAnswer = pageOf(finding);

export type FindingsAnswer = z.output<typeof findingsAnswer>;
