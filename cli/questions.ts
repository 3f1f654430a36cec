import { randomUUID } from 'node:crypto';
import { ConfigError } from '../lib/errors.ts';
import type { Graph } from '../lib/graph/connection.ts';
import { ROUTES } from '../lib/http/routes.ts';
import { server } from '../lib/http/serve.ts';

/** The answers of the HTTP API, page after page, for a command. */
export async function* pages<Page extends { readonly next: string | null }>(
  graph: Graph,
  path: string,
  parameters: Readonly<Record<string, string | undefined>>,
): AsyncGenerator<Page> {
  const failures: unknown[] = [];
  const serve = server({
    routes: ROUTES,
    graph: () => Promise.resolve(graph),
    readEnvelope: () => Promise.reject(new Error('no envelope is asked for')),
    onFailure: (error) => failures.push(error),
  });
  const given = Object.entries(parameters).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  for (let next: string | null = ''; next !== null;) {
    const query = new URLSearchParams(given);
    query.set('limit', '200');
    if (next !== '') query.set('cursor', next);
    const { status, body } = await serve({
      method: 'GET',
      path,
      query: query.toString(),
      accepts: 'application/json',
      requestId: randomUUID(),
      may: () => true,
    });
    const [failure] = failures;
    if (failure instanceof Error) throw failure;
    const answer = JSON.parse(body) as Page & { detail: string };
    if (status !== 200) throw new ConfigError('USAGE', [answer.detail]);
    yield answer;
    next = answer.next;
  }
}

/** One thing that an answer says it lacks. */
export interface Missing {
  readonly reason: string;
  readonly detail: string;
}

/** What an answer says of its own completeness, for a person. */
export function completeness(incomplete: readonly Missing[]): string {
  if (incomplete.length === 0) return 'complete: all that is known is above\n';
  return incomplete.map(({ reason, detail }) => `incomplete: ${reason}: ${detail}\n`).join('');
}

/** Of the pages of one answer: what is missing at the end, time and room for one page being none of it. */
export function stillMissing(found: readonly Missing[]): readonly Missing[] {
  const seen = new Map<string, Missing>();
  for (const one of found)
    if (one.reason !== 'TIME_BUDGET' && one.reason !== 'SIZE_BUDGET')
      seen.set(JSON.stringify(one), one);
  return [...seen.values()];
}
