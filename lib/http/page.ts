import { counted } from '../counted.ts';
import type { InferenceItem, Scanned } from '../graph/ask/inferences.ts';
import { SCAN_ROWS } from '../graph/ask/lineage.ts';
import { unfinishedWriting, type BeingWritten } from '../graph/ask/objects.ts';
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

/** What there is room for in one answer: its first item in any case. */
class Room {
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

/**
 * Fills a page from rows of which not all are wanted, until it is full, the rows are at their end, or
 * the time or the room for one answer is.
 */
export async function scanPage<Told>(
  from: Place,
  limit: number,
  isFiltered: boolean,
  scan: (place: Place, rows: number) => Promise<readonly Scanned[]>,
  tell: (item: InferenceItem) => Told,
  isTimeUp: () => boolean,
): Promise<Page<InferenceItem, Told, Place>> {
  const items: InferenceItem[] = [];
  const told: Told[] = [];
  const room = new Room();
  let place = from;
  for (;;) {
    const rows = isFiltered ? SCAN_ROWS : limit + 1 - items.length;
    const scanned = await scan(place, rows);
    for (const { item, place: at } of scanned) {
      if (item !== null) {
        if (items.length === limit) return { items, told, next: place, missing: [] };
        const one = tell(item);
        if (!room.takes(one)) return { items, told, next: place, missing: [TOO_LARGE] };
        items.push(item);
        told.push(one);
      }
      place = at;
    }
    if (scanned.length < rows) return { items, told, next: null, missing: [] };
    if (items.length === limit) return { items, told, next: place, missing: [] };
    if (isTimeUp()) return { items, told, next: place, missing: [TIME_IS_UP] };
  }
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
