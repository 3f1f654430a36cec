import { createPublicKey } from 'node:crypto';
import type { Context } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { check } from '../../lib/compliance/check.ts';
import type { Report } from '../../lib/compliance/report.ts';
import { DEFAULT_SETTINGS } from '../../lib/compliance/rules.ts';
import { MANIFEST, verifyReport } from '../../lib/compliance/sealed-report.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { bringS3Log } from '../support/bring-s3-log.ts';
import { keptSecret } from '../support/lambda.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { wipe } from '../support/snapshot.ts';
import { StubAws, type Fault, type StubRequest } from '../support/stub-aws.ts';
import { testKey } from '../support/test-key.ts';

const REPORT_KEY = 'arn:aws:kms:eu-central-1:000000000000:key/report';
const producer = testKey();
const signer = testKey(3_072);

let graph: Graph;
let aws: StubAws;
beforeAll(async () => {
  graph = openGraph(neo4jLogin);
  aws = await StubAws.start();
  aws.keys.set(REPORT_KEY, {
    publicKey: createPublicKey(signer.publicPem),
    privateKey: signer.privateKey,
    usage: 'SIGN_VERIFY',
    algorithms: ['RSASSA_PSS_SHA_256'],
  });
});
beforeEach(async () => {
  await wipe(graph);
  aws.fault = () => null;
  aws.objects.clear();
  aws.messages.length = 0;
  const record = {
    type: 'model',
    model_name: 'orphan',
    git_commit: 'c',
    timestamp: '2026-01-01T00:00:00Z',
  };
  const log = `${signRecord(JSON.stringify(record), producer.privateKey, 'digest')}\n`;
  await bringS3Log(graph, aws, 'logs/a.jsonl', log, producer.key);
  await check(graph, DEFAULT_SETTINGS);
});
afterEach(() => vi.unstubAllEnvs());
afterAll(async () => {
  await aws.close();
  await graph.close();
});

interface Made {
  readonly folder: string;
  readonly complete: boolean;
}

/** A fresh container of the function. */
async function container(): Promise<(event?: object, remaining?: number) => Promise<Made>> {
  const environment = {
    ...aws.environment,
    CUSTODY_KEYS: producer.publicPem,
    CUSTODY_NEO4J_SECRET_ARN: keptSecret(aws, neo4jLogin),
    CUSTODY_EVIDENCE_BUCKET: 'evidence',
    CUSTODY_REPORT_KEY: `kms:${REPORT_KEY}`,
    CUSTODY_TOPIC_ARN: 'arn:aws:sns:eu-central-1:000000000000:alarms',
    POWERTOOLS_SERVICE_NAME: 'report',
    POWERTOOLS_METRICS_NAMESPACE: 'Custody',
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  vi.resetModules();
  const { handler } = await import('../../functions/report.ts');
  return (event = { from: new Date(Date.now() - 3_600_000).toISOString() }, remaining = 900_000) =>
    handler(event, { getRemainingTimeInMillis: () => remaining } as Context);
}

/** What lies in a folder of the evidence bucket, by name. */
function filesIn(folder: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const [place, versions] of aws.objects) {
    expect(versions, place).toHaveLength(1);
    const prefix = `evidence/${folder}`;
    const [first] = versions;
    if (place.startsWith(prefix) && first !== undefined)
      files.set(place.slice(prefix.length), first.bytes);
  }
  return files;
}

test('the report lies in the evidence bucket, signed by KMS, and the topic is told where', async () => {
  const make = await container();
  const { folder, complete } = await make();
  expect(complete).toBe(true);
  expect(folder).toMatch(/^reports\/[0-9TZ-]+_[0-9TZ.-]+\/[0-9TZ.-]+\/$/);
  const files = filesIn(folder);
  expect(verifyReport(files, [signer.key])).toHaveProperty('kid', signer.key.kid);
  const report = JSON.parse(Buffer.from(files.get('report.json') ?? []).toString()) as Report;
  expect(report.findings.items).toMatchObject([
    {
      rule: 'model-without-dataset',
      evidence: [{ status: 'verified', kid: producer.key.kid, line: 1 }],
    },
  ]);
  expect(aws.messages).toEqual([expect.stringContaining(`s3://evidence/${folder}`)]);
});

test('without a period it is the month before this one, in which no check ran', async () => {
  const make = await container();
  const { folder, complete } = await make({ source: 'aws.scheduler' });
  expect(complete).toBe(false);
  expect(folder).toMatch(/^reports\/\d{4}-\d\d-01T000000Z_\d{4}-\d\d-01T000000Z\//);
  expect(aws.messages).toEqual([expect.stringContaining('Not complete: NO_CHECK')]);
});

test('near its end it reads no more envelopes, and says so', async () => {
  const make = await container();
  const { folder, complete } = await make(undefined, 30_000);
  expect(complete).toBe(false);
  const report = Buffer.from(filesIn(folder).get('report.json') ?? []).toString();
  expect(report).toContain('EVIDENCE_UNREAD');
});

const isPut =
  (name: string) =>
  ({ action, target }: StubRequest): boolean =>
    action === 's3:PUT' && target.endsWith(name);

test.each<[string, (request: StubRequest) => boolean, Fault]>([
  ['KMS can’t be asked', ({ action }) => action === 'kms:GetPublicKey', { status: 500, code: 'X' }],
  ['KMS signs nothing', ({ action }) => action === 'kms:Sign', { status: 500, code: 'X' }],
  ['the JSON can’t be put', isPut('report.json'), { status: 503, code: 'SlowDown' }],
  ['the HTML can’t be put', isPut('report.html'), { status: 503, code: 'SlowDown' }],
  ['the manifest can’t be put', isPut(MANIFEST), { status: 403, code: 'AccessDenied' }],
  [
    'a log can’t be read',
    ({ target }) => target.startsWith('evidence/logs/'),
    { status: 503, code: 'X' },
  ],
])(
  'where %s the function fails, leaves no manifest, and makes a whole report the next time',
  async (_, goesWrong, fault) => {
    const make = await container();
    aws.fault = (request) => (goesWrong(request) ? fault : null);
    await expect(make()).rejects.toThrow('the report was not finished');
    expect([...aws.objects.keys()].filter((place) => place.endsWith(MANIFEST))).toEqual([]);
    expect(aws.messages).toEqual([]);
    aws.fault = () => null;
    const { folder } = await make();
    expect(verifyReport(filesIn(folder), [signer.key])).toHaveProperty('kid');
    expect(aws.messages).toHaveLength(1);
  },
);

test('where the topic takes no message the function fails; its next run makes another report and tells it', async () => {
  const make = await container();
  aws.fault = ({ action }) =>
    action === 'sns:Publish' ? { status: 500, code: 'InternalError' } : null;
  await expect(make()).rejects.toThrow('the report was not finished');
  aws.fault = () => null;
  const { folder } = await make();
  expect(aws.messages).toEqual([expect.stringContaining(folder)]);
});

test('an event that names no period that is over makes nothing', async () => {
  const make = await container();
  const before = [...aws.objects.keys()];
  await expect(make({ from: '2026-01-01', to: '9999-01-01' })).rejects.toThrow(
    'the report was not finished',
  );
  expect([...aws.objects.keys()]).toEqual(before);
});
