import * as z from 'zod';
import { readRecord } from '../../graph/ask/evidence.ts';
import { evidenceAnswer } from '../answers/evidence.ts';
import { RequestError } from '../problem.ts';
import { route, type Route } from '../route.ts';

export const EVIDENCE_ROUTES: readonly Route[] = [
  route({
    path: '/v1/evidence',
    resource: 'evidence',
    summary: 'The signed envelope of a record, read again from its object and verified on the spot',
    parameters: z.object({
      digest: z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits'),
    }),
    answer: evidenceAnswer,
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
