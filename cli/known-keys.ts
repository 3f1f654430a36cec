import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenLog } from '../lib/evidence.ts';
import { keyEntries } from '../lib/keys.ts';
import { localArchive } from '../lib/local/log-archive.ts';
import { ARCHIVE } from './database.ts';

/** Made by `custody start`; used where no key is named. */
export const DEMO_PUBLIC_KEY = '.custody/demo.public.pem';

/** Where the signers' public keys are dropped. */
export const KEYS = '.custody/keys';

/** Entries for `loadKeys`: those of CUSTODY_KEYS, the demo's, and what was dropped, as it is now. */
export async function knownKeys(): Promise<string[]> {
  const dropped = existsSync(KEYS) ? await readdir(KEYS) : [];
  return [
    ...keyEntries(process.env),
    ...(existsSync(DEMO_PUBLIC_KEY) ? [DEMO_PUBLIC_KEY] : []),
    ...dropped
      .filter((name) => name.endsWith('.pem'))
      .sort()
      .map((name) => join(KEYS, name)),
  ];
}

/** Opens a log of the archive here. */
export const openArchived: OpenLog = localArchive(ARCHIVE).open;
