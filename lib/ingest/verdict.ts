import type { LogName } from '../graph/write/object-progress.ts';
import { memberOf } from '../trust/json.ts';
import { readVerifyingKey, type VerifyingKey } from '../trust/keys.ts';
import { VERSION } from '../version.ts';
import type { IngestOptions, Verdict } from './judge.ts';

/** Under what a log was judged: whoever finishes it goes by this, whatever is configured by then. */
export type Rules = Pick<IngestOptions, 'keys' | 'maxLineBytes'>;

/** What stands beside an archived log: what was set aside of it, by which rules, with every key that was known. */
export function formatVerdict(
  { log, parked }: LogName,
  { lines, rejectedTotal, rejected }: Verdict,
  { keys, onBadLine, maxLineBytes }: IngestOptions,
): string {
  const rules = { onBadLine, maxLineBytes: maxLineBytes ?? null };
  const known = keys.map(({ kid, pem }) => ({ kid, pem })).sort((a, b) => (a.kid < b.kid ? -1 : 1));
  const judged = { log, parked, lines, rejectedTotal, rejected };
  return `${JSON.stringify({ ...judged, ...rules, keys: known, version: VERSION }, null, 2)}\n`;
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
  return maxLineBytes === null ? { keys: read } : { keys: read, maxLineBytes };
}

function keyOf(value: unknown): VerifyingKey | null {
  const pem = memberOf(value, 'pem');
  const key = typeof pem === 'string' ? readVerifyingKey(pem) : null;
  return key === null || 'problem' in key ? null : key;
}
