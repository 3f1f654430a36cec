import type * as z from 'zod';
import type { ReadEnvelope } from '../evidence.ts';
import type { Graph } from '../graph/connection.ts';
import type { ProofSource } from '../proof/prove.ts';
import type { TlogReader } from '../tlog/store.ts';
import type { RingKey } from '../trust/key-policy.ts';
import type { Answer } from './answer.ts';
import type { Cursors } from './cursor.ts';

/** The Lambda function that answers a route; the name of its file in functions/. */
export type Resource =
  'datasets' | 'models' | 'inferences' | 'lineage' | 'objects' | 'evidence' | 'compliance';

/** What a caller may be allowed. */
export type Scope = 'lineage:read' | 'payload:read' | 'compliance:read';

/** What a handler may use. */
export interface RouteContext {
  readonly graph: Graph;
  /** Of this route and these parameters. */
  readonly cursors: Cursors;
  readonly may: (scope: Scope) => boolean;
  readonly isTimeUp: () => boolean;
  readonly readEnvelope: ReadEnvelope;
  /** Null where no tlog is at hand. */
  readonly proofs: ProofSource | null;
  readonly tlog: TlogReader;
  /** What is known of the keys, as they are configured now. */
  readonly ring: ReadRing;
}

/** Rejects with {@link ConfigError} where keys can't be used, {@link TransientError} where they can't be had. */
export type ReadRing = () => Promise<readonly RingKey[]>;

/** Answers a question, given its parameters as the route's schema has read them. */
export interface Handler<Answer> {
  handle(context: RouteContext, parameters: Record<string, unknown>): Promise<Answer>;
}

/** One row of the table that handlers, local server, OpenAPI document and deployment follow. */
export interface Route<Value = unknown> extends Handler<Value> {
  readonly path: string;
  readonly resource: Resource;
  readonly scope: Scope;
  readonly summary: string;
  /** Each one is a string, as it stands in the query. */
  readonly parameters: z.ZodObject;
  readonly answer: z.ZodType<Value>;
  /** In milliseconds: when it takes longer, the database counts as unreachable. */
  readonly withinMs?: number;
  /** Answers in another form where the caller asks for it. */
  readonly other?: Handler<Answer> & { readonly mediaType: string };
}

/** A route whose handler is given what `parameters` describes, and has to answer what `answer` does. */
export function route<P extends z.ZodObject, Value>(of: {
  path: string;
  resource: Resource;
  scope?: Scope;
  summary: string;
  parameters: P;
  answer: z.ZodType<Value>;
  withinMs?: number;
  handle: (context: RouteContext, parameters: z.output<P>) => Promise<NoInfer<Value>>;
  other?: {
    mediaType: string;
    handle: (context: RouteContext, parameters: z.output<P>) => Promise<Answer>;
  };
}): Route<Value> {
  // The type of Route takes any handler, since a method's parameters are compared both ways. That each
  // gets what its own schema has read is the promise of `asker` alone.
  return { scope: 'lineage:read', ...of };
}
