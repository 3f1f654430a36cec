import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConfigError } from '../lib/errors.ts';
import { tlogKey } from '../lib/keys.ts';
import { keptTlogKey, localOrigin } from '../lib/local/kept-tlog.ts';
import { keyTlogSigner, type TlogSigner } from '../lib/tlog/signer.ts';

/** Where the local tlog lies. */
export const TLOG = '.custody/log';

/** Where `custody start` keeps receipts, whose bytes are the leaves of the tlog. */
export const RECEIPTS = '.custody/receipts';

/** Made where no key is named. Whoever can read this machine's files can sign with it. */
const LOCAL_KEY = '.custody/tlog.private.pem';

/** What checkpoints are signed with: the key that CUSTODY_TLOG_KEY names, else one of this machine's own. */
export async function localTlogSigner(env: NodeJS.ProcessEnv): Promise<TlogSigner> {
  const named = tlogKey(env);
  const origin = env['CUSTODY_TLOG_ORIGIN']?.trim();
  if (named?.kms !== undefined) {
    if (!origin)
      throw new ConfigError('SETTING_INVALID', [
        'CUSTODY_TLOG_ORIGIN is not set: a log whose key is in KMS has a name of its own',
      ]);
    // Only who names a key of AWS KMS waits for its client to load.
    const { kmsTlogSigner } = await import('../lib/aws/kms.ts');
    return kmsTlogSigner(named.kms, origin);
  }
  const file = named?.file ?? LOCAL_KEY;
  const pem = named === null ? await keptTlogKey(file) : await pemIn(file);
  const signer = signerOf(pem, origin);
  if ('problem' in signer) throw new ConfigError('KEYS_UNUSABLE', [`${file}: ${signer.problem}`]);
  return signer;
}

function signerOf(pem: string, origin: string | undefined): TlogSigner | { problem: string } {
  try {
    return keyTlogSigner(createPrivateKey(pem), origin || localOrigin(pem));
  } catch {
    return { problem: 'this is no private key in PEM form' };
  }
}

function pemIn(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new ConfigError('KEYS_UNUSABLE', [`${file}: the file can’t be read`], { cause: error });
  });
}
