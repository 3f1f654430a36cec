import { setTimeout as pause } from 'node:timers/promises';
import type * as z from 'zod';
import { TransientError } from '../errors.ts';
import type { ReadEnvelope } from '../evidence.ts';
import type { Graph } from '../graph/connection.ts';
import { readCursorKey } from '../graph/schema.ts';
import { once } from '../once.ts';
import type { ProofSource } from '../proof/prove.ts';
import { NO_TLOG, type TlogReader } from '../tlog/store.ts';
import { json, type Answer } from './answer.ts';
import { cursorsFor } from './cursor.ts';
import { problem, RequestError } from './problem.ts';
import type { Handler, ReadRing, Route, RouteContext, Scope } from './route.ts';

/** A request, whoever received it. */
export interface Request {
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** The Accept header; empty when there is none. */
  readonly accepts: string;
  readonly requestId: string;
  readonly may: (scope: Scope) => boolean;
}

/** Answers requests; never rejects. */
export type Serve = (request: Request) => Promise<Answer>;

export interface ServeOptions {
  readonly routes: readonly Route[];
  readonly graph: () => Promise<Graph>;
  readonly readEnvelope: ReadEnvelope;
  /** Where proofs are made. */
  readonly proofs?: ProofSource | undefined;
  /** Where it is not given, no log is kept. */
  readonly tlog?: TlogReader;
  /** Left out where no route tells of keys: one that does is refused then. */
  readonly ring?: ReadRing;
  /** Hears of what is not the caller's doing. */
  readonly onFailure: (error: unknown, request: Request) => void;
}

/** For one answer, in milliseconds; an answer that is not done then says so. */
const TIME_BUDGET_MS = 5_000;

/** Asks a route; rejects with {@link RequestError} where the caller can mend the question. */
type Ask = <Value>(
  route: Pick<Route, 'path' | 'parameters' | 'withinMs'> & Handler<Value>,
  query: string,
  may: (scope: Scope) => boolean,
) => Promise<Value>;

/** The routes of this process. Each handler gets what its own route's schema has read of the query. */
export function asker({
  graph,
  readEnvelope,
  tlog = NO_TLOG,
  proofs,
  ring = () => Promise.reject(new Error('no keys are told of here')),
}: Omit<ServeOptions, 'routes' | 'onFailure'>): Ask {
  const cursorKey = once(async () => readCursorKey(await graph()));
  const answer: Ask = async (route, query, may) => {
    const end = performance.now() + TIME_BUDGET_MS;
    const parameters = readParameters(route.parameters, query);
    // A cursor goes on with the same question; how many items a page has is no part of it.
    const { cursor: _, limit: __, ...filters } = parameters;
    const context: RouteContext = {
      graph: await graph(),
      cursors: cursorsFor(await cursorKey(), JSON.stringify([route.path, filters])),
      may,
      isTimeUp: () => performance.now() > end,
      readEnvelope,
      proofs: proofs ?? null,
      tlog,
      ring,
    };
    return route.handle(context, parameters);
  };
  return async (route, query, may) => {
    // Opening it may take a secret that is elsewhere.
    await graph();
    const answered = answer(route, query, may);
    return route.withinMs === undefined ? answered : within(route.withinMs, answered);
  };
}

/** What is asked goes on behind a refusal; only nobody waits for it any more. */
async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = pause(ms, undefined, { signal: timer.signal }).then((): never => {
    throw new TransientError('DATABASE_UNREACHABLE', `the database did not answer within ${ms} ms`);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    timer.abort();
  }
}

export function server({ routes, onFailure, ...of }: ServeOptions): Serve {
  const ask = asker(of);
  const byPath = new Map(routes.map((route) => [route.path, route]));
  return async (request) => {
    try {
      const route = byPath.get(request.path);
      if (route === undefined)
        throw new RequestError('ROUTE_UNKNOWN', 'There is nothing at this path.');
      if (request.method !== 'GET')
        throw new RequestError('METHOD_NOT_ALLOWED', 'Only GET is answered here.');
      if (!request.may(route.scope))
        throw new RequestError('FORBIDDEN', `This takes the permission ${route.scope}.`);
      const { other } = route;
      if (other !== undefined && request.accepts.includes(other.mediaType))
        return await ask({ ...route, ...other }, request.query, request.may);
      return json(200, await ask(route, request.query, request.may));
    } catch (error) {
      if (!(error instanceof RequestError)) onFailure(error, request);
      return problem(error, request.requestId);
    }
  };
}

/** Each parameter at most once, and none that the route does not know. */
function readParameters(parameters: z.ZodObject, query: string): Record<string, unknown> {
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
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new RequestError('PARAMETER_INVALID', problems.join('; '));
}
