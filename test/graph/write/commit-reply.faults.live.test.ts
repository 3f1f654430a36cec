import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { s3Client, s3Object } from '../../../lib/aws/s3-object.ts';
import { openGraph, type Graph } from '../../../lib/graph/connection.ts';
import { ingestObject } from '../../../lib/ingest/ingest.ts';
import type { Receipt } from '../../../lib/ingest/receipt.ts';
import { BoltProxy } from '../../support/bolt-proxy.ts';
import { someOf } from '../../support/depth.ts';
import { lineageLog } from '../../support/lineage-log.ts';
import { localStores } from '../../support/local-stores.ts';
import { neo4jLogin } from '../../support/neo4j-login.ts';
import { graphSnapshot, wipe } from '../../support/snapshot.ts';
import { StubAws } from '../../support/stub-aws.ts';
import { testKey } from '../../support/test-key.ts';

// Ten of these fill the mebibyte of a batch.
const INPUT = 'x'.repeat(100_000);
const INFERENCES = 200;
const LINES = INFERENCES + 4;

const { privateKey, key } = testKey();
const folder = mkdtempSync(join(tmpdir(), 'custody-'));
let graph: Graph;
let proxy: BoltProxy;
let aws: StubAws;
beforeAll(async () => {
  graph = openGraph(neo4jLogin);
  proxy = await BoltProxy.start(neo4jLogin.uri);
  aws = await StubAws.start();
  Object.assign(process.env, aws.environment);
});
afterAll(async () => {
  await proxy.close();
  await aws.close();
  await graph.close();
  rmSync(folder, { recursive: true });
});

test(
  'the lost reply of any COMMIT of an object of 20 batches changes neither graph nor counts',
  { timeout: 1_800_000 },
  async () => {
    aws.put('logs/a.jsonl', lineageLog(privateKey, INFERENCES, INPUT));
    const s3 = s3Client();
    const ingest = async (loses: (commit: number) => boolean): Promise<Receipt> => {
      await wipe(graph);
      proxy.commits = 0;
      proxy.losesReplyOf = loses;
      const disturbed = openGraph({ ...neo4jLogin, uri: proxy.uri });
      try {
        const object = await s3Object(s3, { bucket: 'logs', key: 'a.jsonl' });
        const options = { keys: [key], onBadLine: 'reject' } as const;
        return await ingestObject(object, localStores(disturbed, folder), options);
      } finally {
        await disturbed.close();
      }
    };
    const whole = { status: 'accepted', lines: LINES, accepted: LINES, duplicate: 0 };
    expect(await ingest(() => false)).toMatchObject(whole);
    const { commits } = proxy;
    // A read is a transaction with a COMMIT, too.
    expect(commits).toBeGreaterThan(20);
    const undisturbed = await graphSnapshot(graph);
    for (const lost of someOf(Array.from({ length: commits }, (_, index) => index + 1))) {
      expect(await ingest((commit) => commit === lost)).toMatchObject(whole);
      expect(proxy.commits).toBeGreaterThan(lost);
      expect(await graphSnapshot(graph)).toEqual(undisturbed);
    }
    expect(await ingest((commit) => commit % 2 === 1)).toMatchObject(whole);
    expect(await graphSnapshot(graph)).toEqual(undisturbed);
  },
);
