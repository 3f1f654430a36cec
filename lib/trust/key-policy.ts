import { glob, type Glob } from './glob.ts';
import { memberOf } from './json.ts';
import type { LineageRecord } from './lineage-record.ts';
import { compareInstants, parseTimestamp, type Instant } from './timestamp.ts';

/** The types of records, as scopes name them. */
export const RECORD_TYPES = ['dataset', 'model', 'inference'] as const;

/**
 * What a key may sign; each list but `types` holds patterns (lib/trust/glob.ts). What is left out limits
 * nothing, but for one: where models or datasets are named, no others are allowed.
 */
export interface Scopes {
  readonly types?: readonly (typeof RECORD_TYPES)[number][] | undefined;
  /** Of names that models are recorded by, and inferences claim. */
  readonly models?: readonly string[] | undefined;
  readonly datasetPaths?: readonly string[] | undefined;
  readonly datasetHashes?: readonly string[] | undefined;
  /** What the URI begins with, without a version, under which a log comes: `s3://bucket/team/`. */
  readonly prefixes?: readonly string[] | undefined;
}

/** That a key is not to be trusted any more. */
export interface Revocation {
  /** From this moment of Custody's own clock on nothing that it signed is taken in, whatever it claims. */
  readonly at: string;
  /** From when others may have had the key; left out where nobody had. */
  readonly compromisedFrom?: string | undefined;
  readonly reason: string;
}

/** What an operator says of a key, in the form that a key ring has it in. */
export interface KeyPolicy {
  readonly name?: string | undefined;
  /** A key for reports signs no record. */
  readonly uses?: 'records' | 'reports' | undefined;
  /** Of what a record claims as its time, the first and the last that is taken. */
  readonly notBefore?: string | undefined;
  readonly notAfter?: string | undefined;
  readonly revoked?: Revocation | undefined;
  readonly scopes?: Scopes | undefined;
}

/** Of a key in a plain list: for records, with no dates, in all scopes. */
export const UNLIMITED: KeyPolicy = {};

/** What was written of a key beside an archived log; null for what is none. */
export function readPolicy(value: unknown): KeyPolicy | null {
  const [uses, revoked, scopes] = [
    memberOf(value, 'uses'),
    memberOf(value, 'revoked'),
    memberOf(value, 'scopes'),
  ];
  if (uses !== undefined && uses !== 'records' && uses !== 'reports') return null;
  const [name, from, to] = [
    textIn(value, 'name'),
    timeIn(value, 'notBefore'),
    timeIn(value, 'notAfter'),
  ];
  const revocation = revoked === undefined ? undefined : readRevocation(revoked);
  const limits = scopes === undefined ? undefined : readScopes(scopes);
  if (name === null || from === null || to === null || revocation === null || limits === null)
    return null;
  return { name, uses, notBefore: from, notAfter: to, revoked: revocation, scopes: limits };
}

function readRevocation(value: unknown): Revocation | null {
  const [at, from] = [timeIn(value, 'at'), timeIn(value, 'compromisedFrom')];
  const reason = textIn(value, 'reason');
  if (at === undefined || at === null || reason === undefined || reason === null) return null;
  return from === null ? null : { at, compromisedFrom: from, reason };
}

function readScopes(value: unknown): Scopes | null {
  const types = memberOf(value, 'types');
  const all = Array.isArray(types)
    ? RECORD_TYPES.filter((type) => types.includes(type))
    : undefined;
  if (types !== undefined && all?.length !== (Array.isArray(types) ? types.length : -1))
    return null;
  const [models, datasetPaths, datasetHashes, prefixes] = [
    patternsIn(value, 'models'),
    patternsIn(value, 'datasetPaths'),
    patternsIn(value, 'datasetHashes'),
    patternsIn(value, 'prefixes'),
  ];
  if (models === null || datasetPaths === null || datasetHashes === null || prefixes === null)
    return null;
  return { types: all, models, datasetPaths, datasetHashes, prefixes };
}

/** Undefined for a member that is not there, null for one that is something else. */
function textIn(value: unknown, name: string): string | undefined | null {
  const member = memberOf(value, name);
  return member === undefined || typeof member === 'string' ? member : null;
}

function timeIn(value: unknown, name: string): string | undefined | null {
  const text = textIn(value, name);
  return typeof text === 'string' && parseTimestamp(text) === null ? null : text;
}

function patternsIn(value: unknown, name: string): readonly string[] | undefined | null {
  const member = memberOf(value, name);
  if (member === undefined) return undefined;
  const isPatterns = (of: unknown): of is readonly string[] =>
    Array.isArray(of) && of.every((one) => typeof one === 'string' && glob(one) !== null);
  return isPatterns(member) ? member : null;
}

/** A key, as far as it is told what it may do. */
export interface RingKey {
  readonly kid: string;
  readonly policy: KeyPolicy;
}

/** Where a record came, and when. */
export interface Circumstances {
  /** The URI of its object, without a version. */
  readonly address: string;
  /** Of Custody's own clock, in milliseconds since 1970. */
  readonly now: number;
}

/** Why a key may not sign a record, as one sentence that holds nothing of it; null where it may. */
export type Allows = (record: LineageRecord, circumstances: Circumstances) => string | null;

/** `policy` with its times and patterns read once; it throws where one can't be, which a ring's schema rules out. */
export function allows({ kid, policy }: RingKey): Allows {
  const { name, uses, revoked, scopes } = policy;
  const key = name === undefined ? `the key ${kid.slice(0, 12)}…` : `the key “${name}”`;
  const [from, to] = [instantIn(policy.notBefore), instantIn(policy.notAfter)];
  const revokedAt = revoked && millisecondsIn(revoked.at);
  const isInScope = scopes === undefined ? null : scopesOf(scopes);
  return (record, circumstances) => {
    if (uses === 'reports') return `${key} is for reports and signs no record`;
    if (revokedAt !== undefined && circumstances.now >= revokedAt)
      return `${key} is revoked; nothing that it signed is taken in any more`;
    if (from !== null && compareInstants(record.recordedAt, from) < 0)
      return `${key} signs nothing of a time before its notBefore`;
    if (to !== null && compareInstants(record.recordedAt, to) > 0)
      return `${key} signs nothing of a time after its notAfter`;
    const outside = isInScope?.(record, circumstances.address) ?? null;
    return outside && `${key} may not sign ${outside}`;
  };
}

/** True where a revocation holds; who judges a log in several deliveries begins anew when that changes. */
export function isRevoked({ revoked }: KeyPolicy, now: number): boolean {
  return revoked !== undefined && now >= millisecondsIn(revoked.at);
}

function scopesOf(scopes: Scopes): (record: LineageRecord, address: string) => string | null {
  const [models, paths, hashes, prefixes] = [
    globs(scopes.models),
    globs(scopes.datasetPaths),
    globs(scopes.datasetHashes),
    globs(scopes.prefixes),
  ];
  const isNamed = models !== null || paths !== null || hashes !== null;
  const isOf = (list: readonly Glob[] | null, name: string): boolean =>
    list === null || list.some((one) => one.matches(name));
  return (record, address) => {
    if (scopes.types?.includes(record.type) === false) return 'records of this type';
    if (prefixes !== null && !prefixes.some((one) => one.begins(address)))
      return 'what comes under this name of an object';
    if (record.type !== 'dataset') {
      const name = record.type === 'model' ? record.name : record.modelName;
      return isNamed && (models === null || !isOf(models, name)) ? 'of this model' : null;
    }
    if (isNamed && paths === null && hashes === null) return 'of datasets';
    if (!isOf(paths, record.path)) return 'of a dataset at this path';
    return isOf(hashes, record.hash) ? null : 'of a dataset with this hash';
  };
}

function globs(patterns: readonly string[] | undefined): readonly Glob[] | null {
  return (
    patterns?.map((pattern) => {
      const read = glob(pattern);
      if (read === null) throw new Error('a pattern that was checked can’t be read');
      return read;
    }) ?? null
  );
}

/** What a signing is worth at the moment of reading (docs/graph.md, G-38). */
export type KeyStatus = 'valid' | 'revoked-later' | 'compromised' | 'unknown';

/** When a record claims to be from, and when its log was taken in; null where that is not known. */
export interface SignedWhen {
  readonly recordedAt: string;
  readonly takenAt: string | null;
}

/**
 * What a signing is worth now. `recordedAt` is a claim, which whoever has a stolen key can make at will, so
 * that it alone proves nothing: what others may have signed is `compromised` unless its log was taken in
 * before the key was theirs.
 */
export function keyStatus(
  policy: KeyPolicy | undefined,
  { recordedAt, takenAt }: SignedWhen,
  now: number,
): KeyStatus {
  if (policy === undefined) return 'unknown';
  const { revoked } = policy;
  if (revoked === undefined) return 'valid';
  const from = instantIn(revoked.compromisedFrom);
  if (from !== null) {
    const isBefore = (text: string | null): boolean => {
      const at = text === null ? null : parseTimestamp(text);
      return at !== null && compareInstants(at, from) < 0;
    };
    if (!isBefore(recordedAt) || !isBefore(takenAt)) return 'compromised';
  }
  return isRevoked(policy, now) || from !== null ? 'revoked-later' : 'valid';
}

/** What a key may do now. */
export type KeyState = 'valid' | 'not-yet-valid' | 'expired' | 'revoked' | 'compromised';

/** By the dates of its policy. */
export function keyState(policy: KeyPolicy, now: number): KeyState {
  if (policy.revoked?.compromisedFrom !== undefined) return 'compromised';
  if (isRevoked(policy, now)) return 'revoked';
  if (policy.notAfter !== undefined && now > millisecondsIn(policy.notAfter)) return 'expired';
  if (policy.notBefore !== undefined && now < millisecondsIn(policy.notBefore))
    return 'not-yet-valid';
  return 'valid';
}

/** A key that others may have had, and from when, RFC 3339 in UTC. */
export interface Compromise {
  readonly kid: string;
  readonly from: string;
}

/** Those of the keys that others may have had. */
export function compromises(keys: readonly RingKey[]): readonly Compromise[] {
  return keys.flatMap(({ kid, policy }) => {
    const from = instantIn(policy.revoked?.compromisedFrom);
    return from === null ? [] : [{ kid, from: textOf(from) }];
  });
}

function instantIn(text: string | undefined): Instant | null {
  if (text === undefined) return null;
  const instant = parseTimestamp(text);
  if (instant === null) throw new Error('a time that was checked can’t be read');
  return instant;
}

function textOf({ epochSeconds, nanoseconds }: Instant): string {
  const seconds = new Date(epochSeconds * 1_000).toISOString().slice(0, 19);
  return `${seconds}.${String(nanoseconds).padStart(9, '0')}Z`;
}

function millisecondsIn(text: string): number {
  const instant = instantIn(text);
  return instant === null ? 0 : instant.epochSeconds * 1_000 + instant.nanoseconds / 1e6;
}
