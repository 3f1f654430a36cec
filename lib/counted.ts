/** `1 line`, `2 lines`: a count with its noun, and with what else differs between one and many. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
