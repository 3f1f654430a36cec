import { expect, test } from 'vitest';
import { dsseText, openDsse, preAuthEncoding } from '../../lib/trust/dsse.ts';
import type { KeyPolicy } from '../../lib/trust/key-policy.ts';
import { readVerifyingKey } from '../../lib/trust/keys.ts';
import { keySigner } from '../../lib/trust/sign.ts';
import { testKey } from '../support/test-key.ts';

const TYPE = 'application/vnd.in-toto+json';
const PAYLOAD = Buffer.from('{"_type":"https://in-toto.io/Statement/v1","ü":1}');
const { privateKey, publicPem, key } = testKey();
const other = testKey();
const signer = keySigner(privateKey);

async function sealed(payload: Uint8Array = PAYLOAD, type = TYPE): Promise<string> {
  const signature = await signer.sign(preAuthEncoding(type, payload));
  return dsseText(type, payload, signer.kid, signature);
}

const opened = (text: string | Uint8Array, keys = [key]) => openDsse(Buffer.from(text), TYPE, keys);

test('what is signed is the example of DSSE’s protocol.md', () => {
  expect(
    preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world')).toString(),
  ).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
});

test('lengths are counted in bytes', () => {
  expect(preAuthEncoding('ü', Buffer.from('€')).toString()).toBe('DSSEv1 2 ü 3 €');
});

test('what was signed comes out, with the key that signed it', async () => {
  expect(opened(await sealed(), [other.key, key])).toEqual({ payload: PAYLOAD, kid: key.kid });
});

test('no bit of an envelope can be changed', async () => {
  const bytes = Buffer.from(await sealed());
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(opened(changed), `bit ${bit}`).toHaveProperty('problem');
  }
});

test.each([
  ['nothing', () => ''],
  ['no JSON', () => 'DSSE'],
  ['null', () => 'null'],
  ['no signature', (text: string) => text.replace(/"signatures":.*/, '"signatures":[]}')],
  ['white space behind it', (text: string) => `${text}\n`],
  ['white space in it', (text: string) => text.replace(',', ', ')],
  ['a byte order mark', (text: string) => `\uFEFF${text}`],
  ['a member more', (text: string) => text.replace('{', '{"x":1,')],
  ['a second signature', (text: string) => text.replace('}]}', '},{"keyid":"","sig":""}]}')],
  ['base64 without its padding', (text: string) => text.replaceAll('=', '')],
])('an envelope with %s is refused', async (_, change) => {
  expect(opened(change(await sealed()))).toHaveProperty('problem');
});

test('a key that is not given verifies nothing', async () => {
  expect(opened(await sealed(), [other.key])).toEqual({
    problem: `none of the given keys is ${key.kid}`,
  });
});

test('a payload of another type is refused, signature or not', async () => {
  expect(opened(await sealed(PAYLOAD, 'text/plain'))).toEqual({
    problem: `its payload is not ${TYPE}`,
  });
});

test('the signature of a record is none of an envelope with the same text', async () => {
  const signature = await signer.sign(PAYLOAD);
  expect(opened(dsseText(TYPE, PAYLOAD, signer.kid, signature))).toEqual({
    problem: 'its signature does not hold',
  });
});

test('a key that a ring has for records, or that is revoked, signs nothing else; one for reports does', async () => {
  const text = await sealed();
  const under = (policy: KeyPolicy): string => {
    const limited = readVerifyingKey(publicPem, policy);
    if ('problem' in limited) throw new Error(limited.problem);
    const found = opened(text, [limited]);
    return 'problem' in found ? found.problem : found.kid;
  };
  expect(under({ uses: 'reports' })).toBe(key.kid);
  expect(under({ uses: 'records' })).toMatch(/for records/);
  const revoked = { at: '2026-01-01T00:00:00Z', reason: 'r' };
  expect(under({ uses: 'reports', revoked })).toMatch(/revoked/);
});
