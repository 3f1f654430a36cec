import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { preAuthEncoding } from '../../lib/trust/dsse.ts';
import { MAX_LINE_BYTES } from '../../lib/trust/lines.ts';
import { custody as runCustody, type Ended } from '../support/custody.ts';

const folder = mkdtempSync(join(tmpdir(), 'custody-sign-'));
const scratch = mkdtempSync(join(tmpdir(), 'custody-scratch-'));
beforeAll(() => custody(['keygen', 'k']));
afterAll(() => {
  for (const path of [folder, scratch]) rmSync(path, { recursive: true });
});

const custody = (args: string[], input: string | Uint8Array = ''): Promise<Ended> =>
  runCustody(args, { cwd: folder, env: { TMPDIR: scratch }, input });
const sign = (input: string | Uint8Array, ...more: string[]): Promise<Ended> =>
  custody(['sign', '--key', 'k.private.pem', ...more], input);

const GOOD = '{"type":"dataset","hash":"h","path":"p","timestamp":"2026-01-01T00:00:00Z"}';
const padded = (bytes: number): string =>
  GOOD.replace('"p"', `"${'p'.repeat(bytes - GOOD.length + 1)}"`);

test.each([
  [
    'a byte order mark',
    `\u{feff}${GOOD}`,
    'RECORD_NOT_JSON: signed_data begins with a byte order mark, which is no JSON',
  ],
  ['a fragment', GOOD.slice(0, -9), 'RECORD_NOT_JSON'],
  ['a blank line', '', 'RECORD_NOT_JSON: signed_data is blank'],
  ['an array', `[${GOOD}]`, 'RECORD_NOT_JSON'],
  ['an unknown type', GOOD.replace('dataset', 'datset'), 'RECORD_TYPE_UNKNOWN'],
  ['a time that is none', GOOD.replace('-01-01', '-02-30'), 'RECORD_FIELD_INVALID: timestamp'],
  [
    'a member that is missing',
    GOOD.replace('"hash":"h",', ''),
    'RECORD_FIELD_INVALID: hash is missing',
  ],
  ['a member twice', GOOD.replace('{', '{"hash":"g",'), 'RECORD_FIELD_INVALID'],
  [
    'what a report’s signature is made over',
    preAuthEncoding('t', Buffer.from(GOOD)).toString(),
    'RECORD_NOT_JSON',
  ],
  ['a record that is too long as a line of a log', padded(MAX_LINE_BYTES - 300), 'LINE_TOO_LONG'],
  ['a record that is too long itself', padded(MAX_LINE_BYTES + 1), 'LINE_TOO_LONG'],
])('%s is not signed, nor is any other line of the same run', async (_, line, said) => {
  const { exit, out, err } = await sign(`${GOOD}\n${line}\n${GOOD}\n`);
  expect([exit, out]).toEqual([1, '']);
  expect(err).toMatch(new RegExp(`^line 2: ${said}[^\\n]*\\ncustody: nothing was signed\\n$`));
});

test('bytes that are no UTF-8 are not signed, by their cause', async () => {
  const { exit, out, err } = await sign(Buffer.from(`\u{feff}${GOOD}`, 'utf16le'));
  expect([exit, out]).toEqual([1, '']);
  expect(err).toContain('line 1: LINE_NOT_UTF8: the line is UTF-16, as its byte order mark says');
});

test('of many refused lines the first are told, and how many more there are', async () => {
  const { err } = await sign('{\n'.repeat(25));
  expect(err.split('\n')).toHaveLength(20 + 2 + 1);
  expect(err).toContain('\nand 5 more\n');
});

test('the longest record that ingest takes is signed and accepted, one byte more is not', async () => {
  const [envelope = ''] = (await sign(padded(1_000))).out.split('\n');
  const fits = MAX_LINE_BYTES - (envelope.length - 1_000);
  const signed = await sign(padded(fits));
  expect([signed.exit, signed.out.length]).toEqual([0, MAX_LINE_BYTES + 1]);
  const verified = await custody(['verify', '--key', 'k.public.pem', '-'], signed.out);
  expect(verified.out).toBe('/dev/stdin: accepted (1 line: 1 accepted)\n');
  expect((await sign(padded(fits + 1))).exit).toBe(1);
});

test('a nonce makes the digest of a guessable record one that nobody can guess', async () => {
  const twice = await sign(`${GOOD}\n${GOOD}\r\n`, '--nonce');
  expect(twice.exit).toBe(0);
  const texts = twice.out
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { signed_data: string }).signed_data);
  for (const text of texts) {
    expect(text.startsWith(GOOD.slice(0, -1))).toBe(true);
    expect((JSON.parse(text) as { nonce: string }).nonce).toMatch(/^[0-9a-f]{32}$/);
  }
  expect(new Set(texts.map((of) => createHash('sha256').update(of).digest('hex'))).size).toBe(2);
  const verified = await custody(['verify', '--json', '--key', 'k.public.pem', '-'], twice.out);
  expect(JSON.parse(verified.out)).toMatchObject({
    objects: [{ status: 'accepted', accepted: 2 }],
  });
  const own = GOOD.replace('{', '{"nonce":"mine",');
  expect((await sign(own, '--nonce')).err).toContain('a member of the record occurs twice');
});

test('what a terminal would obey in a record is signed as it is, and escaped in its envelope', async () => {
  const record = GOOD.replace('"p"', '"p\u{202e}\u{9b}"');
  const { exit, out } = await sign(record);
  expect(exit).toBe(0);
  expect(out.match(/[^\n\P{C}]/gu)).toBeNull();
  expect((JSON.parse(out) as { signed_data: string }).signed_data).toBe(record);
  expect((await custody(['verify', '--key', 'k.public.pem', '-'], out)).exit).toBe(0);
});

test('a key that could sign nothing acceptable is refused', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1_024 });
  writeFileSync(join(folder, 'short.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const { exit, err } = await custody(['sign', '--key', 'short.pem'], GOOD);
  expect([exit, err]).toEqual([2, 'custody: short.pem has 1024 bits; 2048 or more are needed\n']);
});

test('nothing of what was signed or refused stays behind', () => {
  expect(readdirSync(scratch)).toEqual([]);
});
