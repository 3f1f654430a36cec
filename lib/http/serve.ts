import type * as z from 'zod';
import type { Graph } from '../graph/connection.ts';
import { readCursorKey } from '../graph/schema.ts';
import { once } from '../once.ts';
import { json, type Answer } from './answer.ts';
import { cursorsFor } from './cursor.ts';
import { problem, RequestError } from './problem.ts';
import type { Route } from './route.ts';

/** A request, whoever received it. */
export interface Request {
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  readonly requestId: string;
}

/** Answers requests; never rejects. `onFailure` hears of what is not the caller's doing. */
export type Serve = (request: Request) => Promise<Answer>;

export function server(
  routes: readonly Route[],
  open: () => Promise<Graph>,
  onFailure: (error: unknown, request: Request) => void,
): Serve {
  const cursorKey = once(async () => readCursorKey(await open()));
  const byPath = new Map(routes.map((route) => [route.path, route]));
  return async (request) => {
    try {
      const route = byPath.get(request.path);
      if (route === undefined)
        throw new RequestError('ROUTE_UNKNOWN', 'There is nothing at this path.');
      if (request.method !== 'GET')
        throw new RequestError('METHOD_NOT_ALLOWED', 'Only GET is answered here.');
      const parameters = parsed(route.parameters, request.query);
      const { cursor: _, limit: __, ...filters } = parameters;
      const purpose = JSON.stringify([route.path, filters]);
      const graph = await open();
      const cursors = cursorsFor(await cursorKey(), purpose);
      return json(200, await route.handle({ graph, cursors }, parameters));
    } catch (error) {
      if (!(error instanceof RequestError)) onFailure(error, request);
      return problem(error, request.requestId);
    }
  };
}

/** Each parameter at most once, and none that the route does not know. */
function parsed(parameters: z.ZodObject, query: string): Record<string, unknown> {
  const names = Object.keys(parameters.shape);
  const given: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (!names.includes(name))
      throw new RequestError(
        'PARAMETER_UNKNOWN',
        names.length === 0
          ? 'This route takes no parameters.'
          : `This route takes ${names.join(', ')}.`,
      );
    if (Object.hasOwn(given, name))
      throw new RequestError('PARAMETER_REPEATED', `${name} may be given once.`);
    given[name] = value;
  }
  const result = parameters.safeParse(given);
  if (result.success) return result.data;
  const told = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new RequestError('PARAMETER_INVALID', told.join('; '));
}
