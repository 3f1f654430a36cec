/** What an object holds, by name. */
export type Members = Readonly<Record<string, unknown>>;

/** An object's own members, without what every object inherits; none of anything else. */
export function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null ? { __proto__: null, ...value } : {};
}

/** The members of the object that a text is as JSON; none of any other text, of which no message tells. */
export function jsonMembers(text: string): Members {
  try {
    return membersOf(JSON.parse(text));
  } catch {
    return {};
  }
}
