import * as z from 'zod';
import { completeness } from './completeness.ts';
import { count, instant } from './scalar.ts';
import { signedAt } from './signed-at.ts';

const asserts = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('dataset'), hash: z.string() }),
  z.object({ kind: z.literal('model'), name: z.string(), commit: z.string() }),
  z.object({ kind: z.literal('inference'), id: z.string() }),
]);

const signing = signedAt.extend({
  status: z
    .enum(['verified', 'key-unknown', 'differs', 'gone', 'unread'])
    .describe(
      'verified: it is there and its signature holds now. key-unknown: it is there, its key is not configured here. differs: something else stands there; gone: the log is not there: either way the archive itself was touched. unread: the time for one answer was up',
    ),
  keyStatus: z
    .enum(['valid', 'revoked-later', 'compromised', 'unknown'])
    .describe(
      'What the signing is worth now, by the keys as they are configured now. compromised: others may have made it. revoked-later: its key was revoked, and this was claimed and taken in before anybody else had it. unknown: its key is not configured here',
    ),
  envelope: z.string().nullable().describe('The line as it stands in the log'),
  key: z
    .object({ kid: z.string(), pem: z.string() })
    .nullable()
    .describe('RSASSA-PSS with SHA-256, salt of 32 bytes or the greatest'),
  takenAt: instant
    .nullable()
    .describe(
      'When the log’s writing began here, by the database’s clock: no claim of its producer’s',
    ),
  names: z
    .object({ count, uris: z.array(z.string()).describe('At most ten') })
    .describe('Of the objects that this log came as'),
});

export const evidenceAnswer = z.object({
  digest: z.string(),
  asserts,
  signings: z.array(signing).describe('One for each key that signed the record'),
  ...completeness.shape,
});

export type EvidenceAnswer = z.output<typeof evidenceAnswer>;

export type SigningAnswer = z.output<typeof signing>;
