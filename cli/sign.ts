import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ConfigError } from '../lib/errors.ts';
import { LineFramer, type Line } from '../lib/trust/lines.ts';
import { signRecord } from '../lib/trust/sign.ts';
import type { Command } from './command.ts';

export const sign: Command = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      key: { type: 'string' },
      salt: { type: 'string', default: 'digest' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(
      'usage: custody sign --key PRIVATE.pem [--salt digest|max] < records.jsonl > log.jsonl\n',
    );
    return 0;
  }
  const { salt } = values;
  const problems: string[] = [];
  if (values.key === undefined) problems.push('--key PRIVATE.pem is needed');
  if (salt !== 'digest' && salt !== 'max') problems.push('--salt is digest or max');
  if (problems.length > 0 || values.key === undefined || (salt !== 'digest' && salt !== 'max'))
    throw new ConfigError(problems);
  const key = await privateKey(values.key);
  const framer = new LineFramer();
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const write = ({ bytes, number }: Line): void => {
    if (bytes === null) throw new ConfigError([`line ${number} is too long to be ingested`]);
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch {
      throw new ConfigError([`line ${number} is not valid UTF-8`]);
    }
    process.stdout.write(`${signRecord(text, key, salt)}\n`);
  };
  for await (const chunk of process.stdin) framer.push(chunk as Uint8Array).forEach(write);
  framer.end().forEach(write);
  return 0;
};

async function privateKey(path: string): Promise<KeyObject> {
  const pem = await readFile(path, 'utf8');
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new ConfigError([`${path} is not a private key in PEM form`]);
  }
  if (key.asymmetricKeyType !== 'rsa') throw new ConfigError([`${path} is not an RSA key`]);
  return key;
}
