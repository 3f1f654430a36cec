import type { Subject } from '../../graph/ask/lineage.ts';
import type { Graph } from '../../graph/connection.ts';
import { nearTo } from '../../graph/near.ts';
import type { Incomplete } from '../answers/completeness.ts';
import { RequestError } from '../problem.ts';

/** What an answer lacks where almost the same name is known, too: identity stays exact. */
export async function missingBySpelling(
  graph: Graph,
  subject: Subject,
): Promise<readonly Incomplete[]> {
  const hint = await hintAt(graph, subject);
  return hint === null ? [] : [{ reason: 'NEAR_SPELLING', detail: hint }];
}

/** The refusal where nothing is known of a name; a near spelling that is known is told with it. */
export async function notFound(
  graph: Graph,
  subject: Subject,
  message: string,
): Promise<RequestError> {
  const hint = await hintAt(graph, subject);
  return new RequestError('NOT_FOUND', hint === null ? message : `${message} ${hint}`);
}

async function hintAt(graph: Graph, subject: Subject): Promise<string | null> {
  const asked =
    subject.kind === 'dataset' ? subject : ({ kind: 'model', ...subject.model } as const);
  const near = await nearTo(graph, asked);
  return near.length === 0 ? null : `Known in another spelling: ${near.join(', ')}`;
}
