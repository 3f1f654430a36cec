import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { KeyPolicy } from '../../lib/trust/key-policy.ts';
import { signRecord } from '../../lib/trust/sign.ts';

// Writes ring.json: good lines, each under what a key ring says of the one key that signed it, and what
// Custody must make of them. Only the public key is kept.
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const AT = '2026-02-03T04:05:06Z';
const LINES = {
  dataset: { type: 'dataset', hash: 'd1', path: 's3://data/team-a/one', timestamp: AT },
  model: { type: 'model', model_name: 'team-a/credit', git_commit: 'c', timestamp: AT },
  inference: { type: 'inference', id: 'i1', model_name: 'team-a/credit', timestamp: AT },
} as const;
const HERE = 's3://logs/team-a/one.jsonl';
const NOW = '2026-03-01T00:00:00Z';

const vectors: unknown[] = [];
const refused = 'KEY_NOT_ALLOWED';

function vector(
  id: string,
  policy: KeyPolicy,
  result: 'accepted' | typeof refused,
  of: { type?: keyof typeof LINES; address?: string; now?: string } = {},
): void {
  const { type = 'dataset', address = HERE, now = NOW } = of;
  const line = signRecord(JSON.stringify(LINES[type]), privateKey, 'digest');
  const base64 = Buffer.from(line).toString('base64');
  vectors.push({ id, policy, address, now, line: base64, result });
}

vector('no-limits', {}, 'accepted');
vector('for-records', { uses: 'records' }, 'accepted');
vector('for-reports', { uses: 'reports' }, refused);
vector('at-not-before', { notBefore: AT }, 'accepted');
vector('before-not-before', { notBefore: '2026-02-03T04:05:06.000000001Z' }, refused);
vector('at-not-after', { notAfter: AT }, 'accepted');
vector('at-not-after-in-another-zone', { notAfter: '2026-02-03T05:05:06+01:00' }, 'accepted');
vector('after-not-after', { notAfter: '2026-02-03T04:05:05.999999999Z' }, refused);
const revoked = { at: NOW, reason: 'left the team' };
vector('revoked', { revoked }, refused);
vector('revoked-later', { revoked }, 'accepted', { now: '2026-02-28T23:59:59.999Z' });
vector('revoked-before-its-time', { revoked: { ...revoked, at: '2020-01-01T00:00:00Z' } }, refused);
const compromised = { ...revoked, compromisedFrom: '2026-02-10T00:00:00Z' };
vector('compromised-after-its-time', { revoked: compromised }, refused);
vector('type', { scopes: { types: ['dataset', 'model'] } }, 'accepted');
vector('other-type', { scopes: { types: ['model', 'inference'] } }, refused);
const models = { scopes: { models: ['team-a/*'] } };
vector('model', models, 'accepted', { type: 'model' });
vector('inference-of-model', models, 'accepted', { type: 'inference' });
vector('dataset-where-models-are-named', models, refused);
const others = { scopes: { models: ['team-b/*', 'team-*', 'Team-a/*'] } };
vector('other-model', others, refused, { type: 'model' });
vector('inference-of-other-model', others, refused, { type: 'inference' });
vector('path', { scopes: { datasetPaths: ['s3://data/team-a/**'] } }, 'accepted');
vector('other-path', { scopes: { datasetPaths: ['s3://data/*', '**/two'] } }, refused);
vector('hash', { scopes: { datasetHashes: ['d?'] } }, 'accepted');
vector('other-hash', { scopes: { datasetHashes: ['D1', 'd'] } }, refused);
vector('hash-not-path', { scopes: { datasetHashes: ['d1'], datasetPaths: ['x'] } }, refused);
vector('model-where-datasets-are-named', { scopes: { datasetHashes: ['**'] } }, refused, {
  type: 'model',
});
vector('prefix', { scopes: { prefixes: ['s3://logs/team-a/'] } }, 'accepted');
vector('other-prefix', { scopes: { prefixes: ['s3://logs/team-b/', 'logs/'] } }, refused);
vector('no-scope', { scopes: {} }, 'accepted');
vector('nothing', { scopes: { models: [], datasetPaths: [] } }, refused);

const key = publicKey.export({ type: 'spki', format: 'pem' }).toString();
writeFileSync(
  new URL('ring.json', import.meta.url),
  `${JSON.stringify({ key, vectors }, null, 1)}\n`,
);
