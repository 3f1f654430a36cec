import * as z from 'zod';
import { count } from './scalar.ts';

export const evidence = z
  .object({
    digest: z.string().describe('SHA-256 of the signed text: the identity of the record'),
    kid: z.string().describe('SHA-256 of the SubjectPublicKeyInfo of the key that signed it'),
    source: z.string().describe('URI of the object, version included'),
    line: count,
    offset: count.describe('Of the line’s first byte, in the unpacked object'),
    length: count.describe('In bytes'),
  })
  .describe('Where the signed envelope stands');

export type Evidence = z.output<typeof evidence>;
