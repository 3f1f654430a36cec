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

const proven = z.object({
  state: z
    .enum(['proven', 'not-yet', 'no-receipt', 'damaged', 'key-unknown', 'unread', 'no-tlog'])
    .describe(
      'proven: it is in the tlog, and here is the proof. not-yet: the receipt of its log is not in the tlog yet. no-receipt: no receipt with a root is kept of its log. damaged: what lies there is not what was accepted, in the archive or in the tlog. key-unknown: the key that signed it is not configured here. unread: the time for one answer was up. no-tlog: no tlog is kept here',
    ),
  of: asserts.nullable().describe('Where it is not proven, the first record that could not be'),
  tlog: z
    .object({
      origin: z.string(),
      index: count.describe('Of the receipt of the first record’s log, from 0'),
      size: count.describe('Of the tlog, as its checkpoint says'),
      cosignatures: z
        .array(z.object({ name: z.string(), time: instant }))
        .describe('As the checkpoint carries them; whoever has a policy verifies them'),
    })
    .nullable(),
  left: count.describe('Datasets of the model beyond the first thousand, which it says nothing of'),
  proof: z
    .record(z.string(), z.unknown())
    .nullable()
    .describe(
      'Of the record and what it rests on; as one line of JSON it is the file that custody verify-proof checks (docs/proof.md)',
    ),
});

export type ProvenAnswer = z.output<typeof proven>;

export const evidenceAnswer = z.object({
  digest: z.string(),
  asserts,
  signings: z.array(signing).describe('One for each key that signed the record'),
  proven: proven.optional().describe('With proof=true'),
  ...completeness.shape,
});

export type EvidenceAnswer = z.output<typeof evidenceAnswer>;

export type SigningAnswer = z.output<typeof signing>;
