import { constants, sign, type KeyObject } from 'node:crypto';
import { sealed, signRecord } from '../../lib/trust/sign.ts';

/** A record, or its very text where that is no JSON of JavaScript. */
export type Said = object | string;

/** What most records of the cases are signed at. */
export const AT = '2026-03-01T10:00:00Z';

export function dataset(hash: string, more: object = {}): object {
  return { type: 'dataset', hash, path: `s3://data/${hash}.csv`, timestamp: AT, ...more };
}

export function model(
  name: string,
  commit: string,
  hashes: readonly string[] = [],
  more: object = {},
): object {
  const named = { model_name: name, git_commit: commit, dataset_hashes: hashes };
  return { type: 'model', ...named, timestamp: '2026-03-02T10:00:00Z', ...more };
}

export function inference(id: string, name: string, more: object = {}): object {
  const at = { timestamp: '2026-03-03T10:00:00Z' };
  return { type: 'inference', id, model_name: name, input: { q: id }, output: 1, ...at, ...more };
}

export function textOf(said: Said): string {
  return typeof said === 'string' ? said : JSON.stringify(said);
}

/** The lines of a log, each with its LF. */
export function log(key: KeyObject, ...said: readonly Said[]): string {
  return said.map((one) => `${signRecord(textOf(one), key, 'digest')}\n`).join('');
}

/** A line that is signed in another way than the envelope asks for. */
export function signedOtherwise(
  key: KeyObject,
  said: Said,
  { hash = 'sha256', salt = 32, padding = constants.RSA_PKCS1_PSS_PADDING } = {},
): string {
  const text = textOf(said);
  const signature = sign(hash, Buffer.from(text), { key, padding, saltLength: salt });
  return `${sealed(text, signature)}\n`;
}
