import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  IAMClient,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { awsKeySources } from '../../lib/aws/key-sources.ts';
import type { Report } from '../../lib/compliance/report.ts';
import { verifyReport } from '../../lib/compliance/sealed-report.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { ROUTES } from '../../lib/http/routes.ts';
import { loadKeys } from '../../lib/keys.ts';
import { startNeo4j, type EmbeddedNeo4j } from '../../lib/local/neo4j.ts';
import { parseCheckpoint } from '../../lib/tlog/checkpoint.ts';
import { openNote, parseNote, readVerifierKey } from '../../lib/tlog/note.ts';
import {
  ACCOUNT,
  lintTemplate,
  REGION,
  startMiniStack,
  type MiniStack,
} from '../support/ministack.ts';
import { emptyHome } from '../support/neo4j-home.ts';
import { packageInto, runTool } from '../support/package.ts';
import { signedFetch, type Credentials } from '../support/signed-fetch.ts';
import { graphSnapshot } from '../support/snapshot.ts';

const TEMPLATE = 'cloudformation-template-update-stack.json';
const NEO4J_HOME = '.custody/e2e/neo4j';

let folder: string;
let aws: MiniStack;
let neo4j: EmbeddedNeo4j;
let graph: Graph;
let s3: S3Client;
let sqs: SQSClient;
let lambda: LambdaClient;
let logs: CloudWatchLogsClient;
let keyArn: string;
let producer: Credentials;
let reader: Credentials;
let outputs: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'custody-e2e-'));
  await emptyHome(NEO4J_HOME);
  [aws, neo4j] = await Promise.all([
    startMiniStack(),
    startNeo4j({ home: NEO4J_HOME, boltPort: 0 }),
  ]);
  graph = openGraph(neo4j);
  s3 = new S3Client({ ...aws.client, forcePathStyle: true });
  sqs = new SQSClient(aws.client);
  lambda = new LambdaClient(aws.client);
  logs = new CloudWatchLogsClient(aws.client);
  const { KeyMetadata: key } = await new KMSClient(aws.client).send(
    new CreateKeyCommand({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }),
  );
  keyArn = key?.Arn ?? '';
  producer = await newUser('producer');
  reader = await newUser('reader');

  // The schedules are shortened, so that the tests see them run; all else is as it is deployed.
  const rates = { sweepRate: 'rate(1 minute)', checkRate: 'rate(1 minute)' };
  outputs = await deploy('prod', { ...trust(), ...rates });

  await allow('producer', 's3:PutObject', `arn:aws:s3:::${out('BucketName')}/*`);
  await allow('reader', 'execute-api:Invoke', `arn:aws:execute-api:${REGION}:${ACCOUNT}:*`);
  // The emulator leaves this part of the template out; test/deploy/template.test.ts proves that it is there.
  await s3.send(
    new PutObjectLockConfigurationCommand({
      Bucket: out('EvidenceBucketName'),
      ObjectLockConfiguration: {
        ObjectLockEnabled: 'Enabled',
        Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 190 } },
      },
    }),
  );
});

afterAll(async () => {
  aws?.stop();
  await graph?.close();
  await neo4j?.stop({ now: true });
  await rm(folder, { recursive: true, force: true });
});

const trust = (): Record<string, string> => ({
  keys: `kms:${keyArn}`,
  kmsKeyArns: keyArn,
  receiptReaderArn: `arn:aws:iam::${ACCOUNT}:user/producer`,
});

/** Deploys what the commands of package.json deploy; answers the stack's outputs. */
async function deploy(
  stage: string,
  settings: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  await packageInto(join(folder, stage), settings, stage);
  const argv = ['deploy', '--package', join(folder, stage), '--stage', stage];
  await runTool('serverless', argv, aws.environment);
  const { Stacks } = await new CloudFormationClient(aws.client).send(
    new DescribeStacksCommand({ StackName: `custody-${stage}` }),
  );
  return Object.fromEntries(
    (Stacks?.[0]?.Outputs ?? []).map(({ OutputKey: name = '', OutputValue: value = '' }) => [
      name,
      value,
    ]),
  );
}

function out(name: string, stack = outputs): string {
  const value = stack[name];
  if (value === undefined) throw new Error(`the stack has no output ${name}`);
  return value;
}

async function newUser(name: string): Promise<Credentials> {
  const iam = new IAMClient(aws.client);
  await iam.send(new CreateUserCommand({ UserName: name }));
  const { AccessKey: key } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
  return { accessKeyId: key?.AccessKeyId ?? '', secretAccessKey: key?.SecretAccessKey ?? '' };
}

async function allow(user: string, action: string, resource: string): Promise<void> {
  const Statement = [{ Effect: 'Allow', Action: action, Resource: resource }];
  await new IAMClient(aws.client).send(
    new PutUserPolicyCommand({
      UserName: user,
      PolicyName: `${action} ${resource}`.replaceAll(/[^\w]+/g, '-'),
      PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement }),
    }),
  );
}

/** The answer of `look` as soon as it has one. */
async function soon<T>(
  what: string,
  look: () => Promise<T | undefined>,
  seconds = 180,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await pause(200);
  }
  throw new Error(`${what}: not within ${seconds} s`);
}

const timestamp = '2026-01-05T09:00:00Z';

/** A log of a dataset, a model that used it and an inference. */
function signedLog(name: string): Promise<string> {
  return signed([
    { type: 'dataset', hash: `hash-${name}`, path: `s3://d/${name}`, description: '', timestamp },
    {
      type: 'model',
      model_name: name,
      git_commit: 'c1',
      hyperparameters: { lr: 0.1 },
      environment: {},
      dataset_hashes: [`hash-${name}`],
      timestamp,
    },
    {
      type: 'inference',
      id: `inference-${name}`,
      model_name: name,
      input: {},
      output: {},
      timestamp,
    },
  ]);
}

/** A log, signed with `custody sign --kms`. */
function signed(records: readonly object[]): Promise<string> {
  const plain = records.map((record) => `${JSON.stringify(record)}\n`).join('');
  const argv = ['cli/custody.mjs', 'sign', '--kms', keyArn];
  return runTool('node', argv, aws.environment, plain);
}

/** Drops a file in the bucket as a producer does; answers its version. */
async function drop(key: string, body: string, bucket = out('BucketName')): Promise<string> {
  const client = new S3Client({ ...aws.client, credentials: producer, forcePathStyle: true });
  const { VersionId: version } = await client.send(
    new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }),
  );
  return version ?? '';
}

interface Receipt {
  readonly object: string;
  readonly status: string;
  readonly lines: number;
  readonly accepted: number;
  readonly sha256: string;
  readonly rejected: readonly { line: number; code: string }[];
}

const receiptKey = (key: string, version: string, stack = outputs): string =>
  `receipts/${out('BucketName', stack)}/${key}@${version}.json`;

/** The receipt, read by the producer. */
async function receiptOf(key: string, version: string, stack = outputs): Promise<Receipt> {
  const client = new S3Client({ ...aws.client, credentials: producer, forcePathStyle: true });
  const place = {
    Bucket: out('EvidenceBucketName', stack),
    Key: receiptKey(key, version, stack),
  };
  return soon(`the receipt of ${key}`, async () => {
    const found = await client.send(new GetObjectCommand(place)).catch((error: unknown) => {
      // Whoever may not list a bucket is told 403 for what is not there.
      if (error instanceof Error && /^(NoSuchKey|AccessDenied)$/.test(error.name)) return undefined;
      throw error;
    });
    const text = await found?.Body?.transformToString();
    return text === undefined ? undefined : (JSON.parse(text) as Receipt);
  });
}

async function namesInGraph(name: string): Promise<unknown> {
  const [row] = await graph[database].run(
    `MATCH (d:Dataset)-[:USED_IN]->(m:Model {name: $name})-[:GENERATED]->(i:Inference)
     RETURN d.hash AS dataset, m.commit AS commit, i.id AS inference`,
    { name },
  );
  return row;
}

async function depth(queueUrl: string): Promise<number> {
  const { Attributes: found } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  return Object.values(found ?? {}).reduce((sum, count) => sum + Number(count), 0);
}

const emptied = (queueUrl: string): Promise<true> =>
  soon('an empty queue', async () => ((await depth(queueUrl)) === 0 ? true : undefined));

/** What the functions logged, as text. */
async function logged(name: string, stage = 'prod'): Promise<string> {
  const { events } = await logs.send(
    new FilterLogEventsCommand({ logGroupName: `/aws/lambda/custody-${stage}-${name}` }),
  );
  return (events ?? []).map(({ message }) => message).join('\n');
}

const api = (path: string): string =>
  `${aws.endpoint}/_aws/execute-api/${out('HttpApiId')}/$default${path}`;

// What S3 makes harder than it is: a space, a plus, a percent sign, a colon, letters beyond ASCII.
const KEY = 'team a/Übersicht + 100%/log:1 日本.jsonl';
let version: string;

test('cfn-lint finds nothing in the template', async () => {
  expect(await lintTemplate(join(folder, 'prod', TEMPLATE))).toBe('');
});

test('what S3 sends when the stack is made is acknowledged although the secret is not filled in yet', async () => {
  await soon('the test event', async () =>
    /s3:TestEvent/.test(await logged('ingest')) ? true : undefined,
  );
  await emptied(out('QueueUrl'));
  expect(await depth(out('DeadLetterQueueUrl'))).toBe(0);
  expect(await logged('ingest')).not.toContain('message.failed');
});

test('with the secret filled in, a log that KMS signed is in the graph as soon as it is dropped, and its producer can read the receipt', async () => {
  await new SecretsManagerClient(aws.client).send(
    new PutSecretValueCommand({
      SecretId: out('Neo4jSecretArn'),
      SecretString: JSON.stringify({
        NEO4J_URI: neo4j.uri,
        NEO4J_USERNAME: neo4j.username,
        NEO4J_PASSWORD: neo4j.password,
        NEO4J_DATABASE: 'neo4j',
      }),
    }),
  );
  version = await drop(KEY, await signedLog('good'));
  expect(await receiptOf(KEY, version)).toMatchObject({
    status: 'accepted',
    lines: 3,
    accepted: 3,
    rejected: [],
  });
  expect(await namesInGraph('good')).toEqual({
    dataset: 'hash-good',
    commit: 'c1',
    inference: 'inference-good',
  });
});

test('a log of which one byte was changed gets a receipt, and nothing of it is in the graph', async () => {
  const before = await graphSnapshot(graph);
  const log = (await signedLog('tampered')).replace('inference-tampered', 'inference-tampereD');
  expect(await receiptOf('tampered.jsonl', await drop('tampered.jsonl', log))).toMatchObject({
    status: 'rejected',
    lines: 3,
    accepted: 0,
    rejected: [{ line: 3, code: 'SIGNATURE_INVALID' }],
  });
  expect(await graphSnapshot(graph)).toEqual(before);
});

test('the same notification again changes neither the graph nor the receipt', async () => {
  const before = await graphSnapshot(graph);
  const key = encodeURIComponent(KEY).replaceAll('%20', '+');
  const s3Part = { bucket: { name: out('BucketName') }, object: { key, versionId: version } };
  const record = { eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3: s3Part };
  const again = new SendMessageCommand({
    QueueUrl: out('QueueUrl'),
    MessageBody: JSON.stringify({ Records: [record] }),
  });
  await Promise.all([sqs.send(again), sqs.send(again)]);
  await emptied(out('QueueUrl'));
  expect(await graphSnapshot(graph)).toEqual(before);
  const { Versions: kept } = await s3.send(
    new ListObjectVersionsCommand({
      Bucket: out('EvidenceBucketName'),
      Prefix: receiptKey(KEY, version).replace(/\.json$/, ''),
    }),
  );
  expect(kept?.map(({ Key }) => Key)).toEqual([receiptKey(KEY, version)]);
});

test('a receipt cannot be deleted before its time', async () => {
  const place = { Bucket: out('EvidenceBucketName'), Key: receiptKey(KEY, version) };
  const { Versions: kept } = await s3.send(
    new ListObjectVersionsCommand({ Bucket: place.Bucket, Prefix: place.Key }),
  );
  const VersionId = kept?.[0]?.VersionId;
  await expect(s3.send(new DeleteObjectCommand({ ...place, VersionId }))).rejects.toThrow(
    /Access Denied|object lock/i,
  );
  expect((await receiptOf(KEY, version)).status).toBe('accepted');
});

test('nonsense in a batch ends in the dead-letter queue, and the good log beside it in the graph', async () => {
  const mapping = await sourceMapping();
  await enable(mapping, false);
  const nonsense = { QueueUrl: out('QueueUrl'), MessageBody: '{"nonsense":1}' };
  await sqs.send(new SendMessageCommand(nonsense));
  const goodVersion = await drop('beside.jsonl', await signedLog('beside'));
  await soon('both messages', async () =>
    (await depth(out('QueueUrl'))) === 2 ? true : undefined,
  );
  await enable(mapping, true);
  expect(await receiptOf('beside.jsonl', goodVersion)).toMatchObject({ status: 'accepted' });
  expect(await namesInGraph('beside')).toMatchObject({ inference: 'inference-beside' });
  await soon('the nonsense', async () =>
    (await depth(out('DeadLetterQueueUrl'))) === 1 ? true : undefined,
  );
  await emptied(out('QueueUrl'));
});

async function sourceMapping(): Promise<string> {
  const { EventSourceMappings: found } = await lambda.send(
    new ListEventSourceMappingsCommand({ FunctionName: 'custody-prod-ingest' }),
  );
  return found?.[0]?.UUID ?? '';
}

async function enable(mapping: string, isEnabled: boolean): Promise<void> {
  await lambda.send(new UpdateEventSourceMappingCommand({ UUID: mapping, Enabled: isEnabled }));
  const wanted = isEnabled ? 'Enabled' : 'Disabled';
  await soon(`a source mapping that is ${wanted}`, async () => {
    const { EventSourceMappings: found } = await lambda.send(
      new ListEventSourceMappingsCommand({ FunctionName: 'custody-prod-ingest' }),
    );
    return found?.[0]?.State === wanted ? true : undefined;
  });
}

test.each(ROUTES.map(({ path }) => path))(
  'the HTTP API refuses %s to whoever has no credentials or no permission',
  async (path) => {
    expect([401, 403]).toContain((await fetch(api(path))).status);
    expect((await signedFetch(api(path), REGION, producer)).status).toBe(403);
    const forged = { ...reader, secretAccessKey: producer.secretAccessKey };
    expect((await signedFetch(api(path), REGION, forged)).status).toBe(403);
  },
);

test('a user who may use the HTTP API is told that the database answers and what became of the logs', async () => {
  const answered = async (path: string): Promise<unknown> => {
    const answer = await signedFetch(api(path), REGION, reader);
    return { code: answer.status, body: await answer.json() };
  };
  expect(await answered('/v1/health')).toMatchObject({ code: 200, body: { status: 'ok' } });
  expect(await answered('/v1/objects')).toMatchObject({
    code: 200,
    body: { items: [{ status: 'accepted' }, { status: 'rejected' }, { status: 'accepted' }] },
  });
  const { object } = await receiptOf(KEY, version);
  expect(await answered(`/v1/object?uri=${encodeURIComponent(object)}`)).toMatchObject({
    code: 200,
    body: { object, status: 'accepted', accepted: 3 },
  });
});

/** What the HTTP API answers the reader. */
async function answerTo<T>(path: string): Promise<T> {
  const answer = await signedFetch(api(path), REGION, reader);
  expect([path, answer.status]).toEqual([path, 200]);
  return (await answer.json()) as T;
}

interface Evidence {
  readonly digest?: string;
  readonly log: string;
  readonly line: number;
}

test('an inference’s lineage is answered down to the signed envelope of the dataset in the archive', async () => {
  const { items } = await answerTo<{ items: { id: string }[] }>('/v1/inferences');
  const lineage = await answerTo<{
    complete: boolean;
    nodes: { kind: string; evidence: Evidence }[];
  }>(`/v1/lineage?inference=${encodeURIComponent(items[0]?.id ?? '')}&direction=up`);
  expect(lineage.nodes.map(({ kind }) => kind)).toEqual(['inference', 'model', 'dataset']);
  expect(lineage.complete).toBe(true);
  const [inference, , dataset] = lineage.nodes;
  const { digest, ...place } = dataset?.evidence ?? {};
  expect(await answerTo(`/v1/evidence?digest=${digest}`)).toMatchObject({
    digest,
    complete: true,
    signings: [{ status: 'verified', ...place }],
  });
  for (const path of ['/v1/datasets', '/v1/models', '/v1/graph'])
    expect(await answerTo(path)).toMatchObject({ complete: true });
  // Payloads, and what they could be guessed from, take a permission of their own, which nobody was given.
  expect(Object.keys(inference?.evidence ?? {}).sort()).toEqual(['kid', 'line', 'log']);
  for (const path of [
    `/v1/evidence?inference=${encodeURIComponent(items[0]?.id ?? '')}`,
    `/v1/evidence?log=${inference?.evidence.log}&line=${inference?.evidence.line}`,
    '/v1/inferences?include=payload',
  ])
    expect((await signedFetch(api(path), REGION, reader)).status).toBe(403);
});

/** Every version in a bucket, delete markers included. */
async function versionsIn(
  Bucket: string,
  Prefix = '',
): Promise<{ Key: string; VersionId: string }[]> {
  const { Versions: kept = [], DeleteMarkers: markers = [] } = await s3.send(
    new ListObjectVersionsCommand({ Bucket, Prefix }),
  );
  return [...kept, ...markers].map(({ Key = '', VersionId = '' }) => ({ Key, VersionId }));
}

test('an accepted log is locked in the archive, and its evidence holds when every object of the bucket is deleted', async () => {
  const evidence = out('EvidenceBucketName');
  const receipts = await Promise.all([
    receiptOf(KEY, version),
    ...(await versionsIn(out('BucketName'), 'beside.jsonl')).map((of) =>
      receiptOf(of.Key, of.VersionId),
    ),
  ]);
  const archived = await versionsIn(evidence, 'logs/');
  // Each once, and nothing of what was rejected.
  expect(archived.map(({ Key }) => Key).sort()).toEqual(
    receipts.flatMap(({ sha256 }) => [`logs/${sha256}`, `logs/${sha256}.verdict.json`]).sort(),
  );
  for (const place of archived) {
    const found = await s3.send(new GetObjectCommand({ Bucket: evidence, ...place }));
    expect(found.ObjectLockMode).toBe('GOVERNANCE');
    const kept = Number(found.ObjectLockRetainUntilDate) - Date.now();
    expect(kept).toBeGreaterThan(189 * 86_400_000);
    await expect(s3.send(new DeleteObjectCommand({ Bucket: evidence, ...place }))).rejects.toThrow(
      /Access Denied|object lock/i,
    );
    const bytes = (await found.Body?.transformToByteArray()) ?? new Uint8Array();
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (!place.Key.endsWith('.json')) expect(place.Key).toBe(`logs/${sha256}`);
  }

  for (const dropped of await versionsIn(out('BucketName')))
    await s3.send(new DeleteObjectCommand({ Bucket: out('BucketName'), ...dropped }));
  expect(await versionsIn(out('BucketName'))).toEqual([]);
  const { items } = await answerTo<{ items: { hash: string; evidence: Evidence }[] }>(
    '/v1/datasets',
  );
  expect(items.map(({ hash }) => hash).sort()).toEqual(['hash-beside', 'hash-good']);
  for (const { evidence: of } of items)
    expect(await answerTo(`/v1/evidence?digest=${of.digest}`)).toMatchObject({
      signings: [{ status: 'verified', log: of.log, line: of.line }],
    });
});

test('a stack on an existing bucket and an existing secret ingests what has its prefix', async () => {
  const bucket = 'a-bucket-of-theirs';
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  await s3.send(
    new PutBucketVersioningCommand({
      Bucket: bucket,
      VersioningConfiguration: { Status: 'Enabled' },
    }),
  );
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: bucket,
      NotificationConfiguration: { EventBridgeConfiguration: {} },
    }),
  );
  await allow('producer', 's3:PutObject', `arn:aws:s3:::${bucket}/*`);
  const theirs = await deploy('theirs', {
    ...trust(),
    existingBucket: bucket,
    prefix: 'in/',
    neo4jSecretArn: out('Neo4jSecretArn'),
  });
  expect(theirs['BucketName']).toBe(bucket);
  await drop('elsewhere/log.jsonl', await signedLog('elsewhere'), bucket);
  const key = 'in/ü b+c.jsonl';
  const dropped = await drop(key, await signedLog('theirs'), bucket);
  expect(await receiptOf(key, dropped, theirs)).toMatchObject({ status: 'accepted', accepted: 3 });
  expect(await namesInGraph('theirs')).toMatchObject({ inference: 'inference-theirs' });
  await emptied(out('QueueUrl', theirs));
  expect(await namesInGraph('elsewhere')).toBeUndefined();
  expect(await logged('ingest', 'theirs')).not.toContain('elsewhere');
});

test('every receipt is in the tlog within minutes, under a checkpoint that the stack’s own key signed, and custody fsck derives all of it anew', async () => {
  const bucket = out('EvidenceBucketName');
  const appended = await soon('a line of the log function', async () => {
    const lines = (await logged('log')).split('\n').filter((line) => line.includes('log.appended'));
    return lines.at(-1);
  });
  const { key } = JSON.parse(appended) as { key: string };
  const verifier = readVerifierKey(key);
  if ('problem' in verifier) throw new Error(verifier.problem);
  expect(verifier.name).toBe(out('TlogOrigin'));
  const text = async (Key: string): Promise<string> => {
    const { Body: body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    return (await body?.transformToString()) ?? '';
  };
  const receipt = await text(receiptKey(KEY, version));
  const at = await soon('the index of the receipt', () =>
    text(`tlog/at/${createHash('sha256').update(receipt).digest('hex')}`).catch(() => undefined),
  );
  const { index } = JSON.parse(at) as { index: number };
  const answer = await signedFetch(api('/v1/log/checkpoint'), REGION, reader);
  const { checkpoint } = (await answer.json()) as { checkpoint: string };
  const note = parseNote(Buffer.from(checkpoint));
  if ('problem' in note) throw new Error(note.problem);
  expect(openNote(note, [verifier])).toMatchObject({ signed: [{ name: verifier.name }] });
  expect(parseCheckpoint(note.text)?.size).toBeGreaterThan(index);
  const argv = ['cli/custody.mjs', 'fsck', '--bucket', bucket, '--key', key];
  expect(await runTool('node', argv, aws.environment)).toBe('');
  expect(await logged('log')).not.toContain('log.failed');
});

test('the sweep can be run by hand and runs on its schedule', async () => {
  const { FunctionError: failed, Payload: answer } = await lambda.send(
    new InvokeCommand({ FunctionName: 'custody-prod-sweep', Payload: '{}' }),
  );
  const text = Buffer.from(answer ?? []).toString();
  expect([failed, JSON.parse(text)]).toMatchObject([
    undefined,
    { pendingLinks: 0, unfinishedObjects: 0 },
  ]);
  const runs = async (): Promise<number> =>
    ((await logged('sweep')).match(/"sweep\.done"/g) ?? []).length;
  const before = await runs();
  await soon('a scheduled sweep', async () => ((await runs()) > before ? true : undefined), 90);
});

/** A queue of its own that hears the stack's topic; what it has heard so far. */
async function listener(name: string): Promise<() => Promise<readonly string[]>> {
  const Endpoint = `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;
  const Statement = {
    Effect: 'Allow',
    Principal: { Service: 'sns.amazonaws.com' },
    Action: 'sqs:SendMessage',
    Resource: Endpoint,
    Condition: { ArnEquals: { 'aws:SourceArn': out('AlarmTopicArn') } },
  };
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [Statement] });
  const { QueueUrl = '' } = await sqs.send(
    new CreateQueueCommand({ QueueName: name, Attributes: { Policy } }),
  );
  await new SNSClient(aws.client).send(
    new SubscribeCommand({ TopicArn: out('AlarmTopicArn'), Protocol: 'sqs', Endpoint }),
  );
  const heard: string[] = [];
  return async () => {
    const { Messages: arrived = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
    );
    for (const { Body = '', ReceiptHandle } of arrived) {
      const { Subject, Message } = JSON.parse(Body) as { Subject: string; Message: string };
      heard.push(`${Subject}\n\n${Message}`);
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
    return heard;
  };
}

test('the compliance check runs on its schedule: the topic is told of a model without a dataset, the HTTP API lists it, and it settles', async () => {
  const heard = await listener('an-operator');
  const about = (key: string) => async (): Promise<string | undefined> =>
    (await heard()).find((text) => text.includes(key));
  const statusOf = async (key: string): Promise<unknown> => {
    const answer = await signedFetch(api('/v1/findings'), REGION, reader);
    const { items } = (await answer.json()) as { items: { key: string; status: string }[] };
    return items.find((item) => item.key === key)?.status;
  };
  const model = { type: 'model', model_name: 'orphan', git_commit: 'c1', timestamp };
  const dropped = await drop('orphan.jsonl', await signed([{ ...model, dataset_hashes: [] }]));
  expect(await receiptOf('orphan.jsonl', dropped)).toMatchObject({ status: 'accepted' });
  const key = 'model-without-dataset:{"commit":"c1","kind":"model","name":"orphan"}';
  const told = await soon('a message of a scheduled check', about(`New:\n  ${key}\n`), 100);
  expect(told).toMatch(/^Custody: \d+ new, \d+ settled\n/);
  expect(told).toContain('Drop a log with the dataset’s record');
  expect(await statusOf(key)).toBe('open');

  const mended = [{ ...model, dataset_hashes: ['hash-good'], timestamp: '2026-01-06T09:00:00Z' }];
  await receiptOf('mended.jsonl', await drop('mended.jsonl', await signed(mended)));
  // By hand, as an operator would who does not wait.
  const { FunctionError: failed } = await lambda.send(
    new InvokeCommand({ FunctionName: 'custody-prod-check', Payload: '{}' }),
  );
  expect(failed).toBeUndefined();
  await soon('a message that it has settled', about(`Settled:\n  ${key}\n`));
  expect(await statusOf(key)).toBe('settled');
}, 240_000);

test('the report is kept, signed by the stack’s own key, where nobody can change it, and the topic is told', async () => {
  const heard = await listener('an-auditor');
  const from = `${new Date(Date.now() - 3_600_000).toISOString().slice(0, 19)}Z`;
  const { FunctionError: failed, Payload: payload } = await lambda.send(
    new InvokeCommand({ FunctionName: 'custody-prod-report', Payload: JSON.stringify({ from }) }),
  );
  expect(failed).toBeUndefined();
  const { folder: place } = JSON.parse(Buffer.from(payload ?? []).toString()) as { folder: string };
  const evidence = { Bucket: out('EvidenceBucketName') };
  const files = new Map<string, Uint8Array>();
  for (const name of ['report.json', 'report.html', 'manifest.dsse.json']) {
    const found = await s3.send(new GetObjectCommand({ ...evidence, Key: `${place}${name}` }));
    expect(found.ObjectLockMode).toBe('GOVERNANCE');
    files.set(name, (await found.Body?.transformToByteArray()) ?? new Uint8Array());
  }
  Object.assign(process.env, aws.environment);
  const keys = await loadKeys([`kms:${out('ReportKeyArn')}`], awsKeySources);
  expect(verifyReport(files, keys)).toMatchObject({ kid: keys[0]?.kid, says: { from } });
  const { findings, objects } = JSON.parse(
    Buffer.from(files.get('report.json') ?? []).toString(),
  ) as Report;
  const orphan = findings.items.find(
    ({ rule, key }) => rule === 'model-without-dataset' && key.includes('"name":"orphan"'),
  );
  expect(orphan).toMatchObject({ status: 'settled', evidence: [{ status: 'verified' }] });
  expect(objects.byStatus.map(({ status }) => status)).toEqual(
    expect.arrayContaining(['accepted', 'rejected']),
  );
  await soon('a message that the report is there', async () =>
    (await heard()).find((text) => text.includes(`/${place}`)),
  );
  files.set('report.html', Buffer.from('another'));
  expect(verifyReport(files, keys)).toHaveProperty('problems');
}, 240_000);

test('the password is in no log and in no function’s settings', async () => {
  const texts = [
    await readFile(aws.logFile, 'utf8'),
    await readFile(join(folder, 'prod', TEMPLATE), 'utf8'),
  ];
  for (const name of [
    'ingest',
    'sweep',
    'check',
    'report',
    'log',
    ...new Set(ROUTES.map(({ resource }) => resource)),
  ]) {
    texts.push(await logged(name));
    const settings = await lambda.send(
      new GetFunctionConfigurationCommand({ FunctionName: `custody-prod-${name}` }),
    );
    texts.push(JSON.stringify(settings));
  }
  expect(texts.join()).toContain('"object.accepted"');
  for (const text of texts) expect(text).not.toContain(neo4j.password);
});
