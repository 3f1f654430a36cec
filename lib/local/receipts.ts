import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasCode } from '../errors.ts';
import { spellReceipt, type Receipt } from '../ingest/receipt.ts';
import { writeWhole } from './write-whole.ts';

/** Of a file's name, in bytes. */
const MAX_NAME_BYTES = 255;

/** A receipt that stands in its file, and whether it was written just now. */
export interface KeptReceipt {
  readonly file: string;
  readonly isNew: boolean;
}

/**
 * Keeps the receipt of one content of the file `name` as `<folder>/<name>@<sha256>.json`, in its one
 * spelling. Another outcome of the same content gets `….2.json`; nothing that was written before is
 * overwritten, and the same outcome is not written again.
 */
export async function keepReceipt(
  folder: string,
  name: string,
  receipt: Receipt,
): Promise<KeptReceipt> {
  const base = join(folder, receiptBase(name, receipt.object));
  await mkdir(dirname(base), { recursive: true });
  const text = spellReceipt(receipt);
  for (let outcome = 1; ; outcome += 1) {
    const file = `${base}${outcome === 1 ? '' : `.${outcome}`}.json`;
    const before = await textIn(file);
    if (before === text) return { file, isNew: false };
    if (before !== null) continue;
    await writeWhole(file, text);
    return { file, isNew: true };
  }
}

/** Every receipt that {@link keepReceipt} kept of an object, in the order in which they were kept; none of one elsewhere. */
export async function receiptsInFolder(
  folder: string,
  bucket: string,
  uri: string,
): Promise<readonly string[]> {
  if (!uri.startsWith('file:')) return [];
  const name = relative(resolve(bucket), fileURLToPath(uri)).split(sep).join('/');
  if (name.startsWith('..')) return [];
  const base = join(folder, receiptBase(name, uri));
  const receipts: string[] = [];
  for (let outcome = 1; ; outcome += 1) {
    const text = await textIn(`${base}${outcome === 1 ? '' : `.${outcome}`}.json`);
    if (text === null) return receipts;
    receipts.push(text);
  }
}

function receiptBase(name: string, uri: string): string {
  const version = new URL(uri).searchParams.get('sha256') ?? 'unversioned';
  const last = posix.basename(name);
  // Room for the ending.
  const isShort = Buffer.byteLength(`${last}@${version}`) <= MAX_NAME_BYTES - 40;
  const short = isShort ? last : `sha256-${createHash('sha256').update(last).digest('hex')}`;
  return posix.join(posix.dirname(name), `${short}@${version}`);
}

/** Null where there is none. */
async function textIn(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  });
}
