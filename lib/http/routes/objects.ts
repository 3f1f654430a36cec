import * as z from 'zod';
import { ConfigError } from '../../errors.ts';
import { newestObjects, readObject, type ObjectRow } from '../../graph/ask/objects.ts';
import { passedOver, type PassedOverCount } from '../../graph/ask/passed-over.ts';
import { NOW } from '../../graph/place.ts';
import { missingSchema, SCHEMA_VERSION } from '../../graph/schema.ts';
import { withheldOf } from '../../graph/source-object.ts';
import { VERSION } from '../../version.ts';
import { object, objectsAnswer, type ObjectAnswer, type ObjectsAnswer } from '../answers/object.ts';
import { pageEnd, readPage } from '../page.ts';
import { cursor, limit } from '../parameters.ts';
import { RequestError } from '../problem.ts';
import { route, type Route } from '../route.ts';

const objectPlace = z.object({ firstSeenAt: z.string(), uri: z.string() });

export const OBJECT_ROUTES: readonly Route[] = [
  route({
    path: '/v1/objects',
    resource: 'objects',
    summary:
      'What became of every dropped file, newest first, and how many were passed over by their names',
    parameters: z.object({ limit, cursor }),
    answer: objectsAnswer,
    async handle(context, parameters) {
      const after = context.cursors.open(parameters.cursor, objectPlace) ?? undefined;
      const page = await readPage(
        parameters.limit,
        (rows) => newestObjects(context.graph, rows, after),
        tellObject,
        ({ firstSeenAt, uri }) => ({ firstSeenAt, uri }),
      );
      return {
        items: page.told,
        passedOver: after === undefined ? tellPassedOver(await passedOver(context.graph)) : null,
        ...(await pageEnd(context, page, NOW)),
      };
    },
  }),
  route({
    path: '/v1/object',
    resource: 'objects',
    summary: 'The receipt of one dropped file',
    parameters: z.object({
      uri: z
        .string()
        .max(8_192)
        .regex(/^[!-~]+$/, 'a URI, percent-encoded')
        .describe('URI, version included'),
    }),
    answer: object,
    async handle({ graph }, { uri }) {
      const found = await readObject(graph, uri);
      if (found === null)
        throw new RequestError(
          'NOT_FOUND',
          'No object of this URI was dropped; the version is part of it.',
        );
      return tellObject(found);
    },
  }),
  route({
    path: '/v1/health',
    resource: 'objects',
    summary: 'Whether questions can be answered; 503 when not',
    withinMs: 1_500,
    parameters: z.object({}),
    answer: z.object({
      status: z.literal('ok'),
      version: z.string(),
      schemaVersion: z.number().int(),
      database: z.literal('reachable'),
    }),
    async handle({ graph }) {
      const missing = await missingSchema(graph);
      if (missing.length > 0)
        throw new ConfigError('SCHEMA_MISSING', [`the database lacks ${missing.join(', ')}`]);
      return {
        status: 'ok',
        version: VERSION,
        schemaVersion: SCHEMA_VERSION,
        database: 'reachable',
      } as const;
    },
  }),
];

function tellPassedOver(
  found: readonly PassedOverCount[],
): NonNullable<ObjectsAnswer['passedOver']> {
  const reasons = found.map((of) => ({ ...of, first: [...of.first] }));
  return { count: found.reduce((sum, of) => sum + of.count, 0), reasons };
}

function tellObject({ uri, rejected, rejections, ...row }: ObjectRow): ObjectAnswer {
  const rejectedTotal = rejected ?? 0;
  const isOpen = row.status === 'verifying' || row.status === 'writing';
  return {
    object: uri,
    ...row,
    complete: !isOpen,
    withheld: withheldOf({ ...row, lines: row.lines ?? 0, rejected: rejectedTotal }),
    rejectedTotal,
    rejected: [...rejections],
  };
}
