/** Does as much at once as a store takes without being asked to slow down. */
const AT_ONCE = 16;

/** The results in the order of the items. What is under way when one fails is waited for, and no more is begun. */
export async function sideBySide<Item, Result>(
  items: readonly Item[],
  act: (item: Item, at: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) {
    const some = items.slice(from, from + AT_ONCE).map((item, at) => act(item, from + at));
    const settled = await Promise.allSettled(some);
    for (const one of settled) {
      if (one.status === 'rejected') throw one.reason;
      results.push(one.value);
    }
  }
  return results;
}
