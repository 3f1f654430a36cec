import * as z from 'zod';
import { completeness, pageOf } from './completeness.ts';
import { count, instant } from './scalar.ts';

const result = z.object({
  rule: z.string(),
  outcome: z
    .enum(['done', 'unfinished', 'off', 'not-run'])
    .describe(
      'unfinished: the time was up before all was looked at, and the next check goes on from there; off: not asked, as configured; not-run: there was no time for it',
    ),
  reason: z.string().nullable(),
  examined: count.nullable().describe('How many there are of what the rule is about'),
  open: count.describe(
    'How many of those the open findings stand for; at least so many of an unfinished rule',
  ),
  waived: count.describe('How many of those the waived findings stand for'),
  findings: count.describe('Open findings'),
  new: count.describe('Findings that this check opened'),
  settled: count.describe('Findings that this check settled'),
});

export type RuleResult = z.output<typeof result>;

const check = z.object({
  id: z.string(),
  startedAt: instant,
  finishedAt: instant,
  complete: z.boolean().describe('Every rule that is not off was asked to its end'),
  version: z.string(),
  rules: z.array(result),
});

export type Check = z.output<typeof check>;

const rule = z.object({
  id: z.string(),
  title: z.string(),
  why: z.string(),
  severity: z.enum(['low', 'medium', 'high']),
  of: z.string().describe('What `examined`, `open`, `waived` and a finding’s `counts` count'),
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
  counts: count.describe('How many of what its rule examines it stands for'),
  digests: z
    .array(z.string())
    .describe('Records of datasets and models that it rests on, for /v1/evidence; at most ten'),
  inferences: z
    .array(z.string())
    .describe('An inference that it rests on, by its id, for /v1/evidence'),
  firstSeenAt: instant,
  lastSeenAt: instant,
  settledAt: instant.nullable(),
  waiver: z.object({ who: z.string(), why: z.string(), until: instant }).nullable(),
});

export type Finding = z.output<typeof finding>;

export const findingsAnswer = pageOf(finding);

export type FindingsAnswer = z.output<typeof findingsAnswer>;
