import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ConfigError } from './errors.ts';
import type { ReadRing, RingEntry } from './key-ring.ts';
import { UNLIMITED, type RingKey } from './trust/key-policy.ts';
import { readVerifyingKey, type KeyProblem, type VerifyingKey } from './trust/keys.ts';

const MAX_KEYS = 16;

const RING = 'ring:';
const KMS = 'kms:';

/** The files of key rings among the entries; none for one in S3. */
export function ringFiles(entries: readonly string[]): readonly string[] {
  return entries
    .filter((entry) => entry.startsWith(RING) && !isInS3(entry))
    .map((entry) => entry.slice(RING.length));
}

/** What loading keys asks of elsewhere; each rejects with {@link TransientError} where that fails. */
export interface KeySources {
  /** The public half of a key of AWS KMS as PEM, or why it can't be used. */
  readonly kms: (key: string) => Promise<string | KeyProblem>;
  /** The text of a key ring in S3, or why it can't be read. */
  readonly s3: (uri: string) => Promise<string | KeyProblem>;
  /** Reads a key ring: lib/key-ring.ts, which takes its time to load. */
  readonly parse: ReadRing;
}

/** Where key rings come from. */
export type RingSources = Omit<KeySources, 'kms'>;

/** Whom Custody trusts. */
export interface TrustedKeys {
  /** Those that signatures are checked against. */
  readonly keys: readonly VerifyingKey[];
  /** The same, and those that are revoked and that AWS KMS does not give any more. */
  readonly ring: readonly RingKey[];
}

/** A key that is named somewhere. */
interface NamedEntry extends RingEntry {
  /** For messages. */
  readonly name: string;
  /** Of a ring, what its files lie beside, null of one in S3; undefined of a plain list. */
  readonly folder?: string | null;
}

/**
 * Loads every key or names everything that is wrong with any of them. An entry is a PEM block,
 * `kms:<key ARN, id or alias>`, `file:<path>`, a path, or `ring:` and the path or S3 URI of a key ring.
 * {@link TransientError} when AWS can't be asked.
 */
export async function loadKeys(
  entries: readonly string[],
  sources: KeySources,
): Promise<readonly VerifyingKey[]> {
  return (await loadTrusted(entries, sources)).keys;
}

/** The same, with what is known of keys that nothing can be verified with. */
export async function loadTrusted(
  entries: readonly string[],
  sources: KeySources,
): Promise<TrustedKeys> {
  const { named, problems } = await namedIn(entries, sources);
  const loaded = new Loaded(problems);
  for (const one of named) {
    const key = await keyOf(one, sources.kms);
    if (!('problem' in key)) loaded.add(key, one);
    else if (isLost(one, key)) loaded.miss(one);
    else problems.push(`${one.name}: ${key.problem}`);
  }
  return loaded.end();
}

/**
 * What is told of keys, without asking AWS KMS: all but its keys whose kid is not said. That has every key
 * that was ever compromised, since a revoked key of KMS has its kid.
 */
export async function loadRing(
  entries: readonly string[],
  sources: RingSources,
): Promise<readonly RingKey[]> {
  const { named, problems } = await namedIn(entries, sources);
  const told: RingKey[] = [];
  for (const one of named) {
    const { kid, policy, source } = one;
    if (source.startsWith(KMS)) {
      if (kid !== null) told.push({ kid, policy });
      continue;
    }
    const key = await keyOf(one, () => Promise.resolve({ problem: 'KMS is not asked' }));
    if ('problem' in key) problems.push(`${one.name}: ${key.problem}`);
    else told.push(key);
  }
  if (problems.length > 0) throw new ConfigError('KEYS_UNUSABLE', problems);
  return told;
}

/** Keys as they come, each once. */
class Loaded {
  readonly #problems: string[];
  readonly #keys = new Map<string, VerifyingKey>();
  readonly #lost: RingKey[] = [];
  readonly #inRing = new Set<string>();

  constructor(problems: string[]) {
    this.#problems = problems;
  }

  add(key: VerifyingKey, { name, folder, kid }: NamedEntry): void {
    const isOfRing = folder !== undefined;
    if (kid !== null && kid !== key.kid)
      this.#problems.push(`${name}: the key is ${key.kid}, and not the one that its kid names`);
    // What a ring says of a key holds; nothing else may say more or less.
    if (this.#inRing.has(key.kid) || (isOfRing && this.#keys.has(key.kid)))
      this.#problems.push(`${name}: the key ${key.kid} is named twice`);
    if (isOfRing) this.#inRing.add(key.kid);
    this.#keys.set(key.kid, key);
  }

  /** Of a revoked key that can't be had, what is known. */
  miss({ kid, policy }: NamedEntry): void {
    if (kid !== null) this.#lost.push({ kid, policy });
  }

  end(): TrustedKeys {
    if (this.#problems.length > 0) throw new ConfigError('KEYS_UNUSABLE', this.#problems);
    const keys = [...this.#keys.values()];
    return { keys, ring: [...keys, ...this.#lost] };
  }
}

/** A key of KMS that was revoked may well be disabled there: that must not stop what other keys sign. */
function isLost({ source, kid, policy }: NamedEntry, key: object): boolean {
  return source.startsWith(KMS) && kid !== null && policy.revoked !== undefined && 'problem' in key;
}

/** Every key that is named, and what is wrong with the naming. */
async function namedIn(
  entries: readonly string[],
  sources: RingSources,
): Promise<{ readonly named: readonly NamedEntry[]; readonly problems: string[] }> {
  const problems: string[] = [];
  const named: NamedEntry[] = [];
  if (entries.length === 0)
    problems.push(
      'no key to verify with: give --key PUBLIC.pem, set CUSTODY_KEYS, or put one into .custody/keys/',
    );
  const plain = entries.filter((entry) => !entry.startsWith(RING)).length;
  if (plain > MAX_KEYS) problems.push(`at most ${MAX_KEYS} keys, not ${plain}`);
  for (const [index, entry] of entries.entries()) {
    if (entry.startsWith(RING)) {
      const read = await namedInRing(entry, sources);
      named.push(...read.named);
      problems.push(...read.problems.map((problem) => `${entry}: ${problem}`));
      continue;
    }
    const name = entry.startsWith('-----BEGIN') ? `key ${index + 1}` : entry;
    named.push({ name, source: entry, kid: null, policy: UNLIMITED });
  }
  return { named, problems };
}

async function namedInRing(
  entry: string,
  { s3, parse }: RingSources,
): Promise<{ readonly named: readonly NamedEntry[]; readonly problems: readonly string[] }> {
  const where = entry.slice(RING.length);
  const text = isInS3(entry) ? await s3(where) : await textOf(where);
  if (typeof text !== 'string') return { named: [], problems: [text.problem] };
  const read = await parse(text);
  if ('problems' in read) return { named: [], problems: read.problems };
  const folder = isInS3(entry) ? null : dirname(resolve(where));
  const named = read.map((of) => ({ ...of, folder, name: `${entry}: ${of.policy.name ?? ''}` }));
  return { named, problems: [] };
}

function isInS3(entry: string): boolean {
  return entry.startsWith(`${RING}s3:`);
}

async function keyOf(
  { source, folder, policy }: NamedEntry,
  kms: KeySources['kms'],
): Promise<VerifyingKey | KeyProblem> {
  const pem = await pemOf(source, folder, kms);
  return typeof pem === 'string' ? readVerifyingKey(pem, policy) : pem;
}

async function pemOf(
  source: string,
  folder: NamedEntry['folder'],
  kms: KeySources['kms'],
): Promise<string | KeyProblem> {
  if (source.startsWith('-----BEGIN')) return source;
  if (source.startsWith(KMS)) return kms(source.slice(KMS.length));
  const path = source.replace(/^file:/, '');
  if (folder === null) return { problem: 'a key ring in S3 has no files beside it' };
  return textOf(folder === undefined ? path : resolve(folder, path));
}

function textOf(path: string): Promise<string | KeyProblem> {
  return readFile(path, 'utf8').catch(() => ({ problem: 'the file can’t be read' }));
}

/** A private key, in AWS KMS or in a file. */
export type NamedKey =
  | { readonly kms: string; readonly file?: undefined }
  | { readonly file: string; readonly kms?: undefined };

/** {@link ConfigError} where a key ring says that the key which is to sign reports is for something else. */
export function demandReportKey(kid: string, ring: readonly RingKey[]): void {
  const policy = ring.find((key) => key.kid === kid)?.policy;
  if (policy === undefined) return;
  const problems: string[] = [];
  if (policy.uses === 'records') problems.push(`the key ${kid} is for records and signs no report`);
  if (policy.revoked !== undefined) problems.push(`the key ${kid} is revoked and signs no report`);
  if (problems.length > 0) throw new ConfigError('KEYS_UNUSABLE', problems);
}

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
