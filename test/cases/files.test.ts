import { execFileSync } from 'node:child_process';
import { constants, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verdict } from '../../cli/ingest.ts';
import { namedKeys } from '../../cli/known-keys.ts';
import { s3Client, s3Object } from '../../lib/aws/s3-object.ts';
import { refuseUnreadable, type Receipt } from '../../lib/ingest/receipt.ts';
import { verifyObject } from '../../lib/ingest/verify-object.ts';
import { storedFile } from '../../lib/object/file.ts';
import { recordRefusal } from '../../lib/trust/record.ts';
import { sealed, signRecord } from '../../lib/trust/sign.ts';
import { StubAws, type Fault } from '../support/stub-aws.ts';
import { testKey } from '../support/test-key.ts';
import { AT, dataset, inference, log, signedOtherwise, textOf, type Said } from './signed.ts';

// What users of other tools have met, made anew; what becomes of it without a graph. The cases that a
// graph belongs to are in graph.live.test.ts.

const team = testKey();
const late = testKey();
const folder = mkdtempSync(join(tmpdir(), 'custody-cases-'));
afterAll(() => rmSync(folder, { recursive: true }));

const of = (...said: readonly Said[]): string => log(team.privateKey, ...said);
const at = (timestamp: unknown): string =>
  of(inference(`at ${String(timestamp)}`, 'm', { timestamp }));
const THREE = of(dataset('d0'), dataset('d1'), dataset('d2'));
const TWO = of(dataset('d3'), dataset('d4'));
const ONE = of(dataset('d0'));
const MEMBERS = [gzipSync(THREE), gzipSync(TWO)];

/** The one that OpenSSL signs with what Node can't. */
function mgf1Sha1(): string {
  const [key, text] = [join(folder, 'key'), textOf(dataset('d0'))];
  writeFileSync(key, team.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const options = ['rsa_padding_mode:pss', 'rsa_mgf1_md:sha1', 'rsa_pss_saltlen:32'];
  const named = options.flatMap((option) => ['-sigopt', option]);
  const signature = execFileSync('openssl', ['dgst', '-sha256', '-sign', key, ...named], {
    input: text,
  });
  return `${sealed(text, signature)}\n`;
}

/** The same envelope with its base64 in another form. */
function withSignature(change: (base64: string) => string): string {
  const { signature, ...others } = JSON.parse(ONE) as { signature: string };
  return `${JSON.stringify({ ...others, signature: change(signature) })}\n`;
}

function asObject(): string {
  const envelope = JSON.parse(ONE) as { signed_data: string };
  return `${JSON.stringify({ ...envelope, signed_data: JSON.parse(envelope.signed_data) as unknown })}\n`;
}

interface Expected {
  readonly status: Receipt['status'];
  readonly accepted?: number;
  readonly rejected?: number;
  readonly withheld?: number;
  /** What the command says of it, and nothing of what it says. */
  readonly says?: readonly (string | RegExp)[];
  readonly saysNot?: string;
  readonly onBadLine?: 'quarantine';
}

const accepted = (lines: number): Expected => ({ status: 'accepted', accepted: lines });
const refused = (...says: readonly (string | RegExp)[]): Expected => ({ status: 'rejected', says });
const NO_TIME =
  /RECORD_FIELD_INVALID: timestamp is not a real time of the form YYYY-MM-DDThh:mm:ss/;
const MIXED = of(
  inference('ok1', 'm', { timestamp: '2024-07-02T12:23:27.571842+00:00' }),
  inference('bad', 'm', { timestamp: '2021-11-05T10:28:18.969066Z[Europe/London]' }),
  inference('ok2', 'm', { timestamp: '2024-07-02T12:23:22.829392' }),
);
const NONE_OF_OURS = 'signed by none of the known keys';
const BY_OURS = (how: string): Expected => ({
  ...refused(`key ${team.key.kid} made this signature, but with ${how}`),
  saysNot: NONE_OF_OURS,
});

const FILES: readonly (readonly [
  file: string,
  content: string | Uint8Array,
  expected: Expected,
])[] = [
  [
    '01-nan/nan.jsonl',
    of(
      dataset('d0'),
      '{"type":"model","model_name":"m","hyperparameters":{"lr":1e-05,"seed":12345678901234567890,"x":10.0,"loss":NaN},"timestamp":"2026-03-02T10:00:00Z"}',
      '{"type":"inference","id":"nan","model_name":"m","input":[NaN,-Infinity],"output":Infinity,"timestamp":"2026-03-03T10:00:00Z"}',
    ),
    accepted(3),
  ],
  ['02-times/naive.jsonl', at('2024-07-02T12:23:22.829392'), accepted(1)],
  ['02-times/pandas.jsonl', at('2024-07-02 12:23:22.829392+00:00'), accepted(1)],
  ['02-times/dotnet.jsonl', at('2023-05-19T16:23:22.3836706Z'), accepted(1)],
  ['02-times/zone-name.jsonl', at('2021-11-05T10:28:18.969066Z[Europe/London]'), refused(NO_TIME)],
  ['02-times/offset-zone.jsonl', at('2021-11-05T10:28:18.969066+00:00[UTC]'), refused(NO_TIME)],
  [
    '02-times/epoch-number.jsonl',
    at(1_719_923_002_829),
    refused('RECORD_FIELD_INVALID: timestamp is not a string'),
  ],
  ['02-times/epoch-text.jsonl', at('1719923002829'), refused(NO_TIME)],
  ['02-times/date-only.jsonl', at('2024-07-02'), refused(NO_TIME)],
  ['02-times/basic-offset.jsonl', at('2024-07-02T12:23:22+0200'), refused(NO_TIME)],
  ['02-times/leap.jsonl', at('2016-12-31T23:59:60Z'), refused(NO_TIME)],
  ['02-times/lowercase.jsonl', at('2024-07-02t12:23:22z'), refused(NO_TIME)],
  ['02-times/javautil.jsonl', at('Tue Jul 02 12:23:22 UTC 2024'), refused(NO_TIME)],
  [
    '02-times/mixed-day.jsonl',
    MIXED,
    { ...refused(/line 2: .*timestamp/), rejected: 1, withheld: 2 },
  ],
  [
    '02-times/mixed-day.jsonl, quarantined',
    MIXED,
    { status: 'partial', accepted: 2, rejected: 1, onBadLine: 'quarantine' },
  ],
  [
    '10-firehose/concatenated.jsonl',
    THREE.replaceAll('\n', ''),
    { ...refused('LINE_NOT_JSON: the line has more than one JSON value'), rejected: 1 },
  ],
  [
    '10-firehose/array.jsonl',
    `[\n${THREE.trimEnd().replaceAll('\n', ',\n')}\n]\n`,
    refused('line 1: LINE_NOT_JSON', 'as in a JSON array', 'as an item of an array does'),
  ],
  [
    '10-firehose/pretty.jsonl',
    `${JSON.stringify(JSON.parse(ONE), null, 2)}\n`,
    { ...refused('a value over several lines'), rejected: 5 },
  ],
  ['12-powershell/crlf.jsonl', THREE.replaceAll('\n', '\r\n'), accepted(3)],
  [
    '12-powershell/utf16le.jsonl',
    Buffer.from(`\u{feff}${THREE}`, 'utf16le'),
    refused('the line is UTF-16, as its byte order mark says'),
  ],
  [
    '12-powershell/utf8bom.jsonl',
    `\u{feff}${THREE}`,
    { ...refused('the line begins with a byte order mark'), rejected: 1, withheld: 2 },
  ],
  [
    '12-powershell/blank-lines-at-end.jsonl',
    `${THREE}\n`,
    { ...refused('line 4: LINE_NOT_JSON: the line is blank'), rejected: 1, withheld: 3 },
  ],
  ['13-gzip/members.jsonl.gz', Buffer.concat(MEMBERS), accepted(5)],
  ['13-gzip/zero-padded.jsonl.gz', Buffer.concat([...MEMBERS, Buffer.alloc(512)]), accepted(5)],
  ['13-gzip/truncated-at-member.jsonl.gz', gzipSync(THREE), accepted(3)],
  [
    '13-gzip/truncated.jsonl.gz',
    Buffer.concat(MEMBERS).subarray(0, -20),
    refused('the gzip data is damaged or cut off'),
  ],
  [
    '13-gzip/trailing-garbage.jsonl.gz',
    Buffer.concat([...MEMBERS, Buffer.from('garbage')]),
    refused('the gzip data is damaged or cut off'),
  ],
  ['13-gzip/not-gzip.jsonl.gz', THREE, refused('the name ends in .gz, but the file is not gzip')],
  [
    '13-gzip/gzip-without-gz.jsonl',
    gzipSync(THREE),
    refused('the file is gzip, but its name does not end in .gz'),
  ],
  ['13-gzip/double.jsonl.gz', gzipSync(gzipSync(THREE)), refused('the log was packed twice')],
  [
    '13-gzip/z.jsonl.zst',
    zstdCompressSync(THREE),
    refused('the file is zstd; only plain and gzip logs are read'),
  ],
  [
    '14-rotation/hole.jsonl',
    Buffer.concat([Buffer.alloc(580), Buffer.from(ONE)]),
    { ...refused('line 1: LINE_NOT_JSON: the line has NUL bytes'), rejected: 1 },
  ],
  ['16-rotation/late-key.jsonl', log(late.privateKey, dataset('late')), refused(NONE_OF_OURS)],
  ['17-pss/salt-32.jsonl', ONE, accepted(1)],
  ['17-pss/salt-max.jsonl', signRecord(textOf(dataset('d0')), team.privateKey, 'max'), accepted(1)],
  [
    '17-pss/reserialised.jsonl',
    JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(ONE) as object).reverse()), null, 1)
      .replaceAll('\n', ' ')
      .replaceAll('/', '\\/'),
    accepted(1),
  ],
  [
    '17-pss/salt-20.jsonl',
    signedOtherwise(team.privateKey, dataset('d0'), { salt: 20 }),
    BY_OURS('PSS, SHA-256, MGF1 with SHA-256 and a salt of 20 bytes'),
  ],
  [
    '17-pss/salt-0.jsonl',
    signedOtherwise(team.privateKey, dataset('d0'), { salt: 0 }),
    BY_OURS('PSS, SHA-256, MGF1 with SHA-256 and a salt of 0 bytes'),
  ],
  [
    '17-pss/sha512.jsonl',
    signedOtherwise(team.privateKey, dataset('d0'), { hash: 'sha512' }),
    BY_OURS('PSS, SHA-512'),
  ],
  [
    '17-pss/pkcs1v15.jsonl',
    signedOtherwise(team.privateKey, dataset('d0'), { padding: constants.RSA_PKCS1_PADDING }),
    BY_OURS('PKCS#1 v1.5 padding and SHA-256'),
  ],
  ['17-pss/mgf1-sha1.jsonl', mgf1Sha1(), BY_OURS('PSS, SHA-256, MGF1 with SHA-1')],
  [
    '17-pss/base64url.jsonl',
    // A signature holds one of the two signs, as good as always; it is told by either.
    withSignature(
      (base64) => `${base64.replaceAll('+', '-').replaceAll('/', '_').slice(0, -4)}-_-_`,
    ),
    refused('the signature is url-safe base64'),
  ],
  [
    '17-pss/mime-base64.jsonl',
    withSignature((base64) => base64.replace(/.{76}/g, '$&\r\n')),
    refused('the signature has white space in its base64'),
  ],
  [
    '17-pss/signed-data-as-object.jsonl',
    asObject(),
    refused('ENVELOPE_INVALID: signed_data is missing or not a string'),
  ],
  [
    '19-surrogate/input.jsonl',
    of(
      `{"type":"inference","id":"sur","model_name":"m","input":{"text":"bytes \\udcb2 in a log"},"timestamp":"${AT}"}`,
    ),
    accepted(1),
  ],
  [
    '19-surrogate/path.jsonl',
    of(
      `{"type":"dataset","hash":"d","path":"/data/caf\\udce9.csv","timestamp":"${AT}"}`,
      dataset('d1'),
    ),
    {
      ...refused('line 1: RECORD_FIELD_INVALID: path has a lone surrogate'),
      rejected: 1,
      withheld: 1,
    },
  ],
];

/** What `custody verify` finds and says. */
async function verified(
  path: string,
  onBadLine: 'reject' | 'quarantine' = 'reject',
): Promise<{ readonly receipt: Receipt; readonly said: string }> {
  const options = { keys: [team.key], onBadLine };
  const receipt = await refuseUnreadable(path, () => verifyObject(storedFile(path), options));
  return { receipt, said: verdict(path, receipt).join('\n') };
}

function written(file: string, content: string | Uint8Array): string {
  const path = join(folder, file.replace(/, .*/, ''));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

test.each(FILES)('%s ends as it has to', async (file, content, expected) => {
  const { receipt, said } = await verified(written(file, content), expected.onBadLine);
  const { status, accepted: good = 0, rejected, withheld = 0, says = [], saysNot } = expected;
  expect(receipt, said).toMatchObject({ status, accepted: good });
  if (rejected !== undefined) expect(receipt).toMatchObject({ rejectedTotal: rejected, withheld });
  for (const words of says) expect(said).toMatch(words);
  if (saysNot !== undefined) expect(said).not.toContain(saysNot);
});

test.each([
  ['12-powershell: a byte order mark', `\u{feff}${textOf(dataset('d'))}`, 'byte order mark'],
  ['12-powershell: no JSON', 'hash,path', 'RECORD_NOT_JSON'],
  ['12-powershell: another type', textOf(dataset('d', { type: 'datset' })), 'type'],
  ['12-powershell: a bad time', textOf(dataset('d', { timestamp: '2024-07-02' })), 'timestamp'],
  ['19-surrogate', '{"type":"dataset","hash":"d","path":"\\udce9"}', 'path has a lone surrogate'],
])('%s is a record that is not signed, since it could never be accepted', (_, text, why) => {
  const { code, detail } = recordRefusal(text) ?? { code: '', detail: '' };
  expect(`${code}: ${detail}`).toContain(why);
});

describe('15-keys', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const spki = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
  const pem = spki(publicKey);
  const [begin = '', ...rest] = pem.trimEnd().split('\n');
  const body = rest.slice(0, -1).join('');

  test.each([
    ['pkcs1.pem', publicKey.export({ type: 'pkcs1', format: 'pem' }).toString()],
    ['crlf.pem', pem.replaceAll('\n', '\r\n')],
    ['bom.pem', `\u{feff}${pem}`],
    [
      'bag.pem',
      `Bag Attributes\n    friendlyName: custody\nKey Attributes: <No Attributes>\n${pem}`,
    ],
    ['comment.pem', `# the key of the team\n${pem}`],
    ['two.pem', `${pem}${late.publicPem}`],
    ['one-line.pem', `${begin}\n${body}\n-----END PUBLIC KEY-----\n`],
  ])('%s is a key to verify with', async (file, content) => {
    expect(await namedKeys([written(`15-keys/${file}`, content)])).toHaveLength(1);
  });

  const other = (type: 'ed25519' | 'rsa-pss'): string =>
    spki(
      type === 'ed25519'
        ? generateKeyPairSync('ed25519').publicKey
        : generateKeyPairSync('rsa-pss', { modulusLength: 2_048 }).publicKey,
    );
  test.each([
    ['ec.pem', spki(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey), 'this is ec'],
    ['ed25519.pem', other('ed25519'), 'this is ed25519'],
    ['rsapss.pem', other('rsa-pss'), 'this is rsa-pss'],
    ['empty.pem', '', 'not a public key in PEM form'],
    ['truncated.pem', pem.slice(0, 200), 'not a public key in PEM form'],
    ['escaped-newlines.pem', pem.replaceAll('\n', '\\n'), 'a backslash and an n'],
    [
      'inter1.crt',
      '-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n',
      'a certificate',
    ],
    ['jwk.json', JSON.stringify(publicKey.export({ format: 'jwk' })), 'a JWK'],
    [
      'private.pem',
      team.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      'a private key',
    ],
    [
      'rsa1024.pem',
      spki(generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey),
      'the key has 1024 bits',
    ],
    ['spki.der', publicKey.export({ type: 'spki', format: 'der' }), 'a key in DER form'],
    ['ssh.pub', 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ team@host\n', 'a key of OpenSSH'],
    ['utf16.pem', Buffer.from(`\u{feff}${pem}`, 'utf16le'), 'UTF-16'],
  ])('%s is refused before anything is read, by what it is', async (file, content, what) => {
    const path = written(`15-keys/${file}`, content);
    await expect(namedKeys([path])).rejects.toMatchObject({
      code: 'KEYS_UNUSABLE',
      problems: [expect.stringContaining(what)],
    });
  });
});

describe('20-s3', () => {
  let stub: StubAws;
  let client: ReturnType<typeof s3Client>;
  const faults: Record<string, Fault> = {
    'kms/denied.jsonl': {
      status: 403,
      code: 'AccessDenied',
      message:
        'the role is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:…:key/a',
    },
    'glacier/old.jsonl': { status: 403, code: 'InvalidObjectState', message: 'not valid' },
  };
  beforeAll(async () => {
    stub = await StubAws.start();
    Object.assign(process.env, stub.environment);
    // S3 tells of what may not be read when it is read, not before.
    stub.fault = ({ action, target }) =>
      action === 's3:GET' ? (faults[target.slice('inbox/'.length)] ?? null) : null;
    client = s3Client(5_000);
  });
  afterAll(async () => {
    client.destroy();
    await stub.close();
  });

  test.each([
    ['logs/2026/', '', { status: 'empty' }],
    ['logs/_SUCCESS', '', { status: 'empty' }],
    ['team a/a+b c#1%20é.jsonl', ONE, accepted(1)],
    ['enc/log.jsonl.gz', gzipSync(ONE), accepted(1)],
    ['enc/log.jsonl', gzipSync(ONE), refused('its name does not end in .gz')],
    ['enc/plain.jsonl.gz', ONE, refused('but the file is not gzip')],
    ['kms/denied.jsonl', ONE, refused('kms:Decrypt')],
    ['glacier/old.jsonl', ONE, refused('the object is archived')],
  ] satisfies [string, string | Uint8Array, Expected][])(
    '%s is taken by its name and content',
    async (key, content, { status, accepted: good = 0, says = [] }: Expected) => {
      stub.put(`inbox/${key}`, content);
      const receipt = await refuseUnreadable(`s3://inbox/${key}`, async () =>
        verifyObject(await s3Object(client, { bucket: 'inbox', key }), {
          keys: [team.key],
          onBadLine: 'reject',
        }),
      );
      expect(receipt).toMatchObject({ status, accepted: good });
      for (const words of says) expect(verdict(key, receipt).join('\n')).toMatch(words);
    },
  );
});

test('22-same-name: two files of one name in two folders have a verdict each, which names the folder', async () => {
  const a = await verified(written('22/team-a/day.jsonl', log(late.privateKey, dataset('a'))));
  const b = await verified(written('22/team-b/day.jsonl', of(dataset('b'))));
  expect(a.said).toContain('team-a/day.jsonl: rejected');
  expect(b.said).toContain('team-b/day.jsonl: accepted');
});
