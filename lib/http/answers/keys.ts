import * as z from 'zod';
import { completeness } from './completeness.ts';
import { count, instant } from './scalar.ts';

const texts = z.array(z.string());

const signed = z
  .object({
    signings: count,
    logs: count,
    first: instant.nullable().describe('The earliest time that its records claim'),
    last: instant.nullable(),
  })
  .describe('What the graph holds that it signed');

const key = z.object({
  kid: z
    .string()
    .describe('SHA-256 of its SubjectPublicKeyInfo; /v1/impact?kid has what rests on it'),
  status: z
    .enum(['valid', 'not-yet-valid', 'expired', 'revoked', 'compromised', 'unknown'])
    .describe('Now; unknown: it signed what is in the graph, and is not configured here'),
  name: z.string().nullable(),
  uses: z.enum(['records', 'reports']).nullable(),
  notBefore: z.string().nullable(),
  notAfter: z.string().nullable(),
  revoked: z
    .object({ at: z.string(), compromisedFrom: z.string().nullable(), reason: z.string() })
    .nullable(),
  scopes: z
    .object({
      types: texts.nullable(),
      models: texts.nullable(),
      datasetPaths: texts.nullable(),
      datasetHashes: texts.nullable(),
      prefixes: texts.nullable(),
    })
    .nullable()
    .describe('What it may sign; null, of all or of one kind, where nothing is limited'),
  signed,
});

export type KeyItem = z.output<typeof key>;

export const keysAnswer = z.object({
  items: z.array(key).describe('Those that are configured, then those that are unknown'),
  ...completeness.shape,
});

export type KeysAnswer = z.output<typeof keysAnswer>;
