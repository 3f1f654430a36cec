import { join } from 'node:path';
import type { Graph } from '../../lib/graph/connection.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import type { GraphSink, Stores } from '../../lib/ingest/stores.ts';
import { localArchive } from '../../lib/local/log-archive.ts';

/** A graph, and a folder's own archive. */
export function localStores(
  graph: Graph,
  folder: string,
  sink: GraphSink = new GraphWriter(graph),
): Stores {
  return { sink, archive: localArchive(join(folder, 'archive')) };
}
