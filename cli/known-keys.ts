import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { keyEntries, loadKeys } from '../lib/config.ts';
import { envelopeReader, uriOpener, type ReadEnvelope } from '../lib/evidence.ts';
import type { S3Name } from '../lib/object/s3-name.ts';
import type { StoredObject } from '../lib/object/stored.ts';

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

/** Reads envelopes of local files and of S3, and verifies them with {@link knownKeys}. */
export const readKnownEnvelope: ReadEnvelope = envelopeReader(uriOpener(openS3), async () =>
  loadKeys(await knownKeys()),
);

async function openS3(name: S3Name): Promise<StoredObject> {
  // Only who asks about an object of S3 waits for its client to load.
  const { s3Client, s3Object } = await import('../lib/object/s3.ts');
  return s3Object(s3Client(), name);
}
