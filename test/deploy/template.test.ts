import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, parse } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROUTES } from '../../lib/http/routes.ts';
import { MOST_BYTES } from '../../scripts/most-bytes.ts';
import { packageInto } from '../support/package.ts';
import {
  resourcesOf,
  statementsOf,
  type Json,
  type Part,
  type Resource,
} from '../support/template.ts';
import { testKey } from '../support/test-key.ts';

let folder: string;
let file: string;
let resources: Resource[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'custody-package-'));
  await packageInto(join(folder, 'default'), { keys: 'kms:alias/signer' });
  file = templateIn('default');
  resources = await resourcesOf(file);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const templateIn = (name: string): string =>
  join(folder, name, 'cloudformation-template-update-stack.json');

const every = (type: string, among = resources): Resource[] =>
  among.filter((resource) => resource.type === type);

function only(id: string, among = resources): Part {
  const found = among.find((resource) => resource.id === id);
  if (found === undefined) throw new Error(`the template has no ${id}`);
  return found.properties;
}

const SHARED = ['NODE_OPTIONS', 'POWERTOOLS_METRICS_NAMESPACE', 'POWERTOOLS_SERVICE_NAME'];
const LOG = ['logs:CreateLogStream', 'logs:PutLogEvents'];
const SECRET = 'secretsmanager:GetSecretValue';

const QUERY = { environment: ['CUSTODY_NEO4J_SECRET_ARN'], actions: [...LOG, SECRET] } as const;

const FUNCTIONS = {
  audit: {
    environment: ['CUSTODY_EVIDENCE_BUCKET', 'CUSTODY_NEO4J_SECRET_ARN'],
    actions: [
      ...LOG,
      's3:GetObject',
      's3:GetObjectVersion',
      's3:ListBucket',
      's3:PutObject',
      SECRET,
    ],
  },
  check: {
    environment: ['CUSTODY_KEYS', 'CUSTODY_NEO4J_SECRET_ARN', 'CUSTODY_RULES', 'CUSTODY_TOPIC_ARN'],
    actions: [...LOG, SECRET, 'sns:Publish'],
  },
  compliance: QUERY,
  datasets: QUERY,
  evidence: {
    environment: [
      'CUSTODY_EVIDENCE_BUCKET',
      'CUSTODY_KEYS',
      'CUSTODY_NEO4J_SECRET_ARN',
      'CUSTODY_PAYLOAD_READERS',
    ],
    actions: [...LOG, 's3:GetObject', 's3:GetObjectVersion', 's3:ListBucket', SECRET],
  },
  inferences: {
    environment: ['CUSTODY_NEO4J_SECRET_ARN', 'CUSTODY_PAYLOAD_READERS'],
    actions: [...LOG, SECRET],
  },
  ingest: {
    environment: [
      'CUSTODY_BUCKET',
      'CUSTODY_EVIDENCE_BUCKET',
      'CUSTODY_KEYS',
      'CUSTODY_NEO4J_SECRET_ARN',
      'CUSTODY_ON_BAD_LINE',
      'CUSTODY_PAYLOAD',
      'CUSTODY_PREFIX',
      'CUSTODY_QUEUE_URL',
    ],
    actions: [
      ...LOG,
      's3:AbortMultipartUpload',
      's3:GetObject',
      's3:GetObjectVersion',
      's3:ListBucket',
      's3:PutObject',
      SECRET,
      'sqs:ChangeMessageVisibility',
      'sqs:DeleteMessage',
      'sqs:GetQueueAttributes',
      'sqs:ReceiveMessage',
      'sqs:SendMessage',
    ],
  },
  lineage: { ...QUERY, environment: ['CUSTODY_KEYS', 'CUSTODY_NEO4J_SECRET_ARN'] },
  log: {
    environment: ['CUSTODY_EVIDENCE_BUCKET', 'CUSTODY_TLOG_KEY', 'CUSTODY_TLOG_ORIGIN'],
    actions: [
      'kms:GetPublicKey',
      'kms:Sign',
      ...LOG,
      's3:DeleteObject',
      's3:GetObject',
      's3:ListBucket',
      's3:PutObject',
    ],
  },
  models: QUERY,
  objects: QUERY,
  page: { environment: [], actions: LOG },
  report: {
    environment: [
      'CUSTODY_EVIDENCE_BUCKET',
      'CUSTODY_KEYS',
      'CUSTODY_NEO4J_SECRET_ARN',
      'CUSTODY_REPORT_KEY',
      'CUSTODY_RULES',
      'CUSTODY_TOPIC_ARN',
    ],
    actions: [
      'kms:GetPublicKey',
      'kms:Sign',
      ...LOG,
      's3:GetObject',
      's3:GetObjectVersion',
      's3:ListBucket',
      's3:PutObject',
      SECRET,
      'sns:Publish',
    ],
  },
  sweep: {
    environment: ['CUSTODY_BUCKET', 'CUSTODY_NEO4J_SECRET_ARN', 'CUSTODY_QUEUE_URL'],
    actions: [...LOG, SECRET, 'sqs:GetQueueAttributes', 'sqs:SendMessage'],
  },
} as const;
const NAMES = Object.keys(FUNCTIONS) as (keyof typeof FUNCTIONS)[];

/** Of the page, which no table of routes holds. */
const PAGE_PATHS = ['/', '/app.js', '/app.css', '/openapi.json'];

const lambda = (name: string): Part =>
  only(`${name.charAt(0).toUpperCase()}${name.slice(1)}LambdaFunction`);
const roleOf = (name: string): string =>
  ((lambda(name)['Role'] as Part)['Fn::GetAtt'] as string[])[0] ?? '';

test('every file of functions/ is one function of serverless.yml', async () => {
  const files = (await readdir('functions')).map((name) => parse(name).name).sort();
  expect(files).toEqual(NAMES);
  expect(every('AWS::Lambda::Function')).toHaveLength(NAMES.length);
});

/** What verifies whole logs keeps what is short-lived in 4 MB, as the command does. */
const FLAGS: Partial<Record<string, string[]>> = { ingest: ['--max-semi-space-size=4'] };

test.each(NAMES)('%s is given exactly the variables that it reads', (name) => {
  const variables = (lambda(name)['Environment'] as Part)['Variables'] as Part;
  expect(Object.keys(variables).sort()).toEqual([...FUNCTIONS[name].environment, ...SHARED].sort());
  expect(variables).toMatchObject({
    NODE_OPTIONS: ['--enable-source-maps', ...(FLAGS[name] ?? [])].join(' '),
    POWERTOOLS_METRICS_NAMESPACE: 'Custody',
    POWERTOOLS_SERVICE_NAME: name,
  });
});

test.each(NAMES)('%s runs on Node 24, on arm64, and logs JSON', (name) => {
  expect(lambda(name)).toMatchObject({
    Handler: `dist/${name}.handler`,
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
    LoggingConfig: { LogFormat: 'JSON' },
  });
});

test.each(NAMES)('%s may do exactly what it does', (name) => {
  const allowed = statementsOf(resources).filter((statement) => statement.in === roleOf(name));
  const actions = new Set(allowed.flatMap((statement) => statement.actions));
  expect([...actions].sort()).toEqual([...FUNCTIONS[name].actions].sort());
  expect(allowed.every(({ effect }) => effect === 'Allow')).toBe(true);
  const log = allowed.find(({ actions: of }) => of.includes('logs:PutLogEvents'));
  expect(log?.resources).toEqual([
    { 'Fn::GetAtt': [`${roleOf(name).replace(/Role$/, '')}LogGroup`, 'Arn'] },
  ]);
});

test('every function has a role of its own', () => {
  expect(new Set(NAMES.map(roleOf)).size).toBe(NAMES.length);
  expect(
    every('AWS::IAM::Role').flatMap(({ properties }) => properties['ManagedPolicyArns'] ?? []),
  ).toEqual([]);
});

test('a stack without a key, with a path or with half of a PEM block is refused', async () => {
  const { Parameters } = JSON.parse(await readFile(file, 'utf8')) as {
    Parameters: { Keys: { AllowedPattern: string } };
  };
  const isAllowed = (keys: string): boolean =>
    new RegExp(`^(?:${Parameters.Keys.AllowedPattern})$`).test(keys);
  const { publicPem } = testKey();
  for (const keys of [
    'kms:alias/a',
    'ring:s3://b/ring.json',
    publicPem,
    ` kms:arn:a,\n${publicPem}${publicPem}, kms:b `,
  ])
    expect(isAllowed(keys)).toBe(true);
  for (const keys of [
    '',
    ' ',
    'file:a.pem',
    'a.pem',
    'ring:ring.json',
    publicPem.split('\n')[0] ?? '',
    'kms:a file:b',
  ])
    expect(isAllowed(keys)).toBe(false);
});

test('what verifies may fetch the public half of the named KMS keys, what reports and the log may sign with their own, and no other', async () => {
  const kms = (among: readonly Resource[]): readonly Json[] =>
    statementsOf(among)
      .filter(({ actions }) => actions.some((action) => action.startsWith('kms:')))
      .filter(({ principal }) => principal === undefined)
      .map(({ in: role, actions, resources: keys }) => [role, ...actions, ...keys]);
  const [checkpoints, reports] = [
    ['LogRole', 'kms:GetPublicKey', 'kms:Sign', { 'Fn::GetAtt': ['TlogKey', 'Arn'] }],
    ['ReportRole', 'kms:GetPublicKey', 'kms:Sign', { 'Fn::GetAtt': ['ReportKey', 'Arn'] }],
  ];
  expect(kms(resources)).toEqual([checkpoints, reports]);
  const two = await resourcesOf(file, { KmsKeyArns: 'arn:one,arn:two' });
  const [ingest, evidence, report] = ['IngestRole', 'EvidenceRole', 'ReportRole'].map((role) => [
    role,
    'kms:GetPublicKey',
    'arn:one',
    'arn:two',
  ]);
  expect(kms(two)).toEqual([ingest, evidence, checkpoints, report, reports]);
});

test('what verifies, grades and checks may read the one object that is the key ring, and nothing may write it', async () => {
  const ring = 'arn:aws:s3:::keys/ring.json';
  const given = await resourcesOf(file, { RingArn: ring });
  const reads = statementsOf(given).filter(({ resources: of }) => of.includes(ring));
  expect(reads.map(({ in: role }) => role).sort()).toEqual(
    ['CheckRole', 'EvidenceRole', 'IngestRole', 'LineageRole', 'ReportRole'].sort(),
  );
  for (const { actions } of reads) expect(actions).toEqual(['s3:GetObject', 's3:GetObjectVersion']);
});

test('ingest alone may decrypt objects, by the keys that are named', async () => {
  const given = await resourcesOf(file, { SourceKmsKeyArns: 'arn:one,arn:two' });
  const decrypts = statementsOf(given).filter(({ actions }) => actions.includes('kms:Decrypt'));
  expect(decrypts).toMatchObject([{ in: 'IngestRole', resources: ['arn:one', 'arn:two'] }]);
});

test('ingest alone puts logs into the archive, nobody deletes from the evidence bucket but what waited for the tlog, and nobody lifts its lock', () => {
  const logs = JSON.stringify({ 'Fn::Sub': '${EvidenceBucket.Arn}/logs/*' });
  const puts = statementsOf(resources).filter(
    ({ actions, resources: on }) =>
      actions.includes('s3:PutObject') && on.some((of) => JSON.stringify(of) === logs),
  );
  expect(puts.map(({ in: role }) => role)).toEqual(['IngestRole']);
  const lifting = /^s3:(Delete|PutObjectRetention|PutObjectLegalHold|Bypass)/;
  const allowed = statementsOf(resources).filter(({ effect }) => effect === 'Allow');
  const lifted = allowed.filter(({ actions }) => actions.some((of) => lifting.test(of)));
  expect(lifted).toMatchObject([
    {
      in: 'LogRole',
      actions: ['s3:DeleteObject'],
      resources: [{ 'Fn::Sub': '${EvidenceBucket.Arn}/tlog/pending/*' }],
    },
  ]);
});

test('what answers and reports reads the archive, and not the bucket where logs are dropped', () => {
  for (const role of ['EvidenceRole', 'ReportRole']) {
    const reads = statementsOf(resources)
      .filter(({ in: of, actions }) => of === role && actions.includes('s3:GetObjectVersion'))
      .flatMap(({ resources: on }) => on);
    expect(reads).toEqual([{ 'Fn::Sub': '${EvidenceBucket.Arn}/logs/*' }]);
  }
});

test('reports, and the checkpoints of the tlog, are signed with keys that are made for nothing else and are never deleted with the stack', () => {
  expect(every('AWS::KMS::Key')).toMatchObject([
    {
      id: 'ReportKey',
      deletionPolicy: 'Retain',
      properties: { KeySpec: 'RSA_3072', KeyUsage: 'SIGN_VERIFY' },
    },
    {
      id: 'TlogKey',
      deletionPolicy: 'Retain',
      properties: { KeySpec: 'ECC_NIST_EDWARDS25519', KeyUsage: 'SIGN_VERIFY' },
    },
  ]);
});

test('nothing is allowed by a wildcard action, to everybody or on every resource', async () => {
  const all = await resourcesOf(file, {
    KmsKeyArns: 'arn:k',
    ExistingBucket: 'theirs',
    ReceiptReaderArn: 'arn:aws:iam::000000000000:role/auditor',
  });
  for (const { effect, actions, resources: on, principal } of [
    ...statementsOf(resources),
    ...statementsOf(all),
  ]) {
    if (effect !== 'Allow') continue;
    expect(actions.filter((action) => action.includes('*'))).toEqual([]);
    expect(on.filter((resource) => /[":]\*"/.test(JSON.stringify(resource)))).toEqual([]);
    expect(principal).not.toBe('*');
    expect((principal as Part | undefined)?.['AWS']).not.toBe('*');
  }
});

test('buckets, queues and the topic refuse unencrypted transport', () => {
  const plain = /^\{"Bool":\{"aws:SecureTransport":"?false"?\}\}$/;
  const refusing = statementsOf(resources)
    .filter(({ effect, principal }) => effect === 'Deny' && principal === '*')
    .filter(({ condition }) => plain.test(JSON.stringify(condition)))
    .map(({ in: policy }) => policy);
  expect(refusing.sort()).toEqual([
    'AlarmTopicPolicy',
    'EvidenceBucketPolicy',
    'IngestDeadLetterQueuePolicy',
    'IngestQueuePolicy',
    'ServerlessDeploymentBucketPolicy',
    'SourceBucketPolicy',
  ]);
});

test('every bucket is private, versioned and encrypted', () => {
  const buckets = every('AWS::S3::Bucket');
  expect(buckets.map(({ id }) => id).sort()).toEqual([
    'EvidenceBucket',
    'ServerlessDeploymentBucket',
    'SourceBucket',
  ]);
  for (const { properties } of buckets)
    expect(properties).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      VersioningConfiguration: { Status: 'Enabled' },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } },
        ],
      },
    });
});

test('logs, receipts, credentials and the keys of the reports and of the tlog outlive the stack', () => {
  const kept = resources.filter(({ deletionPolicy }) => deletionPolicy === 'Retain');
  expect(kept.map(({ id }) => id).sort()).toEqual([
    'EvidenceBucket',
    'Neo4jSecret',
    'ReportKey',
    'SourceBucket',
    'TlogKey',
  ]);
});

test('a receipt is locked for 190 days in governance mode', () => {
  expect(only('EvidenceBucket')).toMatchObject({
    ObjectLockEnabled: true,
    ObjectLockConfiguration: {
      ObjectLockEnabled: 'Enabled',
      Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 190 } },
    },
  });
});

test('a notification that fails twenty times waits two weeks in the dead-letter queue', () => {
  expect(only('IngestQueue')['RedrivePolicy']).toEqual({
    deadLetterTargetArn: { 'Fn::GetAtt': ['IngestDeadLetterQueue', 'Arn'] },
    maxReceiveCount: 20,
  });
  expect(only('IngestDeadLetterQueue')['MessageRetentionPeriod']).toBe(14 * 86_400);
  for (const { properties } of every('AWS::SQS::Queue'))
    expect(properties['SqsManagedSseEnabled']).toBe(true);
});

test('no message is handed out again while a function may still work on it', () => {
  const visibility = only('IngestQueue')['VisibilityTimeout'] as number;
  expect(visibility).toBeGreaterThanOrEqual(6 * (lambda('ingest')['Timeout'] as number));
});

test('one bad message fails alone, and four objects at most are ingested side by side', () => {
  const [mapping, ...others] = every('AWS::Lambda::EventSourceMapping');
  expect(others).toEqual([]);
  expect(mapping?.properties).toMatchObject({
    EventSourceArn: { 'Fn::GetAtt': ['IngestQueue', 'Arn'] },
    FunctionName: { 'Fn::GetAtt': ['IngestLambdaFunction', 'Arn'] },
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    // An object shares its call with no other.
    BatchSize: 1,
    ScalingConfig: { MaximumConcurrency: 4 },
  });
});

test('only the bucket of this account gets messages into the queue', () => {
  const allowed = statementsOf(resources).filter(
    ({ in: policy, effect }) => policy === 'IngestQueuePolicy' && effect === 'Allow',
  );
  const arn = `arn:\${AWS::Partition}:s3:::${(only('SourceBucket')['BucketName'] as Part)['Fn::Sub'] as string}`;
  expect(allowed).toEqual([
    {
      in: 'IngestQueuePolicy',
      effect: 'Allow',
      actions: ['sqs:SendMessage'],
      resources: [{ 'Fn::GetAtt': ['IngestQueue', 'Arn'] }],
      principal: { Service: 's3.amazonaws.com' },
      condition: {
        ArnEquals: { 'aws:SourceArn': { 'Fn::Sub': arn } },
        StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
      },
    },
  ]);
});

test('an existing bucket is left as it is and reports through EventBridge', async () => {
  const given = await resourcesOf(file, { ExistingBucket: 'theirs', Prefix: 'logs/' });
  expect(every('AWS::S3::Bucket', given).map(({ id }) => id)).not.toContain('SourceBucket');
  expect(every('AWS::S3::BucketPolicy', given).map(({ id }) => id)).not.toContain(
    'SourceBucketPolicy',
  );
  expect(only('ExistingBucketRule', given)).toMatchObject({
    EventPattern: {
      source: ['aws.s3'],
      'detail-type': ['Object Created'],
      detail: { bucket: { name: ['theirs'] }, object: { key: [{ prefix: 'logs/' }] } },
    },
    Targets: [{ Arn: { 'Fn::GetAtt': ['IngestQueue', 'Arn'] } }],
  });
  const senders = statementsOf(given).filter(
    ({ in: policy, effect }) => policy === 'IngestQueuePolicy' && effect === 'Allow',
  );
  expect(senders.map(({ principal }) => principal)).toEqual([{ Service: 'events.amazonaws.com' }]);
  const { CUSTODY_BUCKET: bucket } = (only('IngestLambdaFunction', given)['Environment'] as Part)[
    'Variables'
  ] as Part;
  expect(bucket).toBe('theirs');
});

test('a prefix narrows the notifications and what ingest may read', async () => {
  const given = await resourcesOf(file, { Prefix: 'logs/' });
  expect(only('SourceBucket', given)['NotificationConfiguration']).toMatchObject({
    QueueConfigurations: [
      {
        Event: 's3:ObjectCreated:*',
        Filter: { S3Key: { Rules: [{ Name: 'prefix', Value: 'logs/' }] } },
      },
    ],
  });
  const read = statementsOf(given).find(({ actions }) => actions.includes('s3:GetObjectVersion'));
  expect(JSON.stringify(read?.resources)).toContain('${Bucket}/${Prefix}*');
});

test('an existing secret is used instead of a new one', async () => {
  const given = await resourcesOf(file, { Neo4jSecretArn: 'arn:theirs' });
  expect(every('AWS::SecretsManager::Secret', given)).toEqual([]);
  const read = statementsOf(given).filter(({ actions }) => actions.includes(SECRET));
  const readers = NAMES.filter((name) => FUNCTIONS[name].actions.some((of) => of === SECRET));
  expect(read.map(({ resources: on }) => on)).toEqual(readers.map(() => ['arn:theirs']));
});

test('receipts and reports can be read by nobody else, or by the one who is named', async () => {
  const readers = (among: readonly Resource[]): Json[] =>
    statementsOf(among)
      .filter(({ in: policy, effect }) => policy === 'EvidenceBucketPolicy' && effect === 'Allow')
      .flatMap(({ principal, actions, resources: on }) => [principal ?? null, ...actions, ...on]);
  expect(readers(resources)).toEqual([]);
  expect(readers(await resourcesOf(file, { ReceiptReaderArn: 'arn:auditor' }))).toEqual([
    { AWS: 'arn:auditor' },
    's3:GetObject',
    's3:GetObjectVersion',
    { 'Fn::Sub': '${EvidenceBucket.Arn}/receipts/*' },
    { 'Fn::Sub': '${EvidenceBucket.Arn}/reports/*' },
    { 'Fn::Sub': '${EvidenceBucket.Arn}/tlog/*' },
  ]);
});

test.each([
  ['AWS_IAM', {}],
  ['JWT', { authorizer: 'jwt', jwtIssuer: 'https://issuer.example/', jwtAudience: 'custody' }],
] as const)('the HTTP API has no open route, under %s', async (type, settings) => {
  if (type === 'JWT') await packageInto(join(folder, type), settings);
  const among = type === 'JWT' ? await resourcesOf(templateIn(type)) : resources;
  const routes = every('AWS::ApiGatewayV2::Route', among);
  expect(routes.map(({ properties }) => properties['RouteKey'] as string).sort()).toEqual(
    [...ROUTES.map(({ path }) => path), ...PAGE_PATHS].map((path) => `GET ${path}`).sort(),
  );
  for (const { properties } of routes) expect(properties['AuthorizationType']).toBe(type);
  const authorizers = every('AWS::ApiGatewayV2::Authorizer', among);
  expect(authorizers.map(({ properties }) => properties['JwtConfiguration'])).toEqual(
    type === 'JWT' ? [{ Audience: ['custody'], Issuer: 'https://issuer.example/' }] : [],
  );
  expect(every('AWS::Lambda::Url', among)).toEqual([]);
});

test('each route is answered by the function of its resource', () => {
  const functionOf = new Map(
    every('AWS::ApiGatewayV2::Route').map(({ properties }) => {
      const target = JSON.stringify(properties['Target']);
      const integration = /"Ref":"(HttpApiIntegration\w+)"/.exec(target)?.[1] ?? '';
      return [
        (properties['RouteKey'] as string).replace('GET ', ''),
        JSON.stringify(only(integration)['IntegrationUri']),
      ];
    }),
  );
  for (const { path, resource } of ROUTES)
    expect([path, functionOf.get(path)]).toEqual([
      path,
      expect.stringContaining(
        `"${resource.charAt(0).toUpperCase()}${resource.slice(1)}LambdaFunction"`,
      ),
    ]);
});

test('every function that is invoked by a service is invoked by this stack alone', () => {
  for (const { properties } of every('AWS::Lambda::Permission')) {
    expect(properties['Principal']).toBe('apigateway.amazonaws.com');
    expect(JSON.stringify(properties['SourceArn'])).toContain('{"Ref":"HttpApi"}');
  }
  for (const name of ['Sweep', 'Check']) {
    const schedule = statementsOf(resources).filter(({ in: of }) => of === `${name}ScheduleRole`);
    expect(schedule).toMatchObject([
      {
        actions: ['lambda:InvokeFunction'],
        resources: [{ 'Fn::GetAtt': [`${name}LambdaFunction`, 'Arn'] }],
      },
    ]);
  }
});

test('the sweep runs every quarter of an hour, the log each minute, the compliance check every six hours, the audit every hour, the report every month', () => {
  const scheduled = (name: string, rate: string): object => ({
    ScheduleExpression: rate,
    State: 'ENABLED',
    Target: {
      Arn: { 'Fn::GetAtt': [`${name}LambdaFunction`, 'Arn'] },
      RoleArn: { 'Fn::GetAtt': [`${name}ScheduleRole`, 'Arn'] },
    },
  });
  const found = every('AWS::Scheduler::Schedule').map(({ properties }) => properties);
  expect(found).toMatchObject([
    scheduled('Sweep', 'rate(15 minutes)'),
    scheduled('Log', 'rate(1 minute)'),
    scheduled('Check', 'rate(6 hours)'),
    scheduled('Audit', 'rate(1 hour)'),
    scheduled('Report', 'cron(0 6 1 * ? *)'),
  ]);
});

test('no page of another origin may ask the HTTP API from a browser, unless its origin is named', async () => {
  const cors = (among: readonly Resource[]): unknown =>
    among.find(({ type }) => type === 'AWS::ApiGatewayV2::Api')?.properties['CorsConfiguration'];
  expect(cors(resources)).toBeUndefined();
  const named = { CorsOrigins: 'https://a.example,https://b.example' };
  expect(cors(await resourcesOf(file, named))).toMatchObject({
    AllowOrigins: ['https://a.example', 'https://b.example'],
    AllowMethods: ['GET'],
  });
});

test('callers are throttled, and the access log names neither them nor what they asked', () => {
  const stage = only('HttpApiStage');
  expect(stage).toMatchObject({
    StageName: '$default',
    DefaultRouteSettings: { ThrottlingBurstLimit: 50, ThrottlingRateLimit: 25 },
  });
  const format = (stage['AccessLogSettings'] as Part)['Format'] as string;
  expect(Object.values(JSON.parse(format) as Record<string, string>).sort()).toEqual([
    '$context.error.responseType',
    '$context.requestId',
    '$context.requestTime',
    '$context.responseLatency',
    '$context.responseLength',
    '$context.routeKey',
    '$context.status',
  ]);
});

test('every function and the HTTP API log to a group that forgets after 90 days', () => {
  const groups = every('AWS::Logs::LogGroup').map(({ properties }) => properties);
  expect(groups.map(({ LogGroupName: name }) => name as string).sort()).toEqual([
    '/aws/http-api/custody-prod',
    ...NAMES.map((name) => `/aws/lambda/${lambda(name)['FunctionName'] as string}`),
  ]);
  for (const { RetentionInDays: days } of groups) expect(days).toBe(90);
});

test('no credential is in the template, and a new secret waits to be filled in', async () => {
  const secret = only('Neo4jSecret')['SecretString'] as string;
  expect(JSON.parse(secret)).toEqual({
    NEO4J_URI: 'FILL-IN',
    NEO4J_USERNAME: 'FILL-IN',
    NEO4J_PASSWORD: 'FILL-IN',
    NEO4J_DATABASE: 'FILL-IN',
  });
  const text = await readFile(file, 'utf8');
  expect(text.match(/NEO4J_PASSWORD/g)).toHaveLength(1);
  expect(text).not.toMatch(/PRIVATE KEY|resolve:secretsmanager|AKIA/);
});

test('every alarm reaches the topic, and a sweep that is missing is an alarm', async () => {
  const alarms = every('AWS::CloudWatch::Alarm');
  expect(alarms.map(({ id }) => id.replace(/Alarm$/, '')).sort()).toEqual([
    'ApiErrors',
    'AuditErrors',
    'AuditMissing',
    'CheckErrors',
    'CheckMissing',
    'CheckpointAge',
    'DeadLetter',
    'Findings',
    'GraphDifferences',
    'IngestErrors',
    'IngestFailures',
    'IngestThrottles',
    'LogErrors',
    'QueueAge',
    'ReportErrors',
    'RulesNotRun',
    'SweepErrors',
    'SweepMissing',
    'SweepThrottles',
    'WitnessesSilent',
  ]);
  for (const { id, properties } of alarms)
    expect(properties).toMatchObject({
      AlarmActions: [{ Ref: 'AlarmTopic' }],
      TreatMissingData: /(?:Missing|CheckpointAge)Alarm$/.test(id) ? 'breaching' : 'notBreaching',
    });
  expect(every('AWS::SNS::Subscription')).toEqual([]);
  const given = await resourcesOf(file, { AlarmEmail: 'operator@example.com' });
  expect(every('AWS::SNS::Subscription', given).map(({ properties }) => properties)).toEqual([
    { TopicArn: { Ref: 'AlarmTopic' }, Protocol: 'email', Endpoint: 'operator@example.com' },
  ]);
});

test('the dashboard shows every metric of the functions', () => {
  const body = (only('Dashboard')['DashboardBody'] as Part)['Fn::Sub'] as string;
  const { widgets } = JSON.parse(body) as {
    widgets: { properties: { metrics: [string, string, ...unknown[]][] } }[];
  };
  const shown = widgets
    .map(({ properties }) => properties.metrics)
    .filter(([first]) => first?.[0] === 'Custody')
    .flatMap((metrics) => metrics.map(([, name]) => name));
  expect(shown.sort()).toEqual([
    'AuditsComplete',
    'BytesRead',
    'CheckpointAgeSeconds',
    'EventsPassedOver',
    'Failures',
    'FindingsNew',
    'FindingsOpen',
    'FindingsSettled',
    'GraphDifferences',
    'LeavesAppended',
    'LinesAccepted',
    'LinesDuplicate',
    'LinesRejected',
    'LinesWithheld',
    'ObjectsAbandoned',
    'ObjectsAccepted',
    'ObjectsEmpty',
    'ObjectsPartial',
    'ObjectsPassedOver',
    'ObjectsRejected',
    'ObjectsResumed',
    'ObjectsUnfinished',
    'OpenMarkers',
    'PendingLinks',
    'ReportsMade',
    'Retries',
    'RulesNotRun',
    'UnfinishedObjects',
    'VerifyMilliseconds',
    'WitnessesMissing',
    'WriteMilliseconds',
  ]);
});

test.each(NAMES)('the package of %s is its bundle and its source map', async (name) => {
  const zip = await readFile(join(folder, 'default', `${name}.zip`), 'latin1');
  const names = zip.match(/dist\/[a-z]+\.mjs(?:\.map)?/g) ?? [];
  expect([...new Set(names)].sort()).toEqual([`dist/${name}.mjs`, `dist/${name}.mjs.map`]);
  const { size } = await stat(`dist/${name}.mjs`);
  expect(size).toBeLessThanOrEqual(MOST_BYTES[name] ?? 0);
});
