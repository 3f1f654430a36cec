import * as z from 'zod';
import { counted } from '../counted.ts';
import type { InferenceItem, Scanned } from '../graph/ask/inferences.ts';
import { SCAN_ROWS } from '../graph/ask/lineage.ts';
import { unfinishedWriting, type BeingWritten } from '../graph/ask/objects.ts';
import { NOW, type Place } from '../graph/place.ts';
import { stringify } from './answer.ts';
import type { RouteContext } from './route.ts';
import { completeness, type Incomplete } from './schemas.ts';

/** Of an answer: API Gateway takes 6 MB from a function. */
const MAX_BYTES = 4_000_000;

/** A page of a list. */
export function pageOf<Item extends z.ZodType>(
  item: Item,
): z.ZodObject<
  { items: z.ZodArray<Item>; next: z.ZodNullable<z.ZodString> } & typeof completeness
> {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().describe('Cursor of the next page; null on the last'),
    ...completeness,
  });
}

/** What an answer says of its own completeness. */
export interface Completeness {
  complete: boolean;
  incomplete?: Incomplete[];
  asOf: string;
}

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

  takes(told: unknown): boolean {
    const isFirst = this.#bytes === 0;
    this.#bytes += Buffer.byteLength(stringify(told));
    return isFirst || this.#bytes <= MAX_BYTES;
  }
}

/** As many of the items as fit into one answer, and at least one. */
export function fitting<Item, Told>(
  items: readonly Item[],
  tell: (item: Item) => Told,
): { told: Told[]; last: Item | undefined; missing: Incomplete[] } {
  const told: Told[] = [];
  const room = new Room();
  let last: Item | undefined;
  for (const item of items) {
    const one = tell(item);
    if (!room.takes(one)) return { told, last, missing: [TOO_LARGE] };
    told.push(one);
    last = item;
  }
  return { told, last, missing: [] };
}

export interface InferencePage<Told> {
  readonly items: readonly Told[];
  readonly next: Place | null;
  readonly missing: readonly Incomplete[];
}

/**
 * Fills a page from rows of which not all are wanted, until it is full, the rows are at their end, or
 * the time or the room for one answer is.
 */
export async function scannedPage<Told>(
  from: Place,
  limit: number,
  isFiltered: boolean,
  scan: (place: Place, rows: number) => Promise<readonly Scanned[]>,
  tell: (item: InferenceItem) => Told,
  isTimeUp: () => boolean,
): Promise<InferencePage<Told>> {
  const items: Told[] = [];
  const room = new Room();
  let place = from;
  for (;;) {
    const rows = isFiltered ? SCAN_ROWS : limit + 1 - items.length;
    const scanned = await scan(place, rows);
    for (const { item, place: at } of scanned) {
      if (item !== null) {
        if (items.length === limit) return { items, next: place, missing: [] };
        const told = tell(item);
        if (!room.takes(told)) return { items, next: place, missing: [TOO_LARGE] };
        items.push(told);
      }
      place = at;
    }
    if (scanned.length < rows) return { items, next: null, missing: [] };
    if (items.length === limit) return { items, next: place, missing: [] };
    if (isTimeUp()) return { items, next: place, missing: [TIME_IS_UP] };
  }
}
