import { existsSync } from 'node:fs';
import { graphSettings } from '../lib/graph/settings.ts';
import { keyEntries, loadKeys } from '../lib/keys.ts';
import { readKeyFolder, usableKeys } from '../lib/local/key-folder.ts';
import type { VerifyingKey } from '../lib/trust/keys.ts';

/** Made by `custody start` for the embedded database; used where no key is named. */
export const DEMO_PUBLIC_KEY = '.custody/demo.public.pem';

/** Where the signers' public keys are dropped. */
export const KEYS = '.custody/keys';

/** {@link loadKeys}, wherever they are. */
export function namedKeys(entries: readonly string[]): Promise<readonly VerifyingKey[]> {
  return loadKeys(entries, async (key) => {
    // Only who names a key of AWS KMS waits for its client to load.
    const { kmsPublicKey } = await import('../lib/aws/kms.ts');
    return kmsPublicKey(key);
  });
}

/**
 * The keys of CUSTODY_KEYS, the demo's where the database is the embedded one, and those that were
 * dropped, as they are now. A dropped file that can't be used is left out; {@link ConfigError} names
 * what is wrong with CUSTODY_KEYS.
 */
export async function knownKeys(): Promise<readonly VerifyingKey[]> {
  const named = [
    ...keyEntries(process.env),
    ...(graphSettings(process.env) === null && existsSync(DEMO_PUBLIC_KEY)
      ? [DEMO_PUBLIC_KEY]
      : []),
  ];
  const dropped = usableKeys(await readKeyFolder(KEYS));
  return [...(named.length === 0 ? [] : await namedKeys(named)), ...dropped];
}
