import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { TransientError } from '../../lib/errors.ts';
import type { Archive } from '../../lib/ingest/archive.ts';
import { localArchive } from '../../lib/local/log-archive.ts';
import { storedFile } from '../../lib/object/file.ts';
import type { StoredObject } from '../../lib/object/stored.ts';

const root = mkdtempSync(join(tmpdir(), 'custody-'));
const folder = join(root, 'archive');
const path = join(root, 'log.jsonl');
const TEXT = '{"one":1}\n{"two":2}\n';
let archive: Archive;
beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  writeFileSync(path, TEXT);
  archive = localArchive(folder);
});
afterAll(() => rmSync(root, { recursive: true }));

const sha256 = (bytes: string | Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

async function textOf(object: StoredObject | null, from = 0): Promise<string | null> {
  if (object === null) return null;
  const chunks: Uint8Array[] = [];
  for await (const chunk of object.read(from)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function put(object: StoredObject, text = 'judged'): Promise<string> {
  await textOf(object);
  const identity = object.identity();
  const log = identity.sha256 ?? '';
  await archive.put(object, identity, { name: { log, parked: null }, text, tree: null });
  return log;
}

test('a log is read from the archive when its file is gone, from any byte, packed or not', async () => {
  const log = await put(storedFile(path));
  const gz = join(root, 'log.jsonl.gz');
  writeFileSync(gz, gzipSync(TEXT));
  const packed = await put(storedFile(gz));
  rmSync(path);
  rmSync(gz);
  for (const name of [log, packed]) {
    expect(await textOf(await archive.open(name))).toBe(TEXT);
    expect(await textOf(await archive.open(name), 10)).toBe(TEXT.slice(10));
  }
  expect(await archive.open(sha256('another'))).toBeNull();
});

test('the first verdict on a log stays, one for each set of lines that was set aside', async () => {
  const log = await put(storedFile(path), 'first');
  await put(storedFile(path), 'second');
  expect(await archive.verdict({ log, parked: null })).toBe('first');
  expect(await archive.verdict({ log, parked: 'ab' })).toBeNull();
});

test('a file that changed after it was read is not archived, and leaves nothing behind', async () => {
  const object = storedFile(path);
  await textOf(object);
  appendFileSync(path, '{"three":3}\n');
  const name = { log: sha256(TEXT), parked: null };
  const putting = archive.put(object, object.identity(), { name, text: '', tree: null });
  await expect(putting).rejects.toMatchObject({ code: 'OBJECT_CHANGED' });
  expect(readdirSync(folder)).toEqual([]);
});

test('a copy that a crash left unfinished is no log, and does not stand in the way', async () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${sha256(TEXT)}.cut-off.tmp`), TEXT.slice(0, 5));
  expect(await archive.open(sha256(TEXT))).toBeNull();
  expect(await textOf(await archive.open(await put(storedFile(path))))).toBe(TEXT);
});

test('where there is no room for a log, nothing is archived and it is tried again later', async () => {
  // As a full disk does, a folder that is none fails when the copy is made.
  const blocked = localArchive(join(path, 'archive'));
  const object = storedFile(path);
  await textOf(object);
  const name = { log: sha256(TEXT), parked: null };
  const putting = blocked.put(object, object.identity(), { name, text: '', tree: null });
  await expect(putting).rejects.toThrow(TransientError);
  expect(existsSync(folder)).toBe(false);
});

test('a log that is there already is not touched again, and one that was damaged is told', async () => {
  const log = await put(storedFile(path));
  await put(storedFile(path));
  // It is never repaired in silence.
  writeFileSync(join(folder, log), 'damaged');
  await expect(put(storedFile(path))).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED' });
  expect(readFileSync(join(folder, log), 'utf8')).toBe('damaged');
});
