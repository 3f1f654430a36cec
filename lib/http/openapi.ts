import * as z from 'zod';
import { VERSION } from '../version.ts';
import { PROBLEM_CODES } from './problem.ts';
import type { Route } from './route.ts';

const PROBLEM = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', enum: PROBLEM_CODES, description: 'What happened' },
    requestId: { type: 'string' },
  },
} as const;

const PROBLEMS = {
  '400': 'A parameter is unknown, repeated or invalid',
  '403': 'The caller may not',
  '404': 'Nothing of that identity is recorded',
  '503': 'Something that the answer takes fails now, or took too long',
} as const;

/** OpenAPI 3.1, from the schemas that check requests and describe answers. */
export function openApi(routes: readonly Route[]): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Custody',
      version: VERSION,
      summary:
        'Signed AI lineage: every answer carries its evidence and says whether it is complete',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths: Object.fromEntries(routes.map((route) => [route.path, { get: operation(route) }])),
    components: { schemas: { Problem: PROBLEM } },
  };
}

function operation({ path, resource, scope, summary, parameters, answer, other }: Route): object {
  const { properties = {}, required = [] } = z.toJSONSchema(parameters, {
    io: 'input',
    unrepresentable: 'any',
  });
  const schema = z.toJSONSchema(answer, { io: 'input', unrepresentable: 'any' });
  const { $schema: _, ...described } = schema;
  return {
    operationId: path.replace('/v1/', ''),
    summary,
    tags: [resource],
    'x-scope': scope,
    parameters: Object.entries(properties).map(([name, of]) => {
      const { description, ...rest } = typeof of === 'object' ? of : {};
      const about = description === undefined ? {} : { description };
      return { name, in: 'query', required: required.includes(name), ...about, schema: rest };
    }),
    responses: {
      '200': {
        description: 'The answer',
        content: {
          'application/json': { schema: described },
          ...(other === undefined ? {} : { [other.mediaType]: { schema: { type: 'string' } } }),
        },
      },
      ...Object.fromEntries(
        Object.entries(PROBLEMS).map(([status, description]) => [
          status,
          {
            description,
            content: {
              'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
            },
          },
        ]),
      ),
    },
  };
}
