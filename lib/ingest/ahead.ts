/**
 * The same items in the same order, each when what `begin` began for it is over; it is begun for up to
 * `most` items at once, so so many are held. `begin` never rejects.
 */
export async function* ahead<T>(
  items: AsyncIterable<T>,
  begin: (item: T) => Promise<void>,
  most: number,
): AsyncGenerator<T> {
  const begun: { readonly item: T; readonly over: Promise<void> }[] = [];
  for await (const item of items) {
    begun.push({ item, over: begin(item) });
    const first = begun.length < most ? undefined : begun.shift();
    if (first === undefined) continue;
    await first.over;
    yield first.item;
  }
  for (const { item, over } of begun) {
    await over;
    yield item;
  }
}
