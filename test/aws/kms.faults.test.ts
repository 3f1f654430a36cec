import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { awsKeySources } from '../../lib/aws/key-sources.ts';
import { kmsClient, kmsPublicKey, kmsSign, kmsTlogSigner } from '../../lib/aws/kms.ts';
import { ConfigError, TransientError } from '../../lib/errors.ts';
import { loadKeys } from '../../lib/keys.ts';
import { once } from '../../lib/once.ts';
import { StubAws, type Fault, type StubKey } from '../support/stub-aws.ts';
import { testKey, usable } from '../support/test-key.ts';

const ARN = 'arn:aws:kms:eu-central-1:111122223333:key/';
const GOOD = `${ARN}good`;
const { privateKey, publicPem, key } = testKey();
const good: StubKey = {
  publicKey: createPublicKey(publicPem),
  privateKey,
  usage: 'SIGN_VERIFY',
  algorithms: ['RSASSA_PKCS1_V1_5_SHA_256', 'RSASSA_PSS_SHA_256'],
};

let stub: StubAws;
beforeAll(async () => {
  stub = await StubAws.start();
  Object.assign(process.env, stub.environment);
});
beforeEach(() => {
  stub.fault = () => null;
  stub.requests.length = 0;
  stub.keys.clear();
  stub.keys.set(GOOD, good);
});
afterAll(() => stub.close());

const actions = (): string[] => stub.requests.map(({ action }) => action);
const refused = (code: string, status = 400): Fault => ({ status, code });

/** Each request for a key of that name fails so. */
function failing(faults: Readonly<Record<string, Fault>>): void {
  stub.fault = ({ target }) => {
    const { KeyId } = JSON.parse(target) as { KeyId: string };
    return faults[KeyId.replace(ARN, '')] ?? null;
  };
}

test('a key of AWS KMS is read once, and then nothing more is asked of KMS', async () => {
  const [loaded] = await loadKeys([`kms:${GOOD}`], awsKeySources);
  expect(loaded?.kid).toBe(key.kid);
  const message = Buffer.alloc(10_000, 'longer than KMS would verify');
  const signature = await signed(message);
  for (let count = 0; count < 100; count += 1)
    expect(loaded?.verify(message, signature)).toBe(true);
  expect(actions()).toEqual(['kms:GetPublicKey', 'kms:Sign']);
});

async function signed(message: Uint8Array): Promise<Uint8Array> {
  return kmsSign(GOOD, message, kmsClient(GOOD));
}

test('what KMS signs is verified with its public key, and nothing else is', async () => {
  const message = Buffer.from('{"type":"dataset"}');
  const signature = await signed(message);
  expect(usable(publicPem).verify(message, signature)).toBe(true);
  expect(usable(publicPem).verify(Buffer.from('{"type":"model"}'), signature)).toBe(false);
  expect(testKey().key.verify(message, signature)).toBe(false);
});

test('a key may be named by its ARN, id or alias', async () => {
  for (const name of ['alias/lineage', '1234abcd-12ab-34cd-56ef-1234567890ab']) {
    stub.keys.set(name, good);
    expect(await loadKeys([`kms:${name}`], awsKeySources)).toMatchObject([{ kid: key.kid }]);
  }
});

test('whatever is wrong with keys is named at once, for each of them', async () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1_024 });
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  stub.keys.set(`${ARN}usage`, { ...good, usage: 'ENCRYPT_DECRYPT' });
  stub.keys.set(`${ARN}curve`, { ...good, ...curve, algorithms: ['ECDSA_SHA_256'] });
  stub.keys.set(`${ARN}small`, { ...good, ...small });
  failing({
    access: refused('AccessDeniedException'),
    disabled: refused('DisabledException'),
    deleted: refused('KMSInvalidStateException'),
    symmetric: refused('UnsupportedOperationException'),
    arn: refused('InvalidArnException'),
    invalid: refused('ValidationException'),
  });
  const problems = [
    ['access', /needs kms:GetPublicKey/],
    ['disabled', /disabled/],
    ['deleted', /to be deleted/],
    ['missing', /no such key/],
    ['symmetric', /not an asymmetric key/],
    ['arn', /no key ARN/],
    ['invalid', /no key ARN/],
    ['usage', /not a key for signatures/],
    ['curve', /an RSA key is needed/],
    ['small', /1024 bits; 2048 or more/],
  ] as const;
  const names = problems.map(([name]) => `kms:${ARN}${name}`);
  const error = await failure(
    loadKeys([...names, `kms:${GOOD}`, 'file:/nowhere.pem'], awsKeySources),
  );
  expect(error).toBeInstanceOf(ConfigError);
  const expected = problems.map(
    ([name, problem]) => new RegExp(`^kms:${ARN}${name}: .*${problem.source}`),
  );
  expect(error).toHaveProperty('problems', [
    ...expected.map((pattern) => expect.stringMatching(pattern) as unknown),
    'file:/nowhere.pem: the file can’t be read',
  ]);
});

test.each([
  ['throttling', refused('ThrottlingException')],
  ['an internal error', refused('KMSInternalException', 500)],
  ['a time-out within KMS', refused('DependencyTimeoutException', 503)],
  ['a reset', { silence: 'reset' } as const],
  ['a lost answer', { lost: 'answer' } as const],
])('%s that passes is waited out', async (_, fault) => {
  let left = 2;
  stub.fault = () => ((left -= 1) >= 0 ? fault : null);
  expect(await loadKeys([`kms:${GOOD}`], awsKeySources)).toHaveLength(1);
  expect(stub.requests).toHaveLength(3);
});

test.each([
  ['throttling', refused('ThrottlingException')],
  ['an internal error', refused('KMSInternalException', 500)],
  ['a reset', { silence: 'reset' } as const],
  ['silence', { silence: 'hang' } as const],
])('%s for ever ends in a TransientError after four requests', async (_, fault) => {
  stub.fault = () => fault;
  const client = kmsClient(GOOD, 200);
  await expect(kmsPublicKey(GOOD, client)).rejects.toThrow(TransientError);
  expect(stub.requests).toHaveLength(4);
  await expect(kmsSign(GOOD, Buffer.alloc(32), client)).rejects.toThrow(TransientError);
  expect(stub.requests).toHaveLength(8);
});

test('keys that could not be loaded are asked for again, and those that could never', async () => {
  const load = once(() => loadKeys([`kms:${GOOD}`], awsKeySources));
  failing({ good: refused('AccessDeniedException') });
  await expect(load()).rejects.toThrow(ConfigError);
  await expect(load()).rejects.toThrow(ConfigError);
  expect(stub.requests).toHaveLength(2);
  failing({});
  const [first, second] = await Promise.all([load(), load()]);
  expect(await load()).toBe(first);
  expect(second).toBe(first);
  expect(stub.requests).toHaveLength(3);
});

test.each([
  ['AccessDeniedException', /needs kms:Sign/],
  ['DisabledException', /disabled/],
  ['InvalidKeyUsageException', /not a key for signatures/],
  ['KMSInvalidStateException', /to be deleted/],
  ['NotFoundException', /no such key/],
])('a key that can’t sign (%s) is the operator’s to mend', async (code, problem) => {
  failing({ good: refused(code) });
  const error = await failure(signed(Buffer.from('text')));
  expect(error).toBeInstanceOf(ConfigError);
  expect(error).toHaveProperty('problems', [expect.stringMatching(problem)]);
});

async function failure(act: Promise<unknown>): Promise<unknown> {
  return act.then(
    () => null,
    (error: unknown) => error,
  );
}

test('an Ed25519 key of KMS signs checkpoints, and a key of another kind is refused', async () => {
  const pair = generateKeyPairSync('ed25519');
  stub.keys.set(`${ARN}tlog`, { ...pair, usage: 'SIGN_VERIFY', algorithms: ['ED25519_SHA_512'] });
  const signer = await kmsTlogSigner(`${ARN}tlog`, 'log.example/a');
  const text = 'log.example/a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n';
  const signature = await signer.sign(text);
  expect(signer.key.verify(text, signature)).toEqual({ time: null });
  expect(signer.key.verify(`${text}more\n`, signature)).toBeNull();
  expect(actions()).toEqual(['kms:GetPublicKey', 'kms:Sign']);
  await expect(kmsTlogSigner(GOOD, 'log.example/a')).rejects.toThrow(
    'a key of ECC_NIST_EDWARDS25519 is needed',
  );
  await expect(kmsTlogSigner(`${ARN}tlog`, 'a b')).rejects.toThrow(ConfigError);
  stub.fault = () => ({ status: 500, code: 'KMSInternalException' });
  await expect(signer.sign(text)).rejects.toThrow(TransientError);
});
