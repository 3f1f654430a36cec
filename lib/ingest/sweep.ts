import { openCounts, unfinishedObjects, type OpenCounts } from '../graph/ask/objects.ts';
import type { Graph } from '../graph/connection.ts';
import { noteSent } from '../graph/write/object-progress.ts';
import { settle } from '../graph/write/settle.ts';
import { s3Name } from '../object/s3-name.ts';
import type { Queue } from './delivery.ts';
import { continuation } from './notice.ts';

/** No invocation lasts longer, and a redelivery comes sooner, so nobody is at work on it; what was sent may still wait in the queue. */
const ABANDONED_SECONDS = 3_600;

/** Of one sweep; the next one takes more. */
const MAX_RESUMED = 100;

/** What a sweep found. A sweep that finds work is worth a look: something was cut off and not redelivered. */
export interface Swept extends OpenCounts {
  /** Pages of links that a crash had left to be made. */
  readonly settledPages: number;
  /** Objects that were begun, not finished, and are handed to the queue again. */
  readonly resumed: readonly string[];
}

/** Makes good what a crash may have left, as far as there is time; safe to run at any time, and beside writers. */
export async function sweep(
  graph: Graph,
  queue: Pick<Queue, 'send'>,
  bucket: string,
  isTimeUp: () => boolean,
): Promise<Swept> {
  const settledPages = await settle(graph, isTimeUp);
  const resumed: string[] = [];
  for (const uri of await unfinishedObjects(graph, ABANDONED_SECONDS, MAX_RESUMED)) {
    const name = s3Name(uri);
    if (name === null || name.bucket !== bucket || isTimeUp()) continue;
    await queue.send(continuation(name));
    await noteSent(graph, uri);
    resumed.push(uri);
  }
  return { ...(await openCounts(graph)), settledPages, resumed };
}
