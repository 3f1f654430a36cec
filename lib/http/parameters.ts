import * as z from 'zod';
import type { ModelName } from '../graph/model-name.ts';
import { NOW } from '../graph/place.ts';
import { parseTimestamp } from '../trust/timestamp.ts';
import { RequestError } from './problem.ts';

/** An identity as docs/envelope.md allows it (E-14): 1 to 2,048 bytes, no NUL. */
export const identity = z
  .string()
  .min(1)
  .refine((text) => Buffer.byteLength(text) <= 2_048, 'at most 2,048 bytes')
  .refine((text) => !text.includes('\0'), 'no NUL');

/** A SHA-256: of a record, a key or a log. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits');

/** An instant, given in any offset, as RFC 3339 in UTC. */
const time = z
  .string()
  .max(64)
  .refine((text) => parseTimestamp(text) !== null, 'a time of RFC 3339, as 2026-01-31T12:00:00Z')
  .transform(inUtc)
  .meta({ examples: ['2026-01-31T12:00:00Z'] });

/** As Neo4j writes it: the fraction, where there is one, has nine digits. */
function inUtc(text: string): string {
  const instant = parseTimestamp(text);
  if (instant === null) return text;
  const { epochSeconds, nanoseconds } = instant;
  const seconds = new Date(epochSeconds * 1000).toISOString().slice(0, 19);
  const fraction = nanoseconds === 0 ? '' : `.${String(nanoseconds).padStart(9, '0')}`;
  return `${seconds}${fraction}Z`;
}

export const asOf = time
  .default(NOW)
  .describe('Answers what had been recorded by this time, by what the records say of themselves');

export const since = time.default('0001-01-01T00:00:00Z').describe('Only from this time on');

export const until = time.default(NOW).describe('Only up to this time');

/** A model's name and commit, which are given together or not at all. */
export function versionGiven({
  model: name,
  commit,
}: {
  readonly model?: string | undefined;
  readonly commit?: string | undefined;
}): ModelName | null {
  if ((name === undefined) !== (commit === undefined))
    throw new RequestError('PARAMETER_INVALID', 'model and commit are given together.');
  return name === undefined || commit === undefined ? null : { name, commit };
}

/** Of one page. */
export const limit = z
  .string()
  .regex(/^(?:[1-9]\d?|1\d\d|200)$/, 'a whole number from 1 to 200')
  .default('50')
  .transform(Number)
  .describe('Items of one page, 1 to 200; 50 unless named')
  .meta({ examples: ['50'] });

export const cursor = z
  .string()
  .max(8_192)
  .regex(/^[A-Za-z0-9_-]+$/, '`next` of an answer, as it was given')
  .optional()
  .describe('`next` of the page before, with the same other parameters');

export const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
