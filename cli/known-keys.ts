import { existsSync } from 'node:fs';
import { PoisonObjectError } from '../lib/errors.ts';
import { graphSettings } from '../lib/graph/settings.ts';
import { keyEntries } from '../lib/key-entries.ts';
import { loadKeys, loadTrusted, type KeySources, type TrustedKeys } from '../lib/keys.ts';
import { readKeyFolder, usableKeys } from '../lib/local/key-folder.ts';
import { s3Name } from '../lib/object/s3-name.ts';
import type { VerifyingKey } from '../lib/trust/keys.ts';

/** Made by `custody start` for the embedded database; used where no key is named. */
export const DEMO_PUBLIC_KEY = '.custody/demo.public.pem';

/** Where the signers' public keys are dropped. */
export const KEYS = '.custody/keys';

/** {@link loadKeys}, wherever they are. */
export function namedKeys(entries: readonly string[]): Promise<readonly VerifyingKey[]> {
  return loadKeys(entries, SOURCES);
}

const SOURCES: KeySources = {
  // Only who names a ring, or something in AWS, waits for what reads it to load.
  async parse(text) {
    const { parseRing } = await import('../lib/key-ring.ts');
    return parseRing(text);
  },
  async kms(key) {
    const { kmsPublicKey } = await import('../lib/aws/kms.ts');
    return kmsPublicKey(key);
  },
  async s3(uri) {
    const name = s3Name(uri);
    if (name === null) return { problem: 'this is not of the form s3://bucket/key' };
    const { s3Client, s3Object } = await import('../lib/aws/s3-object.ts');
    try {
      const object = await s3Object(s3Client(), name);
      const chunks: Uint8Array[] = [];
      for await (const chunk of object.read()) chunks.push(chunk);
      return Buffer.concat(chunks).toString('utf8');
    } catch (error) {
      if (error instanceof PoisonObjectError) return { problem: error.message };
      throw error;
    }
  },
};

/** The keys of {@link knownTrust} that signatures are checked against. */
export async function knownKeys(): Promise<readonly VerifyingKey[]> {
  return (await knownTrust()).keys;
}

/**
 * The keys of CUSTODY_KEYS, the demo's where the database is the embedded one, and those that were
 * dropped, as they are now. A dropped file that can't be used is left out; {@link ConfigError} names
 * what is wrong with CUSTODY_KEYS. What a ring says of a key holds, though its file was dropped, too.
 */
export async function knownTrust(): Promise<TrustedKeys> {
  const named = [
    ...keyEntries(process.env),
    ...(graphSettings(process.env) === null && existsSync(DEMO_PUBLIC_KEY)
      ? [DEMO_PUBLIC_KEY]
      : []),
  ];
  const dropped = usableKeys(await readKeyFolder(KEYS));
  const { keys, ring } =
    named.length === 0 ? { keys: [], ring: [] } : await loadTrusted(named, SOURCES);
  const kids = new Set(ring.map(({ kid }) => kid));
  const others = dropped.filter(({ kid }) => !kids.has(kid));
  return { keys: [...keys, ...others], ring: [...ring, ...others] };
}
