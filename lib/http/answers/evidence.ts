import * as z from 'zod';
import { evidence } from './signed-at.ts';

const asserts = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('dataset'), hash: z.string() }),
  z.object({ kind: z.literal('model'), name: z.string(), commit: z.string() }),
  z.object({ kind: z.literal('inference'), id: z.string() }),
]);

export const evidenceAnswer = z.object({
  evidence,
  asserts,
  status: z
    .enum(['verified', 'key-unknown', 'differs', 'gone'])
    .describe(
      'verified: it is there and its signature holds now. key-unknown: it is there, its key is not configured here. differs: something else stands there. gone: the object is not there',
    ),
  envelope: z.string().nullable().describe('The line as it stands in the object'),
  key: z
    .object({ kid: z.string(), pem: z.string() })
    .nullable()
    .describe('RSASSA-PSS with SHA-256, salt of 32 bytes or the greatest'),
});

export type EvidenceAnswer = z.output<typeof evidenceAnswer>;
