import type { Graph } from '../connection.ts';
import { evidenceOf, type Evidence } from '../place.ts';
import { maybe, node, text, type Row } from '../rows.ts';
import { modelName } from './models.ts';

/** What a record asserts, by its identity. */
export type Asserted =
  | { readonly kind: 'dataset'; readonly hash: string }
  | { readonly kind: 'model'; readonly name: string; readonly commit: string }
  | { readonly kind: 'inference'; readonly id: string };

export interface FoundRecord {
  readonly evidence: Evidence;
  readonly asserts: Asserted;
}

const RECORD = `
MATCH (r:Record {digest: $digest})-[:ASSERTS]->(e)
RETURN r {.*} AS record, e {.hash, .name, .commit, .id} AS entity
LIMIT 1
`;

const INFERENCE = `
MATCH (i:Inference {digest: $digest})
RETURN i {.digest, .kid, .source, .line, .offset, .length} AS record, i {.id} AS entity
LIMIT 1
`;

/** The record of a digest; null when the graph knows none. Every accepted record is a head or has a node (docs/graph.md, G-6). */
export async function readRecord(graph: Graph, digest: string): Promise<FoundRecord | null> {
  const [record] = await graph.ask(RECORD, { digest });
  const row = record ?? (await graph.ask(INFERENCE, { digest }))[0];
  if (row === undefined) return null;
  return { evidence: evidenceOf(node(row, 'record')), asserts: entityOf(node(row, 'entity')) };
}

function entityOf(entity: Row): Asserted {
  const hash = maybe(text, entity, 'hash');
  if (hash !== null) return { kind: 'dataset', hash };
  const id = maybe(text, entity, 'id');
  return id === null ? { kind: 'model', ...modelName(entity) } : { kind: 'inference', id };
}
