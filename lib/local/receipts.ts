import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasCode } from '../errors.ts';
import { isReceiptName, receiptName, spellReceipt, type Receipt } from '../ingest/receipt.ts';
import { makeFolder } from './make-folder.ts';
import { readIfThere } from './read-if-there.ts';
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
 * overwritten, and the same outcome is not written again. It is submitted to the tlog each time: what
 * was written and not submitted, as when this ended in between, is so the next time.
 */
export async function keepReceipt(
  folder: string,
  name: string,
  receipt: Receipt,
  submit: (leaf: Uint8Array) => Promise<void> = () => Promise.resolve(),
): Promise<KeptReceipt> {
  const base = join(folder, receiptBase(name, receipt.object));
  await makeFolder(dirname(base));
  const text = spellReceipt(receipt);
  for (let outcome = 1; ; outcome += 1) {
    const file = receiptName(base, outcome);
    const before = await textIn(file);
    if (before !== null && before !== text) continue;
    if (before === null) await writeWhole(file, text);
    await submit(Buffer.from(text));
    return { file, isNew: before === null };
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
    const text = await textIn(receiptName(base, outcome));
    if (text === null) return receipts;
    receipts.push(text);
  }
}

/** Whether {@link keepReceipt} may give a receipt of the file of that URI this name: the folder may have moved. */
export function isReceiptFile(file: string, object: string): boolean {
  if (!URL.canParse(object)) return false;
  const path = decodeURIComponent(new URL(object).pathname);
  const depth = file.split('/').length;
  const base = receiptBase(path.split('/').slice(-depth).join('/'), object);
  return isReceiptName(file, base);
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
  return (await readIfThere(file))?.toString('utf8') ?? null;
}

/** Every receipt of a folder, by its path in there. */
export async function* receiptFiles(
  folder: string,
): AsyncGenerator<{ readonly name: string; readonly bytes: Buffer }> {
  const names: string[] = await readdir(folder, { recursive: true }).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  for (const name of names.sort())
    if (name.endsWith('.json'))
      yield { name: name.split(sep).join('/'), bytes: await readFile(join(folder, name)) };
}
