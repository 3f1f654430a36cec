import * as z from 'zod';
import { count } from './scalar.ts';

const digest = z.string().describe('SHA-256 of the signed text: the identity of the record');

/** Where a key signed. */
export const signedAt = z.object({
  kid: z.string().describe('SHA-256 of the SubjectPublicKeyInfo of the key that signed it'),
  log: z
    .string()
    .describe('SHA-256 of the log as stored; /v1/evidence has the names it came under'),
  line: count,
  offset: count.describe('Of the line’s first byte, in the unpacked log'),
  length: count.describe('In bytes'),
});

const place = signedAt.extend({
  digest,
  kids: z
    .array(z.string())
    .optional()
    .describe('Of every key that signed the record, where there are several'),
});

export const evidence = place.describe(
  'Where the signed envelope stands: of several, that of the least kid',
);

export type Evidence = z.output<typeof evidence>;

export const inferenceEvidence = place
  .partial({ digest: true, offset: true, length: true })
  .describe(
    'The same. What a payload could be guessed from, its digest, offset and length, takes the permission payload:read',
  );

export type InferenceEvidence = z.output<typeof inferenceEvidence>;
