/** How many rows one statement may look at where an index gives the order and not the choice. */
const SCAN_ROWS = 1_000;

/** One step of a list: an item, or a row that was looked at and is not wanted. */
export interface Scanned<Item, At> {
  readonly place: At;
  readonly item: Item | null;
}

/** What bounds an answer besides the number of its items. */
export interface Bounds<Item> {
  readonly isTimeUp: () => boolean;
  /** False when an item does not fit any more; it then begins the next page. */
  readonly takes: (item: Item) => boolean;
}

/** A part of a list. `cut`: the time or the room was up before its items were as many as was asked for. */
export interface Part<Item, At> {
  readonly items: readonly Item[];
  /** Where the list goes on; null at its end. */
  readonly next: At | null;
  readonly cut: 'time' | 'room' | null;
}

/**
 * Fills a page from rows of which not all are wanted, until it is full, the rows are at their end, or
 * the time or the room is up. It gets further than `from` in any case. `read` answers fewer rows than
 * it was asked for at their end only.
 */
export async function scan<Item, At>(
  from: At,
  limit: number,
  isFiltered: boolean,
  read: (place: At, rows: number) => Promise<readonly Scanned<Item, At>[]>,
  { isTimeUp, takes }: Bounds<Item>,
): Promise<Part<Item, At>> {
  const items: Item[] = [];
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
