import * as z from 'zod/mini';
import { glob } from './trust/glob.ts';
import { RECORD_TYPES, type KeyPolicy } from './trust/key-policy.ts';
import { compareInstants, parseTimestamp } from './trust/timestamp.ts';

/** Of one ring: what can't be verified is tried with each of its keys. */
const MAX_RING_KEYS = 64;

const MOST_PATTERNS = 200;
const MOST_CHARACTERS = 1_000;

const time = z.string().check(
  z.regex(/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/, {
    error: 'a time with its zone, as 2026-01-31T00:00:00Z',
    abort: true,
  }),
  z.refine((text) => parseTimestamp(text) !== null, 'a time that there is'),
  z.describe('RFC 3339, with its zone'),
);

// What is told of a key stands in receipts and on terminals.
const words = (most: number): z.ZodMiniString =>
  z
    .string()
    .check(
      z.minLength(1),
      z.maxLength(most),
      z.regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'without characters that are not seen'),
    );

const patterns = z
  .array(
    z.string().check(
      z.minLength(1),
      z.maxLength(MOST_CHARACTERS),
      z.refine((text) => glob(text) !== null, 'a pattern does not end in a lone backslash'),
    ),
  )
  .check(z.maxLength(MOST_PATTERNS));

const scopes = z
  .strictObject({
    types: z.optional(z.array(z.enum(RECORD_TYPES))),
    models: z.optional(patterns),
    datasetPaths: z.optional(patterns),
    datasetHashes: z.optional(patterns),
    prefixes: z.optional(
      patterns.check(
        z.describe('What the URI of an object begins with, as s3://bucket/team/, percent-encoded'),
      ),
    ),
  })
  .check(
    z.describe(
      'What the key may sign. * stands for any characters but a slash, ** for any, ? for one but a slash, a backslash for the character behind it. Where models or datasets are named, no others are allowed.',
    ),
  );

const revoked = z
  .strictObject({
    at: time.check(z.describe('From then on, by Custody’s clock, nothing it signed is taken in')),
    compromisedFrom: z.optional(
      time.check(z.describe('From when others may have had the key; left out where nobody had')),
    ),
    reason: words(500),
  })
  .check(
    z.refine(
      ({ at, compromisedFrom: from }) => from === undefined || isOrdered(from, at),
      'compromisedFrom is not later than at',
    ),
  );

const policyShape = {
  name: z.optional(words(100)),
  uses: z.optional(
    z
      .enum(['records', 'reports'])
      .check(z.describe('What the key signs; records where it is left out')),
  ),
  notBefore: z.optional(time.check(z.describe('The first time that its records may claim'))),
  notAfter: z.optional(time.check(z.describe('The last time that its records may claim'))),
  revoked: z.optional(revoked),
  scopes: z.optional(scopes),
};

const entry = z
  .strictObject({
    source: z
      .string()
      .check(
        z.regex(
          /^(?:kms:\S+|file:.+|\s*-----BEGIN [^-]+-----[^-]*-----END [^-]+-----\s*)$/s,
          'a PEM block, kms:<key ARN, id or alias> or file:<path>',
        ),
        z.describe('The public key: a PEM block, kms:<key ARN, id or alias>, or file:<path>'),
      ),
    kid: z.optional(
      z
        .string()
        .check(
          z.regex(/^[0-9a-f]{64}$/, 'the SHA-256 of the SubjectPublicKeyInfo, 64 hex digits'),
          z.describe('The key that it has to be; a revoked key of AWS KMS needs it'),
        ),
    ),
    ...policyShape,
    name: words(100),
  })
  .check(
    z.refine(
      ({ notBefore, notAfter }) =>
        notBefore === undefined || notAfter === undefined || isOrdered(notBefore, notAfter),
      'notBefore is not later than notAfter',
    ),
    z.refine(
      ({ source, revoked: of, kid }) =>
        of === undefined || kid !== undefined || !source.startsWith('kms:'),
      'a revoked key of KMS has its kid, since KMS may not give it any more',
    ),
  );

const ring = z
  .strictObject({
    $schema: z.optional(z.string()),
    keys: z.array(entry).check(z.minLength(1), z.maxLength(MAX_RING_KEYS)),
  })
  .check(z.describe('The keys that Custody trusts, and what for'));

/** A key of a ring. */
export interface RingEntry {
  readonly source: string;
  readonly kid: string | null;
  readonly policy: KeyPolicy;
}

/** The published schema of a key ring (docs/key-ring.schema.json), made of what checks it. */
export function keyRingSchema(): unknown {
  return { title: 'Custody key ring', ...z.toJSONSchema(ring, { io: 'input' }) };
}

/** Reads the keys of a ring's text, or everything that is wrong with it, each in a sentence that names its place. */
export type ReadRing = (text: string) => Promise<RingRead>;

/** What was read of a ring. */
type RingRead = readonly RingEntry[] | { readonly problems: readonly string[] };

/** {@link ReadRing}, at once. */
export function parseRing(text: string): RingRead {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problems: ['this is no JSON'] };
  }
  const read = ring.safeParse(value);
  if (!read.success) return { problems: read.error.issues.map(problemOf) };
  return read.data.keys.map(({ source, kid = null, ...policy }) => {
    return { source: source.trim(), kid, policy: { ...policy, uses: policy.uses ?? 'records' } };
  });
}

function problemOf({ path, message }: { path: PropertyKey[]; message: string }): string {
  return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`;
}

function isOrdered(first: string, second: string): boolean {
  const [a, b] = [parseTimestamp(first), parseTimestamp(second)];
  // What is no time at all is told by itself.
  return a === null || b === null || compareInstants(a, b) <= 0;
}
