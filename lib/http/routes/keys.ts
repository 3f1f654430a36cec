import * as z from 'zod';
import { countsOfKeys, nextKid } from '../../graph/ask/keys.ts';
import { NOW } from '../../graph/place.ts';
import { keyState, type KeyPolicy, type RingKey } from '../../trust/key-policy.ts';
import { keysAnswer, type KeyItem } from '../answers/keys.ts';
import { completenessOf, TIME_IS_UP } from '../page.ts';
import { route, type RouteContext } from '../route.ts';

/** More keys than can be configured; what the graph may hold besides. */
const MAX_UNKNOWN = 200;

const UNUSED = { signings: 0, logs: 0, first: null, last: null } as const;

export const keysRoute = route({
  path: '/v1/keys',
  resource: 'evidence',
  summary: 'The keys that are trusted, what each may sign, and how much it has signed',
  parameters: z.object({}),
  answer: keysAnswer,
  async handle(context) {
    const ring = await context.ring();
    const { unknown, isAll } = await unknownKeys(context, ring);
    const counts = await countsOfKeys(context.graph, [...ring.map(({ kid }) => kid), ...unknown]);
    const told = (kid: string, policy: KeyPolicy | null): KeyItem => {
      return { kid, ...said(policy), signed: { ...(counts.get(kid) ?? UNUSED) } };
    };
    return {
      items: [
        ...ring.map(({ kid, policy }) => told(kid, policy)),
        ...unknown.map((kid) => told(kid, null)),
      ],
      ...(await completenessOf(context, NOW, isAll ? [] : [TIME_IS_UP])),
    };
  },
});

async function unknownKeys(
  { graph, isTimeUp }: RouteContext,
  ring: readonly RingKey[],
): Promise<{ readonly unknown: readonly string[]; readonly isAll: boolean }> {
  const known = new Set(ring.map(({ kid }) => kid));
  const unknown: string[] = [];
  let after = '';
  while (unknown.length < MAX_UNKNOWN && !isTimeUp()) {
    const kid = await nextKid(graph, after);
    if (kid === null) return { unknown, isAll: true };
    if (!known.has(kid)) unknown.push(kid);
    after = kid;
  }
  return { unknown, isAll: false };
}

function said(policy: KeyPolicy | null): Omit<KeyItem, 'kid' | 'signed'> {
  const { name = null, uses = null, notBefore = null, notAfter = null } = policy ?? {};
  const { revoked, scopes } = policy ?? {};
  const list = (of: readonly string[] | undefined): string[] | null =>
    of === undefined ? null : [...of];
  return {
    status: policy === null ? 'unknown' : keyState(policy, Date.now()),
    name,
    uses,
    notBefore,
    notAfter,
    revoked: revoked ? { ...revoked, compromisedFrom: revoked.compromisedFrom ?? null } : null,
    scopes: scopes
      ? {
          types: list(scopes.types),
          models: list(scopes.models),
          datasetPaths: list(scopes.datasetPaths),
          datasetHashes: list(scopes.datasetHashes),
          prefixes: list(scopes.prefixes),
        }
      : null,
  };
}
