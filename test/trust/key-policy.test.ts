import { describe, expect, test } from 'vitest';
import {
  compromises,
  isRevoked,
  keyState,
  keyStatus,
  readPolicy,
  type KeyPolicy,
} from '../../lib/trust/key-policy.ts';

const at = (text: string): number => Date.parse(text);
const revoked = { at: '2026-03-01T00:00:00Z', reason: 'r' };
const stolen = { revoked: { ...revoked, compromisedFrom: '2026-02-01T00:00:00Z' } };
const early = '2026-01-31T23:59:59.999999999Z';
const late = '2026-02-01T00:00:00Z';

describe('what a signing is worth when it is read', () => {
  test.each<[string, KeyPolicy | undefined, string, string | null, string, string]>([
    ['a key that is not known', undefined, early, early, '2026-04-01T00:00:00Z', 'unknown'],
    ['a key with nothing against it', {}, late, late, '2026-04-01T00:00:00Z', 'valid'],
    [
      'a key whose dates have passed',
      { notAfter: early },
      early,
      late,
      '2026-04-01T00:00:00Z',
      'valid',
    ],
    [
      'a revocation that is still to come',
      { revoked },
      late,
      late,
      '2026-02-28T00:00:00Z',
      'valid',
    ],
    [
      'a revocation, the key being nobody else’s',
      { revoked },
      late,
      late,
      revoked.at,
      'revoked-later',
    ],
    ['claimed and taken in before the theft', stolen, early, early, revoked.at, 'revoked-later'],
    [
      'the same, though it is revoked only from tomorrow on',
      stolen,
      early,
      early,
      late,
      'revoked-later',
    ],
    [
      'claimed before the theft, taken in at it: backdated, for all that is known',
      stolen,
      early,
      late,
      revoked.at,
      'compromised',
    ],
    ['claimed after the theft, taken in before it', stolen, late, early, revoked.at, 'compromised'],
    ['claimed and taken in after the theft', stolen, late, late, revoked.at, 'compromised'],
    ['a theft, before the day of the revocation', stolen, late, late, late, 'compromised'],
    ['taken in nobody knows when', stolen, early, null, revoked.at, 'compromised'],
  ])('%s: %#', (_, policy, recordedAt, takenAt, now, status) => {
    expect(keyStatus(policy, { recordedAt, takenAt }, at(now))).toBe(status);
  });
});

test.each<[KeyPolicy, string, string]>([
  [{}, late, 'valid'],
  [{ notBefore: late }, '2026-01-31T23:59:59.999Z', 'not-yet-valid'],
  [{ notBefore: late }, late, 'valid'],
  [{ notAfter: late }, late, 'valid'],
  [{ notAfter: late }, '2026-02-01T00:00:00.001Z', 'expired'],
  [{ revoked }, '2026-02-28T23:59:59.999Z', 'valid'],
  [{ revoked, notAfter: late }, revoked.at, 'revoked'],
  [stolen, late, 'compromised'],
])('the state of a key, %#', (policy, now, state) => {
  expect(keyState(policy, at(now))).toBe(state);
});

test('a revocation holds from its moment on', () => {
  expect(isRevoked({}, at(revoked.at))).toBe(false);
  expect(isRevoked({ revoked }, at(revoked.at) - 1)).toBe(false);
  expect(isRevoked({ revoked }, at(revoked.at))).toBe(true);
});

test('those keys are compromised that others may have had, and no others', () => {
  const keys = [
    { kid: 'a', policy: {} },
    { kid: 'b', policy: { revoked } },
    { kid: 'c', policy: stolen },
  ];
  expect(compromises(keys)).toEqual([{ kid: 'c', from: '2026-02-01T00:00:00.000000000Z' }]);
});

test('what stands beside an archived log of a key is read again as it was, and nothing else for it', () => {
  const all: readonly KeyPolicy[] = [
    {},
    stolen,
    { name: 'n', uses: 'records', notBefore: early, notAfter: late, revoked },
    { scopes: {} },
    {
      scopes: {
        types: ['model', 'dataset'].sort() as ('model' | 'dataset')[],
        models: ['a/*'],
        datasetPaths: [],
        datasetHashes: ['?'],
        prefixes: ['s3://b/'],
      },
    },
  ];
  for (const policy of all) expect(JSON.parse(JSON.stringify(readPolicy(policy)))).toEqual(policy);
  for (const bad of [
    { uses: 'both' },
    { name: 1 },
    { notBefore: 'soon' },
    { notAfter: null },
    { revoked: {} },
    { revoked: { ...revoked, at: 'x' } },
    { revoked: { ...revoked, compromisedFrom: 1 } },
    { scopes: { types: 'model' } },
    { scopes: { types: ['other'] } },
    { scopes: { models: 'm' } },
    { scopes: { prefixes: ['a\\'] } },
  ])
    expect(readPolicy(bad)).toBeNull();
});
