import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../errors.ts';
import { readVerifyingKey, type VerifyingKey } from '../trust/keys.ts';
import { soonAfter } from './soon-after.ts';

/** A file among the keys: those in it, or why it is left out. */
export type KeyFile = readonly VerifyingKey[] | { readonly problem: string };

/** A folder of public keys that is looked after. */
export interface WatchedKeys {
  close(): Promise<void>;
}

const SETTLED_MS = 300;

/**
 * Every file of `folder` by its name, as it is now; a bad one stops no other. None where there is no
 * folder. Hidden files are passed over.
 */
export async function readKeyFolder(folder: string): Promise<ReadonlyMap<string, KeyFile>> {
  const names: string[] = await readdir(folder).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  const files = new Map<string, KeyFile>();
  for (const name of names.sort())
    if (!name.startsWith('.')) files.set(name, await readKeyFile(join(folder, name)));
  return files;
}

/** The keys of `folder` that can be used. */
export function usableKeys(files: ReadonlyMap<string, KeyFile>): readonly VerifyingKey[] {
  return [...files.values()].flatMap((file) => ('problem' in file ? [] : file));
}

/**
 * Tells of each file of `folder` what it is, now and whenever that changes, and calls `onNewKey` when
 * there is a key that was not there before.
 */
export async function watchKeyFolder(
  folder: string,
  tell: (message: string) => void,
  onNewKey: () => void,
): Promise<WatchedKeys> {
  let told = new Map<string, string>();
  let kids = new Set<string>();
  const look = async (): Promise<void> => {
    const files = await readKeyFolder(folder);
    const now = new Map([...files].map(([name, file]) => [name, describe(file)]));
    for (const [name, is] of now) if (told.get(name) !== is) tell(`${join(folder, name)}: ${is}`);
    for (const name of told.keys()) if (!now.has(name)) tell(`${join(folder, name)}: gone`);
    told = now;
    const usable = new Set(usableKeys(files).map(({ kid }) => kid));
    const hasNew = [...usable].some((kid) => !kids.has(kid));
    kids = usable;
    if (hasNew) onNewKey();
  };
  await look();
  const looks = soonAfter(
    () => look().catch((error: unknown) => tell(`${folder} can’t be read: ${String(error)}`)),
    SETTLED_MS,
  );
  // Only who watches waits for it to load; most only read the folder once.
  const { watch } = await import('chokidar');
  const watcher = watch(folder, { depth: 0 }).on('all', () => looks.changed());
  return {
    async close() {
      await watcher.close();
      await looks.close();
    },
  };
}

async function readKeyFile(path: string): Promise<KeyFile> {
  if (!/\.(?:pem|pub|crt)$/i.test(path))
    return { problem: 'its name does not end in .pem, .pub or .crt' };
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return { problem: 'the file can’t be read' };
  }
  const keys: VerifyingKey[] = [];
  for (const block of text.match(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----/g) ?? [text]) {
    const key = readVerifyingKey(block);
    if ('problem' in key) return key;
    keys.push(key);
  }
  return keys;
}

function describe(file: KeyFile): string {
  if ('problem' in file) return `left out: ${file.problem}`;
  return file.map(({ kid, bits }) => `key ${kid.slice(0, 12)}… (${bits} bits)`).join(', ');
}
