import type { Graph } from '../../lib/graph/connection.ts';
import { database, type Database } from '../../lib/graph/database.ts';

/** The same database, some of whose ways in are others: that note what passes, or fail. */
export function graphWith(graph: Graph, changes: Partial<Database>): Graph {
  return { ...graph, [database]: { ...graph[database], ...changes } };
}
