import { readFile } from 'node:fs/promises';
import { DEFAULT_SETTINGS, RULES, type RuleSettings } from './compliance/rules.ts';
import type { GraphSettings } from './graph/connection.ts';
import type { Payload } from './graph/write-changes.ts';
import { ConfigError } from './errors.ts';
import { readVerifyingKey, type KeyProblem, type VerifyingKey } from './trust/keys.ts';

/** The variables that can be read, in the order of the README's table, which is tested against it. */
export const VARIABLES = [
  'CUSTODY_KEYS',
  'CUSTODY_PAYLOAD',
  'CUSTODY_ON_BAD_LINE',
  'CUSTODY_BUCKET',
  'CUSTODY_PREFIX',
  'CUSTODY_EVIDENCE_BUCKET',
  'CUSTODY_QUEUE_URL',
  'CUSTODY_NEO4J_SECRET_ARN',
  'CUSTODY_PAYLOAD_READERS',
  'CUSTODY_RULES',
  'CUSTODY_TOPIC_ARN',
  'CUSTODY_REPORT_KEY',
  'NEO4J_URI',
  'NEO4J_USERNAME',
  'NEO4J_PASSWORD',
  'NEO4J_DATABASE',
] as const;

/** `process.env`, of which nothing but {@link VARIABLES} can be named. */
export type Environment = Readonly<Partial<Record<(typeof VARIABLES)[number], string | undefined>>>;

const MAX_KEYS = 16;

/**
 * The database that the environment, or whatever `from` names, describes; null where it names none.
 * Beyond loopback only an encrypted connection with a verified certificate will do.
 */
export function graphSettings(env: Environment, from = 'the environment'): GraphSettings | null {
  const { NEO4J_URI: uri, NEO4J_USERNAME: username, NEO4J_PASSWORD: password } = env;
  if (!uri) return null;
  const problems: string[] = [];
  if (!isSafe(uri))
    problems.push(
      `NEO4J_URI of ${from} has to begin with neo4j+s:// or bolt+s://; without encryption only loopback is talked to`,
    );
  if (!username) problems.push(`NEO4J_URI is set, but NEO4J_USERNAME is not, in ${from}`);
  if (!password) problems.push(`NEO4J_URI is set, but NEO4J_PASSWORD is not, in ${from}`);
  if (problems.length > 0 || !username || !password) throw new ConfigError(problems);
  const database = env.NEO4J_DATABASE;
  return { uri, username, password, ...(database ? { database } : {}) };
}

function isSafe(uri: string): boolean {
  if (/^(?:neo4j|bolt)\+s:\/\//.test(uri)) return true;
  // Nothing but a port may follow the host: in bolt://localhost:7687@example.com it is example.com.
  const host = /^(?:neo4j|bolt):\/\/(\[[^\]]*\]|[^/:?#]*)(?::\d+)?(?:[/?#]|$)/.exec(uri)?.[1];
  return host !== undefined && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/i.test(host);
}

/** How `input` and `output` are kept. */
export function payload(env: Environment): Payload {
  const named = env.CUSTODY_PAYLOAD || 'inline';
  if (named === 'inline' || named === 'hash' || named === 'none') return named;
  throw new ConfigError(['CUSTODY_PAYLOAD is inline, hash or none']);
}

/** What is done with an object that has bad lines. */
function onBadLine(env: Environment): 'reject' | 'quarantine' {
  const named = env.CUSTODY_ON_BAD_LINE || 'reject';
  if (named === 'reject' || named === 'quarantine') return named;
  throw new ConfigError(['CUSTODY_ON_BAD_LINE is reject or quarantine']);
}

/** What a function is told of the stack it belongs to. */
export interface Stack {
  readonly bucket: string;
  readonly evidenceBucket: string;
  readonly queueUrl: string;
  readonly neo4jSecretArn: string;
  readonly topicArn: string;
  readonly reportKey: string;
}

const STACK = {
  bucket: 'CUSTODY_BUCKET',
  evidenceBucket: 'CUSTODY_EVIDENCE_BUCKET',
  queueUrl: 'CUSTODY_QUEUE_URL',
  neo4jSecretArn: 'CUSTODY_NEO4J_SECRET_ARN',
  topicArn: 'CUSTODY_TOPIC_ARN',
  reportKey: 'CUSTODY_REPORT_KEY',
} as const satisfies Record<keyof Stack, keyof Environment>;

/** The named members of {@link Stack}; {@link ConfigError} with all that are missing. */
export function stack<Name extends keyof Stack>(
  env: Environment,
  names: readonly Name[],
): Pick<Stack, Name> {
  const missing = names.filter((name) => !env[STACK[name]]);
  if (missing.length > 0) throw new ConfigError(missing.map((name) => `${STACK[name]} is not set`));
  return Object.fromEntries(names.map((name) => [name, env[STACK[name]]])) as Pick<Stack, Name>;
}

/** All that the `ingest` function needs. */
export interface IngestSettings extends Omit<Stack, 'topicArn' | 'reportKey'> {
  /** Of the keys of objects that are read; all of them when empty. */
  readonly prefix: string;
  readonly onBadLine: 'reject' | 'quarantine';
  readonly payload: Payload;
  readonly keys: readonly string[];
}

/** {@link ConfigError} with everything that is wrong. */
export function ingestSettings(env: Environment): IngestSettings {
  const problems: string[] = [];
  const tried = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const names = ['bucket', 'evidenceBucket', 'queueUrl', 'neo4jSecretArn'] as const;
  const of = tried(() => stack(env, names));
  const bad = tried(() => onBadLine(env));
  const kept = tried(() => payload(env));
  const keys = keyEntries(env);
  if (keys.length === 0) problems.push('CUSTODY_KEYS names no key to verify with');
  if (of === undefined || bad === undefined || kept === undefined || problems.length > 0)
    throw new ConfigError(problems);
  return { ...of, prefix: env.CUSTODY_PREFIX ?? '', onBadLine: bad, payload: kept, keys };
}

/** The rules' settings: CUSTODY_RULES is JSON with any of the members of {@link RuleSettings}. */
export function ruleSettings(env: Environment): RuleSettings {
  const text = env.CUSTODY_RULES || '{}';
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    given = null;
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new ConfigError(['CUSTODY_RULES is a JSON object, as {"datasetGraceDays":7}']);
  const problems: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    const usual = (DEFAULT_SETTINGS as unknown as Record<string, unknown>)[name];
    if (usual === undefined)
      problems.push(`CUSTODY_RULES knows ${Object.keys(DEFAULT_SETTINGS).join(', ')}, not ${name}`);
    else if (typeof usual === 'number' && !(Number.isInteger(value) && Number(value) >= 0))
      problems.push(`CUSTODY_RULES: ${name} is a whole number`);
    else if (Array.isArray(usual) && !isTexts(value))
      problems.push(`CUSTODY_RULES: ${name} is a list of strings`);
    else if (name === 'off' && isTexts(value))
      for (const id of value)
        if (!RULES.some((rule) => rule.id === id))
          problems.push(`CUSTODY_RULES: there is no rule ${id} to switch off`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { ...DEFAULT_SETTINGS, ...given };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

/** What CUSTODY_REPORT_KEY names for signing reports; null where it names nothing. */
export function reportKey(
  env: Environment,
):
  | { readonly kms: string; readonly file?: undefined }
  | { readonly file: string; readonly kms?: undefined }
  | null {
  const text = env.CUSTODY_REPORT_KEY?.trim();
  if (!text) return null;
  const [, kind, name] = /^(kms|file):(.+)$/s.exec(text) ?? [];
  if (name === undefined)
    throw new ConfigError([
      'CUSTODY_REPORT_KEY is kms:<key ARN, id or alias> or file:<private key, PEM>',
    ]);
  return kind === 'kms' ? { kms: name } : { file: name };
}

/** Where a function's own request to AWS goes, and in whose name. */
export interface AwsAccess {
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** In place of the service's usual one. */
  readonly endpoint?: string;
}

/** By the variables that Lambda sets for its function's role, and the SDK's for another endpoint. */
export function awsAccess(env = process.env): AwsAccess {
  const sessionToken = env['AWS_SESSION_TOKEN'];
  const endpoint = env['AWS_ENDPOINT_URL'];
  return {
    region: env['AWS_REGION'] ?? '',
    accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    ...(sessionToken ? { sessionToken } : {}),
    ...(endpoint ? { endpoint } : {}),
  };
}

/** The entries of CUSTODY_KEYS; a PEM block is one entry, whatever white space it has. */
export function keyEntries(env: Environment): string[] {
  const text = env.CUSTODY_KEYS ?? '';
  return text.match(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----|[^\s,]+/g) ?? [];
}

/**
 * Loads every key or names everything that is wrong with any of them. An entry is a PEM block,
 * `kms:<key ARN, id or alias>`, `file:<path>`, or a path. {@link TransientError} when AWS KMS can't
 * be asked.
 */
export async function loadKeys(entries: readonly string[]): Promise<readonly VerifyingKey[]> {
  const problems: string[] = [];
  const keys = new Map<string, VerifyingKey>();
  if (entries.length === 0)
    problems.push('no key to verify with: give --key PUBLIC.pem or set CUSTODY_KEYS');
  if (entries.length > MAX_KEYS) problems.push(`at most ${MAX_KEYS} keys, not ${entries.length}`);
  for (const [index, entry] of entries.entries()) {
    const name = entry.startsWith('-----BEGIN') ? `key ${index + 1}` : entry;
    const pem = await pemOf(entry);
    const key = typeof pem === 'string' ? readVerifyingKey(pem) : pem;
    if ('problem' in key) problems.push(`${name}: ${key.problem}`);
    else keys.set(key.kid, key);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return [...keys.values()];
}

async function pemOf(entry: string): Promise<string | KeyProblem> {
  if (entry.startsWith('-----BEGIN')) return entry;
  if (entry.startsWith('kms:')) {
    // Only who names a key of AWS KMS waits for its client to load.
    const { kmsPublicKey } = await import('./aws/kms.ts');
    return kmsPublicKey(entry.slice('kms:'.length));
  }
  const path = entry.replace(/^file:/, '');
  return readFile(path, 'utf8').catch(() => ({ problem: 'the file can’t be read' }));
}
