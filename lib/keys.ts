import { readFile } from 'node:fs/promises';
import { ConfigError } from './errors.ts';
import { readVerifyingKey, type KeyProblem, type VerifyingKey } from './trust/keys.ts';

const MAX_KEYS = 16;

/** The entries of CUSTODY_KEYS; a PEM block is one entry, whatever white space it has. */
export function keyEntries(env: { readonly CUSTODY_KEYS?: string | undefined }): string[] {
  const text = env.CUSTODY_KEYS ?? '';
  return text.match(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----|[^\s,]+/g) ?? [];
}

/** The public half of a key of AWS KMS as PEM, or why it can't be used. */
type AskKms = (key: string) => Promise<string | KeyProblem>;

/**
 * Loads every key or names everything that is wrong with any of them. An entry is a PEM block,
 * `kms:<key ARN, id or alias>`, `file:<path>`, or a path. {@link TransientError} when AWS KMS can't
 * be asked.
 */
export async function loadKeys(
  entries: readonly string[],
  askKms: AskKms,
): Promise<readonly VerifyingKey[]> {
  const problems: string[] = [];
  const keys = new Map<string, VerifyingKey>();
  if (entries.length === 0)
    problems.push(
      'no key to verify with: give --key PUBLIC.pem, set CUSTODY_KEYS, or put one into .custody/keys/',
    );
  if (entries.length > MAX_KEYS) problems.push(`at most ${MAX_KEYS} keys, not ${entries.length}`);
  for (const [index, entry] of entries.entries()) {
    const name = entry.startsWith('-----BEGIN') ? `key ${index + 1}` : entry;
    const pem = await pemOf(entry, askKms);
    const key = typeof pem === 'string' ? readVerifyingKey(pem) : pem;
    if ('problem' in key) problems.push(`${name}: ${key.problem}`);
    else keys.set(key.kid, key);
  }
  if (problems.length > 0) throw new ConfigError('KEYS_UNUSABLE', problems);
  return [...keys.values()];
}

async function pemOf(entry: string, askKms: AskKms): Promise<string | KeyProblem> {
  if (entry.startsWith('-----BEGIN')) return entry;
  if (entry.startsWith('kms:')) return askKms(entry.slice('kms:'.length));
  const path = entry.replace(/^file:/, '');
  return readFile(path, 'utf8').catch(() => ({ problem: 'the file can’t be read' }));
}

/** A private key, in AWS KMS or in a file. */
export type NamedKey =
  | { readonly kms: string; readonly file?: undefined }
  | { readonly file: string; readonly kms?: undefined };

/** What CUSTODY_REPORT_KEY names for signing reports; null where it names nothing. */
export function reportKey(env: {
  readonly CUSTODY_REPORT_KEY?: string | undefined;
}): NamedKey | null {
  return namedKey('CUSTODY_REPORT_KEY', env.CUSTODY_REPORT_KEY);
}

/** What CUSTODY_TLOG_KEY names for signing checkpoints of the tlog; null where it names nothing. */
export function tlogKey(env: { readonly CUSTODY_TLOG_KEY?: string | undefined }): NamedKey | null {
  return namedKey('CUSTODY_TLOG_KEY', env.CUSTODY_TLOG_KEY);
}

function namedKey(variable: string, value: string | undefined): NamedKey | null {
  const text = value?.trim();
  if (!text) return null;
  const [, kind, name] = /^(kms|file):(.+)$/s.exec(text) ?? [];
  if (name === undefined)
    throw new ConfigError('SETTING_INVALID', [
      `${variable} is kms:<key ARN, id or alias> or file:<private key, PEM>`,
    ]);
  return kind === 'kms' ? { kms: name } : { file: name };
}
