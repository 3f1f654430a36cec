import type { Subject } from './address.ts';

/** What a key of the page names: nodes as the API names them, and what is only known by its mention. */
export type Named =
  | Subject
  | { readonly kind: 'record'; readonly digest: string }
  | { readonly kind: 'declared'; readonly hash: string }
  | { readonly kind: 'claimed'; readonly name: string; readonly commit: string | null };

export function keyOf(named: Exclude<Named, { kind: 'key' }>): string {
  switch (named.kind) {
    case 'dataset':
    case 'declared':
      return `${named.kind}:${named.hash}`;
    case 'model':
    case 'claimed':
      return `${named.kind}:${JSON.stringify([named.name, named.commit])}`;
    case 'inference':
      return `inference:${named.id}`;
    case 'record':
      return `record:${named.digest}`;
  }
}

/** Null for a key that nobody made, as one in a link that was cut short. */
export function namedBy(key: string): Exclude<Named, { kind: 'key' }> | null {
  const at = key.indexOf(':');
  const kind = key.slice(0, Math.max(at, 0));
  const rest = key.slice(at + 1);
  if (rest === '') return null;
  if (kind === 'dataset' || kind === 'declared') return { kind, hash: rest };
  if (kind === 'inference') return { kind, id: rest };
  if (kind === 'record') return { kind, digest: rest };
  if (kind !== 'model' && kind !== 'claimed') return null;
  const [name, commit] = pair(rest);
  if (typeof name !== 'string') return null;
  if (kind === 'claimed') return { kind, name, commit: typeof commit === 'string' ? commit : null };
  return typeof commit === 'string' ? { kind, name, commit } : null;
}

function pair(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as unknown[]) : [];
  } catch {
    return [];
  }
}
