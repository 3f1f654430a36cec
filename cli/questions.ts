import type { Graph } from '../lib/graph/connection.ts';
import type { Incomplete, Paged } from '../lib/http/answers/completeness.ts';
import type { Route } from '../lib/http/route.ts';
import { asker } from '../lib/http/serve.ts';
import { knownTrust } from './known-keys.ts';

/** The answer of a route of the HTTP API, for a command. */
export async function answerOf<Answer>(
  graph: Graph,
  route: Route<Answer>,
  parameters: Readonly<Record<string, string>>,
): Promise<Answer> {
  return askerOf(graph)(route, new URLSearchParams(parameters).toString(), () => true);
}

function askerOf(graph: Graph): ReturnType<typeof asker> {
  return asker({
    graph: () => Promise.resolve(graph),
    readEnvelope: () => Promise.reject(new Error('no envelope is asked for')),
    ring: async () => (await knownTrust()).ring,
  });
}

/** The answers of a route of the HTTP API, page after page, for a command. */
export async function* pages<Page extends Paged>(
  graph: Graph,
  route: Route<Page>,
  parameters: Readonly<Record<string, string | undefined>>,
): AsyncGenerator<Page> {
  const ask = askerOf(graph);
  const query = new URLSearchParams({ limit: '200' });
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) query.set(name, value);
  for (let next: string | null = ''; next !== null;) {
    if (next !== '') query.set('cursor', next);
    const page: Page = await ask(route, query.toString(), () => true);
    yield page;
    ({ next } = page);
  }
}

/** What an answer says of its own completeness, for a person. */
export function completeness(incomplete: readonly Incomplete[]): readonly string[] {
  if (incomplete.length === 0) return ['complete: all that is known is above'];
  return incomplete.map(({ reason, detail }) => `incomplete: ${reason}: ${detail}`);
}

/** Of the pages of one answer: what is missing at the end, time and room for one page being none of it. */
export function stillMissing(found: readonly Incomplete[]): readonly Incomplete[] {
  const seen = new Map<string, Incomplete>();
  for (const one of found)
    if (one.reason !== 'TIME_BUDGET' && one.reason !== 'SIZE_BUDGET')
      seen.set(JSON.stringify(one), one);
  return [...seen.values()];
}
