import * as z from 'zod';
import { readRecord } from '../../graph/ask/evidence.ts';
import { RequestError } from '../problem.ts';
import { route, type Route } from '../route.ts';
import { evidence } from '../schemas.ts';

const asserts = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('dataset'), hash: z.string() }),
  z.object({ kind: z.literal('model'), name: z.string(), commit: z.string() }),
  z.object({ kind: z.literal('inference'), id: z.string() }),
]);

export const EVIDENCE_ROUTES: readonly Route[] = [
  route({
    path: '/v1/evidence',
    resource: 'evidence',
    summary: 'The signed envelope of a record, read again from its object and verified on the spot',
    parameters: z.object({
      digest: z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits'),
    }),
    answer: z.object({
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
    }),
    async handle({ graph, may, readEnvelope }, { digest }) {
      const found = await readRecord(graph, digest);
      if (found === null)
        throw new RequestError('NOT_FOUND', 'No record of this digest is accepted.');
      // The envelope of an inference holds what went in and came out.
      if (found.asserts.kind === 'inference' && !may('payload:read'))
        throw new RequestError(
          'FORBIDDEN',
          'The envelope of an inference takes the permission payload:read.',
        );
      return { ...found, ...(await readEnvelope(found.evidence)) };
    },
  }),
];
