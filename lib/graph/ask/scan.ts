import type { Place } from '../place.ts';
import type { InferenceItem, Scanned } from './inferences.ts';

/** How many rows one statement may look at where an index gives the order and not the choice. */
const SCAN_ROWS = 1_000;

/** What bounds an answer besides the number of its items. */
export interface Bounds {
  readonly isTimeUp: () => boolean;
  /** False when an item does not fit any more; it then begins the next page. */
  readonly takes: (item: InferenceItem) => boolean;
}

/** A part of a list. `cut`: the time or the room was up before its items were as many as was asked for. */
export interface Part<At> {
  readonly items: readonly InferenceItem[];
  /** Where the list goes on; null at its end. */
  readonly next: At | null;
  readonly cut: 'time' | 'room' | null;
}

/**
 * Fills a page from rows of which not all are wanted, until it is full, the rows are at their end, or
 * the time or the room is up. It gets further than `from` in any case.
 */
export async function scan(
  from: Place,
  limit: number,
  isFiltered: boolean,
  read: (place: Place, rows: number) => Promise<readonly Scanned[]>,
  { isTimeUp, takes }: Bounds,
): Promise<Part<Place>> {
  const items: InferenceItem[] = [];
  let place = from;
  for (;;) {
    const rows = isFiltered ? SCAN_ROWS : limit + 1 - items.length;
    const scanned = await read(place, rows);
    for (const { item, place: at } of scanned) {
      if (item !== null) {
        if (items.length === limit) return { items, next: place, cut: null };
        if (!takes(item)) return { items, next: place, cut: 'room' };
        items.push(item);
      }
      place = at;
    }
    if (scanned.length < rows) return { items, next: null, cut: null };
    if (items.length === limit) return { items, next: place, cut: null };
    if (isTimeUp()) return { items, next: place, cut: 'time' };
  }
}
