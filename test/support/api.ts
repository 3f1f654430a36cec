import { expect } from 'vitest';
import type * as z from 'zod';
import type { ReadEnvelope } from '../../lib/evidence.ts';
import type { Graph } from '../../lib/graph/connection.ts';
import type { Answer } from '../../lib/http/answer.ts';
import type { Paged } from '../../lib/http/answers/completeness.ts';
import type { Basis } from '../../lib/http/answers/inference.ts';
import type { Evidence } from '../../lib/http/answers/signed-at.ts';
import type { ReadRing, Scope } from '../../lib/http/route.ts';
import { ROUTES } from '../../lib/http/routes.ts';
import { server, type Serve } from '../../lib/http/serve.ts';
import type { ProofSource } from '../../lib/proof/prove.ts';

/** The query, by the names of its parameters; what is undefined is left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Item {
  readonly evidence: Evidence;
  readonly [name: string]: unknown;
}

/** What all answers about the graph have in common, and what most have. */
export interface Told extends Paged {
  readonly items: readonly Item[];
  readonly nodes: readonly (Item & { readonly kind: string; readonly key: string })[];
  readonly edges: readonly (Readonly<Record<string, unknown>> & {
    readonly kind: string;
    readonly from: string;
    readonly to: string;
  })[];
  readonly basis: Basis;
  readonly [name: string]: unknown;
}

interface As {
  readonly accepts?: string;
  readonly without?: Scope;
  readonly method?: string;
}

/** The routes in this process; each answer is held against the schema that its route promises. */
export class Api {
  /** What was nobody's but our doing. */
  readonly failures: unknown[] = [];
  readonly serve: Serve;
  /** By path: how many answers were held against their schemas. */
  readonly checked = new Map<string, number>();

  constructor(
    graph: Graph,
    readEnvelope: ReadEnvelope = unread,
    { proofs, ring = () => Promise.resolve([]) }: { proofs?: ProofSource; ring?: ReadRing } = {},
  ) {
    this.serve = server({
      routes: ROUTES,
      graph: () => Promise.resolve(graph),
      readEnvelope,
      proofs,
      ring,
      onFailure: (error) => this.failures.push(error),
    });
  }

  async ask(path: string, query: Query | string = '', as: As = {}): Promise<Answer> {
    const answer = await this.serve({
      method: as.method ?? 'GET',
      path,
      query: typeof query === 'string' ? query : queryText(query),
      accepts: as.accepts ?? 'application/json',
      requestId: 'request-1',
      may: (scope) => scope !== as.without,
    });
    if (answer.headers['content-type'] === 'application/json') {
      const value: unknown = JSON.parse(answer.body);
      const described = ROUTES.find((route) => route.path === path)?.answer.parse(value);
      // A schema takes out what it does not know: then the two differ.
      expect(described).toEqual(value);
      this.checked.set(path, (this.checked.get(path) ?? 0) + 1);
    }
    return answer;
  }

  /** The answer, which has to be one. */
  async get(path: string, query: Query = {}, as: As = {}): Promise<Told> {
    const { status, body } = await this.ask(path, query, as);
    if (status !== 200)
      throw new Error(`${path} ${JSON.stringify(query)}: ${status} ${body}`, {
        cause: this.failures.at(-1),
      });
    return JSON.parse(body) as Told;
  }

  /** Status and code of a refusal. */
  async refusal(path: string, query: Query | string, as: As = {}): Promise<[number, string]> {
    const { status, body } = await this.ask(path, query, as);
    return [status, (JSON.parse(body) as { code: string }).code];
  }

  /** Page after page to the end, from a cursor where the query has one; `between` runs behind each. */
  async pages(
    path: string,
    query: Query,
    between: () => Promise<void> = () => Promise.resolve(),
  ): Promise<Told[]> {
    const pages: Told[] = [];
    let cursor = query['cursor'];
    do {
      const page = await this.get(path, { ...query, cursor });
      pages.push(page);
      cursor = page.next ?? undefined;
      await between();
      if (pages.length > 20_000) throw new Error(`${path} does not end`);
    } while (cursor !== undefined);
    return pages;
  }
}

export function queryText(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return new URLSearchParams(given).toString();
}

function unread(): Promise<never> {
  return Promise.reject(new Error('no envelope was expected to be read'));
}

/** True for a parameter that may be left out. */
export function isOptional(parameters: z.ZodObject, name: string): boolean {
  const schema = parameters.shape[name] as z.ZodType | undefined;
  return schema?.safeParse(undefined).success === true;
}
