import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { expect, test } from 'vitest';
import type { VerifyingKey } from '../../lib/trust/keys.ts';
import type { Passage } from '../../lib/trust/passage.ts';
import type { SignatureThread } from '../../lib/trust/signature-thread.ts';
import type { VerifiedText } from '../../lib/trust/signers.ts';

const root = join(import.meta.dirname, '..', '..');
const sources = ['lib', 'cli', 'functions', 'web', 'bench', 'scripts', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    // This file itself names what it looks for.
    .filter((file) => file.endsWith('.ts') && join(root, file) !== import.meta.filename)
    .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') })),
);

/** Where the pattern stands: file and line, without its margin. */
function linesWith(pattern: RegExp): string[] {
  return sources.flatMap(({ file, text }) =>
    text
      .split('\n')
      .filter((line) => pattern.test(line))
      .map((line) => `${file.replaceAll(sep, '/')}: ${line.trim()}`),
  );
}

test('verified text is made in one line of the tree', () => {
  expect(linesWith(/\b(?:as|is) (?:VerifiedText|VerifiedEnvelope)\b/)).toEqual([
    'lib/trust/signers.ts: return { text: signedData as VerifiedText, digest, kid };',
  ]);
  // Whatever else is branded belongs in here as well.
  expect(linesWith(/\bdeclare const \w+: unique symbol/)).toEqual([
    'lib/trust/signers.ts: declare const verified: unique symbol;',
  ]);
});

test('a key that verifies, a passage of lines that was read, and a thread that checks, are made in one line each', () => {
  const kinds = ['VerifyingKey', 'Passage', 'SignatureThread'];
  expect(linesWith(new RegExp(`\\b(?:as|is|new|extends) (?:${kinds.join('|')})\\b`))).toEqual([
    'lib/trust/keys.ts: return problem === null ? new VerifyingKey(key, bits, policy) : { problem };',
    'lib/trust/passage.ts: return new Passage(lines, this.#digest);',
    'lib/trust/signature-thread.ts: return new SignatureThread(keys);',
  ]);
});

test('no text, no key, no passage and no thread can be made up', () => {
  // @ts-expect-error: a string is not verified
  const text: VerifiedText = 'text';
  // @ts-expect-error: whoever says yes to every signature is no key
  const key: VerifyingKey = {
    kid: 'kid',
    pem: '',
    bits: 2_048,
    policy: {},
    refusal: () => null,
    verify: () => true,
  };
  // @ts-expect-error: lines with a digest have not been read
  const passage: Passage = { lines: [], digest: '' };
  // @ts-expect-error: whoever says that all is signed has checked nothing
  const thread: SignatureThread = { check: () => Promise.resolve([]) };
  expect([text, key, passage, thread]).toHaveLength(4);
});
