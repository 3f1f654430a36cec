import { createHash, createPublicKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { custody as runCustody, type Ended } from '../support/custody.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { wipe } from '../support/snapshot.ts';
import { StubAws } from '../support/stub-aws.ts';
import { testKey } from '../support/test-key.ts';

const KEY = 'arn:aws:kms:eu-central-1:000000000000:key/signer';
const { privateKey, publicPem } = testKey();

const folder = mkdtempSync(join(tmpdir(), 'custody-'));
let graph: Graph;
let aws: StubAws;
beforeAll(async () => {
  graph = openGraph(neo4jLogin);
  aws = await StubAws.start();
  aws.keys.set(KEY, {
    publicKey: createPublicKey(publicPem),
    privateKey,
    usage: 'SIGN_VERIFY',
    algorithms: ['RSASSA_PSS_SHA_256'],
  });
});
beforeEach(() => wipe(graph));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await aws.close();
  await graph.close();
});

const KEYS = { CUSTODY_KEYS: `kms:${KEY}`, CUSTODY_EVIDENCE_BUCKET: 'evidence' };

function custody(args: string[], input = ''): Promise<Ended> {
  return runCustody(args, { env: { ...KEYS, ...aws.environment }, input });
}

const record = (index: number): string =>
  JSON.stringify({
    type: 'inference',
    id: `i${index}`,
    model_name: 'm',
    // Longer than what KMS takes of a message.
    input: 'x'.repeat(index === 0 ? 5_000 : 10),
    timestamp: '2026-01-01T00:00:00Z',
  });

test('what custody sign --kms has signed, custody ingest s3:// takes with kms: as its key', async () => {
  const signed = await custody(
    ['sign', '--kms', KEY],
    Array.from({ length: 40 }, (_, index) => record(index)).join('\n'),
  );
  expect([signed.exit, signed.err]).toEqual([0, '']);
  // In the order of the records, although several are on their way at once.
  const ids = signed.out
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const { signed_data: text } = JSON.parse(line) as { signed_data: string };
      return (JSON.parse(text) as { id: string }).id;
    });
  expect(ids).toEqual(Array.from({ length: 40 }, (_, index) => `i${index}`));
  const versionId = aws.put('logs/a b.jsonl', signed.out);
  const first = await custody(['ingest', '--json', 's3://logs/a b.jsonl']);
  expect(JSON.parse(first.out)).toMatchObject({
    objects: [
      {
        object: `s3://logs/a%20b.jsonl?versionId=${versionId}`,
        status: 'accepted',
        lines: 40,
        accepted: 40,
      },
    ],
  });
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  expect(aws.text(`evidence/logs/${sha256(signed.out)}`)).toBe(signed.out);
  // A local file comes into the archive of that database, too.
  const local = `${signed.out.split('\n')[0] ?? ''}\n`;
  writeFileSync(join(folder, 'local.jsonl'), local);
  expect((await custody(['ingest', join(folder, 'local.jsonl')])).exit).toBe(0);
  expect(aws.text(`evidence/logs/${sha256(local)}`)).toBe(local);
  const verified = await custody(['verify', `s3://logs/a%20b.jsonl?versionId=${versionId}`]);
  expect([verified.exit, verified.out]).toEqual([
    0,
    `s3://logs/a%20b.jsonl?versionId=${versionId}: accepted (40 lines: 40 accepted)\n`,
  ]);
});

test('objects that are missing, or no address, are named at once, and nothing is begun', async () => {
  const ended = await custody(['ingest', 's3://logs/none.jsonl', 's3://', 's3://logs/none2.jsonl']);
  expect(ended.exit).toBe(2);
  expect(ended.err).toContain('s3://logs/none.jsonl: the object is not there any more');
  expect(ended.err).toContain('s3://: this is not of the form s3://bucket/key');
  expect(ended.err).toContain('s3://logs/none2.jsonl');
});

test('a key that can’t sign, and a salt that KMS does not have, are refused', async () => {
  const unknown = await custody(['sign', '--kms', `${KEY}x`], record(1));
  expect([unknown.exit, unknown.out]).toEqual([2, '']);
  expect(unknown.err).toContain('there is no such key');
  const salt = await custody(['sign', '--kms', KEY, '--salt', 'max'], record(1));
  expect([salt.exit, salt.out]).toEqual([2, '']);
  const both = await custody(['sign', '--kms', KEY, '--key', 'k.pem'], record(1));
  expect(both.err).toContain('one of --key PRIVATE.pem and --kms KEY_ARN is needed');
});
