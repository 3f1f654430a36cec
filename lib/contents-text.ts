/**
 * How many different things records say of an entity, in words: the same in CSV, on the page and on the
 * command line. Empty where all say the same.
 */
export function contentsText(
  contents: { readonly count: number; readonly isCut: boolean } | undefined,
): string {
  if (contents === undefined) return '';
  const { count, isCut } = contents;
  return `${isCut ? 'at least ' : ''}${count} ${count === 1 ? 'content' : 'contents'}`;
}
