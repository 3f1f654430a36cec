import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { hasCode } from '../errors.ts';
import type { Receipt } from '../ingest/receipt.ts';
import { VERSION } from '../version.ts';
import { writeWhole } from './write-whole.ts';

/** Of a file's name, in bytes. */
const MAX_NAME_BYTES = 255;

const stored = z.looseObject({ time: z.string(), keys: z.array(z.string()), custody: z.string() });

/** A receipt that stands in its file, and whether it was written just now. */
export interface KeptReceipt {
  readonly file: string;
  readonly isNew: boolean;
}

/**
 * Keeps the receipt of one content of the file `name` as `<folder>/<name>@<sha256>.json`, with the time,
 * the keys that were configured and the version of Custody. Another outcome of the same content gets
 * `….2.json`; nothing that was written before is overwritten, and the same outcome is not written again.
 */
export async function keepReceipt(
  folder: string,
  name: string,
  receipt: Receipt,
  kids: readonly string[],
): Promise<KeptReceipt> {
  const base = join(folder, receiptBase(name, receipt.object));
  await mkdir(dirname(base), { recursive: true });
  const kept = { ...receipt, time: new Date().toISOString(), keys: kids, custody: VERSION };
  for (let outcome = 1; ; outcome += 1) {
    const file = `${base}${outcome === 1 ? '' : `.${outcome}`}.json`;
    const before = await outcomeIn(file);
    if (before === null) {
      await writeWhole(file, `${JSON.stringify(kept, null, 2)}\n`);
      return { file, isNew: true };
    }
    if (isDeepStrictEqual(before, JSON.parse(JSON.stringify(receipt))))
      return { file, isNew: false };
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

/** What a receipt says of its object; null where there is none. */
async function outcomeIn(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  });
  if (text === null) return null;
  const { time: _, keys: __, custody: ___, ...outcome } = stored.parse(JSON.parse(text));
  return outcome;
}
