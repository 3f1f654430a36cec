import type { LogName } from '../graph/write/object-progress.ts';
import { memberOf } from '../trust/json.ts';
import { readPolicy, UNLIMITED, type Circumstances } from '../trust/key-policy.ts';
import { readVerifyingKey, type VerifyingKey } from '../trust/keys.ts';
import { VERSION } from '../version.ts';
import type { IngestOptions, Verdict } from './judge.ts';

/** Under what a log was judged: whoever finishes it goes by this, whatever is configured by then. */
export interface Rules {
  readonly options: Pick<IngestOptions, 'keys' | 'maxLineBytes'>;
  readonly circumstances: Circumstances;
}

/**
 * What stands beside an archived log: what was set aside of it, by which rules, with every key that was
 * known and what it was allowed, where the log came and when it was judged.
 */
export function formatVerdict(
  { log, parked }: LogName,
  { lines, rejectedTotal, rejected, circumstances }: Verdict,
  { keys, onBadLine, maxLineBytes }: IngestOptions,
): string {
  const rules = { onBadLine, maxLineBytes: maxLineBytes ?? null };
  const known = keys
    .map(({ kid, pem, policy }) => ({ kid, pem, policy }))
    .sort((a, b) => (a.kid < b.kid ? -1 : 1));
  const { address, now } = circumstances;
  const judged = { log, parked, lines, rejectedTotal, rejected };
  const when = { address, judgedAt: new Date(now).toISOString() };
  const all = { ...judged, ...when, ...rules, keys: known, version: VERSION };
  return `${JSON.stringify(all, null, 2)}\n`;
}

/** Null for a text that is no verdict. */
export function parseVerdict(text: string): Rules | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const maxLineBytes = memberOf(value, 'maxLineBytes');
  const keys = memberOf(value, 'keys');
  if (!Array.isArray(keys) || (maxLineBytes !== null && typeof maxLineBytes !== 'number'))
    return null;
  const read = keys.map(keyOf).filter((key) => key !== null);
  if (read.length < keys.length) return null;
  const options = maxLineBytes === null ? { keys: read } : { keys: read, maxLineBytes };
  return { options, circumstances: circumstancesOf(value) };
}

/** Of a release that knew no limits of keys, there are none to be asked. */
function circumstancesOf(value: unknown): Circumstances {
  const [address, judgedAt] = [memberOf(value, 'address'), memberOf(value, 'judgedAt')];
  return {
    address: typeof address === 'string' ? address : '',
    now: typeof judgedAt === 'string' ? Date.parse(judgedAt) : 0,
  };
}

function keyOf(value: unknown): VerifyingKey | null {
  const pem = memberOf(value, 'pem');
  const policy = readPolicy(memberOf(value, 'policy') ?? UNLIMITED);
  const key = typeof pem === 'string' && policy !== null ? readVerifyingKey(pem, policy) : null;
  return key === null || 'problem' in key ? null : key;
}
