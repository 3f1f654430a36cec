import { counted } from '../counted.ts';
import type { InferenceItem, ScannedInference } from '../graph/ask/inferences.ts';
import { unfinishedWriting, type BeingWritten } from '../graph/ask/objects.ts';
import { scan, type Part } from '../graph/ask/scan.ts';
import { NOW, type Place } from '../graph/place.ts';
import { stringify } from './answer.ts';
import type { Completeness, Incomplete, Paged } from './answers/completeness.ts';
import type { RouteContext } from './route.ts';

/** Of an answer: API Gateway takes 6 MB from a function. */
const MAX_BYTES = 4_000_000;

/**
 * Adds to what is missing here the objects that are being written, whose records are known in part:
 * those that are `known` where the statement that has read all else has told them.
 */
export async function completenessOf(
  { graph }: RouteContext,
  asOf: string,
  missing: readonly Incomplete[] = [],
  known: BeingWritten | null = null,
): Promise<Completeness> {
  const { count, uris } = known ?? (await unfinishedWriting(graph));
  const incomplete = [...missing];
  if (count > 0)
    incomplete.push({
      reason: 'OBJECT_IN_PROGRESS',
      detail: counted(
        count,
        'object is being written; its records are here in part',
        'objects are being written; their records are here in part',
      ),
      objects: [...uris],
    });
  return {
    complete: incomplete.length === 0,
    ...(incomplete.length === 0 ? {} : { incomplete }),
    asOf: asOf === NOW ? new Date().toISOString() : asOf,
  };
}

export const TIME_IS_UP: Incomplete = {
  reason: 'TIME_BUDGET',
  detail: 'The time for one answer was up; `next` goes on from here',
};

const TOO_LARGE: Incomplete = {
  reason: 'SIZE_BUDGET',
  detail: 'More would not fit into one answer; `next` goes on from here',
};

/** What a part of a list lacks that was cut short. */
export function missingOf(cut: Part<unknown, unknown>['cut']): readonly Incomplete[] {
  if (cut === null) return [];
  return [cut === 'time' ? TIME_IS_UP : TOO_LARGE];
}

/** What there is room for in one answer: its first item in any case. */
export class Room {
  #bytes = 0;

  takes(one: unknown): boolean {
    const isFirst = this.#bytes === 0;
    this.#bytes += Buffer.byteLength(stringify(one));
    return isFirst || this.#bytes <= MAX_BYTES;
  }
}

/** Of the items as many as fit into one answer, and at least one, as they are told. */
export function fit<Item, Told>(
  items: readonly Item[],
  tell: (item: Item) => Told,
): { told: Told[]; missing: Incomplete[] } {
  const told: Told[] = [];
  const room = new Room();
  for (const item of items) {
    const one = tell(item);
    if (!room.takes(one)) return { told, missing: [TOO_LARGE] };
    told.push(one);
  }
  return { told, missing: [] };
}

/** A page of a list: its items, and how the answer tells each of them. */
export interface Page<Item, Told, At> {
  readonly items: readonly Item[];
  readonly told: Told[];
  /** Where the next page begins; null on the last. */
  readonly next: At | null;
  readonly missing: readonly Incomplete[];
}

/** Reads a page in the order of its list, and one item more, which tells whether another page follows. */
export async function readPage<Item, Told, At>(
  limit: number,
  read: (rows: number) => Promise<readonly Item[]>,
  tell: (item: Item) => Told,
  placeOf: (item: Item) => At,
): Promise<Page<Item, Told, At>> {
  const found = await read(limit + 1);
  const { told, missing } = fit(found.slice(0, limit), tell);
  const items = found.slice(0, told.length);
  const last = items.at(-1);
  const isEnd = last === undefined || items.length === found.length;
  return { items, told, next: isEnd ? null : placeOf(last), missing };
}

/** A page of inferences, from rows of which not all may be wanted. */
export async function scanPage<Told>(
  from: Place,
  limit: number,
  isFiltered: boolean,
  read: (place: Place, rows: number) => Promise<readonly ScannedInference[]>,
  tell: (item: InferenceItem) => Told,
  isTimeUp: () => boolean,
): Promise<Page<InferenceItem, Told, Place>> {
  const told: Told[] = [];
  const room = new Room();
  const takes = (item: InferenceItem): boolean => {
    const one = tell(item);
    const isTaken = room.takes(one);
    if (isTaken) told.push(one);
    return isTaken;
  };
  const { items, next, cut } = await scan(from, limit, isFiltered, read, { isTimeUp, takes });
  return { items, told, next, missing: missingOf(cut) };
}

/** How every list ends: the cursor of the next page, and what is missing. */
export async function pageEnd(
  context: RouteContext,
  { next, missing }: Pick<Page<unknown, unknown, unknown>, 'next' | 'missing'>,
  asOf: string,
  writing: BeingWritten | null = null,
): Promise<Paged> {
  return {
    next: next === null ? null : context.cursors.seal(next),
    ...(await completenessOf(context, asOf, missing, writing)),
  };
}
