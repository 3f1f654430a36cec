import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError, hasCode } from '../lib/errors.ts';
import { MIN_KEY_BITS } from '../lib/trust/weak-key.ts';
import type { Command } from './command.ts';
import { print } from './terminal.ts';

export const keygen: Command = async (args) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      bits: { type: 'string', default: String(MIN_KEY_BITS) },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(
      'usage: custody keygen [--bits 2048|3072|4096] [NAME]',
      'writes NAME.private.pem and NAME.public.pem; NAME is .custody/signer where it is not given',
    );
    return 0;
  }
  const bits = Number(values.bits);
  if (![2_048, 3_072, 4_096].includes(bits))
    throw new ConfigError('USAGE', ['--bits is 2048, 3072 or 4096']);
  const files = await writeKeyPair(positionals[0] ?? '.custody/signer', bits);
  print(...files);
  return 0;
};

/** Writes NAME.private.pem, readable by its owner alone, and NAME.public.pem; never over another file. */
export async function writeKeyPair(name: string, bits: number): Promise<[string, string]> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  const files: [string, string] = [`${name}.private.pem`, `${name}.public.pem`];
  try {
    await mkdir(dirname(name), { recursive: true });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(files[0], pem, { mode: 0o600, flag: 'wx' });
    await writeFile(files[1], publicKey.export({ type: 'spki', format: 'pem' }), { flag: 'wx' });
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    throw new ConfigError('FILE_EXISTS', [
      `${files.join(' or ')} is there already; it is not overwritten`,
    ]);
  }
  return files;
}
