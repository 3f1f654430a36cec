import { createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { ConfigError } from '../lib/errors.ts';
import { reportKey } from '../lib/keys.ts';
import { readVerifyingKey, type VerifyingKey } from '../lib/trust/keys.ts';
import { keySigner, type Signer } from '../lib/trust/sign.ts';
import { writeKeyPair } from './keygen.ts';
import { namedKeys } from './known-keys.ts';
import { readPrivateKey } from './private-key.ts';
import { tell } from './terminal.ts';

/** Made where no key is named. Whoever can read this machine's files can sign with it. */
const LOCAL = '.custody/report';

/** As on the command line. */
interface Given {
  readonly key?: string | undefined;
  readonly kms?: string | undefined;
}

/** What reports are signed with: a key of AWS KMS, a private key's file, or a pair of this machine's own. */
export async function reportSigner({ key, kms }: Given): Promise<Signer> {
  if (key !== undefined && kms !== undefined)
    throw new ConfigError('USAGE', ['one of --key PRIVATE.pem and --kms KEY_ARN, not both']);
  const isGiven = key !== undefined || kms !== undefined;
  const named = isGiven ? { file: key, kms } : reportKey(process.env);
  if (named?.kms !== undefined) {
    // Only who names a key of AWS KMS waits for its client to load.
    const { kmsSigner } = await import('../lib/aws/kms.ts');
    return kmsSigner(named.kms);
  }
  if (named?.file === undefined && !existsSync(`${LOCAL}.private.pem`)) {
    const files = await writeKeyPair(LOCAL, 3_072);
    tell(`custody: no key is named, so a pair was made: ${files.join(' and ')}`);
  }
  return keySigner(await readPrivateKey(named?.file ?? `${LOCAL}.private.pem`));
}

/** What reports are verified with: the given public keys, else the public half of what signs them here. */
export async function reportVerifyingKeys(
  given: readonly string[],
): Promise<readonly VerifyingKey[]> {
  if (given.length > 0) return namedKeys(given);
  const named = reportKey(process.env);
  if (named?.kms !== undefined) return namedKeys([`kms:${named.kms}`]);
  const file = named?.file ?? `${LOCAL}.private.pem`;
  if (!existsSync(file))
    throw new ConfigError('KEYS_UNUSABLE', [
      'no key to verify with: give --key PUBLIC.pem or set CUSTODY_REPORT_KEY',
    ]);
  const pem = createPublicKey(await readPrivateKey(file)).export({ type: 'spki', format: 'pem' });
  const key = readVerifyingKey(pem.toString());
  if ('problem' in key) throw new ConfigError('KEYS_UNUSABLE', [`${file}: ${key.problem}`]);
  return [key];
}
