import type { HttpSettings } from './aws/http-handler.ts';
import { ConfigError } from './errors.ts';
import { payload, type Payload } from './graph/settings.ts';
import { keyEntries } from './key-entries.ts';

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
  'CUSTODY_TLOG_KEY',
  'CUSTODY_TLOG_ORIGIN',
  'NEO4J_URI',
  'NEO4J_USERNAME',
  'NEO4J_PASSWORD',
  'NEO4J_DATABASE',
] as const;

/** `process.env`, of which nothing but {@link VARIABLES} can be named. */
export type Environment = Readonly<Partial<Record<(typeof VARIABLES)[number], string | undefined>>>;

/** What is done with an object that has bad lines. */
function onBadLine(env: Environment): 'reject' | 'quarantine' {
  const named = env.CUSTODY_ON_BAD_LINE || 'reject';
  if (named === 'reject' || named === 'quarantine') return named;
  throw new ConfigError('SETTING_INVALID', ['CUSTODY_ON_BAD_LINE is reject or quarantine']);
}

/** What a function is told of the stack it belongs to. */
export interface Stack {
  readonly bucket: string;
  readonly evidenceBucket: string;
  readonly queueUrl: string;
  readonly neo4jSecretArn: string;
  readonly topicArn: string;
  readonly reportKey: string;
  readonly tlogKey: string;
  readonly tlogOrigin: string;
}

const STACK = {
  bucket: 'CUSTODY_BUCKET',
  evidenceBucket: 'CUSTODY_EVIDENCE_BUCKET',
  queueUrl: 'CUSTODY_QUEUE_URL',
  neo4jSecretArn: 'CUSTODY_NEO4J_SECRET_ARN',
  topicArn: 'CUSTODY_TOPIC_ARN',
  reportKey: 'CUSTODY_REPORT_KEY',
  tlogKey: 'CUSTODY_TLOG_KEY',
  tlogOrigin: 'CUSTODY_TLOG_ORIGIN',
} as const satisfies Record<keyof Stack, keyof Environment>;

/** The named members of {@link Stack}; {@link ConfigError} with all that are missing. */
export function stack<Name extends keyof Stack>(
  env: Environment,
  names: readonly Name[],
): Pick<Stack, Name> {
  const missing = names.filter((name) => !env[STACK[name]]);
  if (missing.length > 0)
    throw new ConfigError(
      'SETTING_INVALID',
      missing.map((name) => `${STACK[name]} is not set`),
    );
  // Of those that are named none is empty; the type hides the others.
  const value = (name: keyof Stack): string => env[STACK[name]] ?? '';
  const all: Stack = {
    bucket: value('bucket'),
    evidenceBucket: value('evidenceBucket'),
    queueUrl: value('queueUrl'),
    neo4jSecretArn: value('neo4jSecretArn'),
    topicArn: value('topicArn'),
    reportKey: value('reportKey'),
    tlogKey: value('tlogKey'),
    tlogOrigin: value('tlogOrigin'),
  };
  return all;
}

/** What a function that answers questions needs; {@link ConfigError} where the database is not named. */
export function httpSettings(env: Environment): HttpSettings {
  const { neo4jSecretArn } = stack(env, ['neo4jSecretArn']);
  return { neo4jSecretArn, payloadReaders: env.CUSTODY_PAYLOAD_READERS ?? '' };
}

/** All that the `ingest` function needs. */
export interface IngestSettings extends Pick<
  Stack,
  'bucket' | 'evidenceBucket' | 'queueUrl' | 'neo4jSecretArn'
> {
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
    throw new ConfigError('SETTING_INVALID', problems);
  const { bucket, evidenceBucket, queueUrl, neo4jSecretArn } = of;
  const prefix = env.CUSTODY_PREFIX ?? '';
  return {
    bucket,
    evidenceBucket,
    queueUrl,
    neo4jSecretArn,
    prefix,
    onBadLine: bad,
    payload: kept,
    keys,
  };
}
