import { constants, generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';

// Writes node.json: lines signed by Node, with what Custody must make of them. Only public keys are kept.
const AT = '2026-02-03T04:05:06.5Z';
const dataset = JSON.stringify({ type: 'dataset', hash: 'd1', path: 'p', timestamp: AT });
const vectors: { id: string; line: string; result: string }[] = [];
const keys: string[] = [];

for (const bits of [2_048, 3_072, 4_096]) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  keys.push(publicKey.export({ type: 'pkcs1', format: 'pem' }).toString());
  const max = bits / 8 - 34;
  for (const saltLength of [32, max, 0, 20, 31, 33, max - 1]) {
    const signature = sign('sha256', Buffer.from(dataset), {
      key: privateKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength,
    }).toString('base64');
    const line = JSON.stringify({ schema_version: '1.1', signed_data: dataset, signature });
    vectors.push({
      id: `rsa-${bits}-salt-${saltLength}`,
      line: Buffer.from(line).toString('base64'),
      result: saltLength === 32 || saltLength === max ? 'accepted' : 'SIGNATURE_INVALID',
    });
  }
  const signature = sign('sha256', Buffer.from(dataset), privateKey).toString('base64');
  const line = JSON.stringify({ schema_version: '1.1', signed_data: dataset, signature });
  vectors.push({
    id: `rsa-${bits}-pkcs1-v1.5`,
    line: Buffer.from(line).toString('base64'),
    result: 'SIGNATURE_INVALID',
  });
}

writeFileSync(
  new URL('node.json', import.meta.url),
  `${JSON.stringify({ keys, maxLineBytes: 4096, vectors }, null, 1)}\n`,
);
