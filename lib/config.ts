import { readFile } from 'node:fs/promises';
import type { GraphSettings } from './graph/connection.ts';
import type { Payload } from './graph/write-changes.ts';
import { ConfigError } from './errors.ts';
import { readVerifyingKey, type VerifyingKey } from './trust/keys.ts';

/** The variables that can be read, in the order of the README's table, which is tested against it. */
export const VARIABLES = [
  'CUSTODY_KEYS',
  'CUSTODY_PAYLOAD',
  'NEO4J_URI',
  'NEO4J_USERNAME',
  'NEO4J_PASSWORD',
  'NEO4J_DATABASE',
] as const;

/** `process.env`, of which nothing but {@link VARIABLES} can be named. */
export type Environment = Readonly<Partial<Record<(typeof VARIABLES)[number], string | undefined>>>;

const MAX_KEYS = 16;

/** The database that the environment names; null for the embedded one. */
export function graphSettings(env: Environment): GraphSettings | null {
  const { NEO4J_URI: uri, NEO4J_USERNAME: username, NEO4J_PASSWORD: password } = env;
  if (!uri) return null;
  const problems: string[] = [];
  if (!username) problems.push('NEO4J_URI is set, but NEO4J_USERNAME is not');
  if (!password) problems.push('NEO4J_URI is set, but NEO4J_PASSWORD is not');
  if (!username || !password) throw new ConfigError(problems);
  const database = env.NEO4J_DATABASE;
  return { uri, username, password, ...(database ? { database } : {}) };
}

/** How `input` and `output` are kept. */
export function payload(env: Environment): Payload {
  const named = env.CUSTODY_PAYLOAD || 'inline';
  if (named === 'inline' || named === 'hash' || named === 'none') return named;
  throw new ConfigError(['CUSTODY_PAYLOAD is inline, hash or none']);
}

/** The entries of CUSTODY_KEYS; a PEM block is one entry, whatever white space it has. */
export function keyEntries(env: Environment): string[] {
  const text = env.CUSTODY_KEYS ?? '';
  return text.match(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----|[^\s,]+/g) ?? [];
}

/**
 * Loads every key or names everything that is wrong with any of them. An entry is a PEM block,
 * `file:<path>`, or a path.
 */
export async function loadKeys(entries: readonly string[]): Promise<readonly VerifyingKey[]> {
  const problems: string[] = [];
  const keys = new Map<string, VerifyingKey>();
  if (entries.length === 0)
    problems.push('no key to verify with: give --key PUBLIC.pem or set CUSTODY_KEYS');
  if (entries.length > MAX_KEYS) problems.push(`at most ${MAX_KEYS} keys, not ${entries.length}`);
  for (const [index, entry] of entries.entries()) {
    const isText = entry.startsWith('-----BEGIN');
    const name = isText ? `key ${index + 1}` : entry;
    if (entry.startsWith('kms:')) {
      problems.push(`${name}: keys of AWS KMS are not supported yet; use its public key as PEM`);
      continue;
    }
    const pem = isText
      ? entry
      : await readFile(entry.replace(/^file:/, ''), 'utf8').catch(() => null);
    const key = pem === null ? { problem: 'the file can’t be read' } : readVerifyingKey(pem);
    if ('problem' in key) problems.push(`${name}: ${key.problem}`);
    else keys.set(key.kid, key);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return [...keys.values()];
}
