import type { Subject } from '../../graph/ask/lineage.ts';
import type { Graph } from '../../graph/connection.ts';
import { namesNearTo, nearTo } from '../../graph/near.ts';
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

/**
 * The same behind the first page, whose cursor seals whether there was one: like what else is in doubt it
 * is told as it was there, and where there was none nothing is asked. The names themselves could be longer
 * than an address.
 */
export async function missingBehind(
  graph: Graph,
  subject: Subject,
  from: { readonly isNear: boolean } | null,
): Promise<readonly Incomplete[]> {
  return from?.isNear === false ? [] : missingBySpelling(graph, subject);
}

/** Whether one of these is a near spelling, for the cursor. */
export function tellsNear(missing: readonly Incomplete[]): boolean {
  return missing.some(({ reason }) => reason === 'NEAR_SPELLING');
}

/** What an empty list of a model's name lacks where almost the same name is known. */
export async function missingByName(graph: Graph, name: string): Promise<readonly Incomplete[]> {
  const hint = hintOf(await namesNearTo(graph, name));
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
  return hintOf(await nearTo(graph, asked));
}

function hintOf(near: readonly string[]): string | null {
  return near.length === 0 ? null : `Known in another spelling: ${near.join(', ')}`;
}
