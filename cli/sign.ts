import { parseArgs } from 'node:util';
import { ConfigError } from '../lib/errors.ts';
import { LineFramer, type Line } from '../lib/trust/lines.ts';
import { sealed, signRecord } from '../lib/trust/sign.ts';
import type { Command } from './command.ts';
import { readPrivateKey } from './private-key.ts';

/** Requests to AWS KMS that are on their way at once. */
const MAX_IN_FLIGHT = 16;

type Sign = (text: string) => string | Promise<string>;

export const sign: Command = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      key: { type: 'string' },
      kms: { type: 'string' },
      salt: { type: 'string', default: 'digest' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(
      'usage: custody sign --key PRIVATE.pem [--salt digest|max] < records.jsonl > log.jsonl\n' +
        '       custody sign --kms KEY_ARN < records.jsonl > log.jsonl\n',
    );
    return 0;
  }
  const signText = await signer(values);
  const inFlight: (string | Promise<string>)[] = [];
  const writeAllBut = async (most: number): Promise<void> => {
    while (inFlight.length > most) process.stdout.write(`${await inFlight.shift()}\n`);
  };
  const framer = new LineFramer();
  const signAll = async (lines: readonly Line[]): Promise<void> => {
    for (const line of lines) {
      const envelope = signText(textOf(line));
      // It is awaited in its turn; until then a failure is not unhandled.
      if (envelope instanceof Promise) envelope.catch(() => undefined);
      inFlight.push(envelope);
      await writeAllBut(MAX_IN_FLIGHT);
    }
  };
  const stdin: AsyncIterable<Uint8Array> = process.stdin;
  for await (const chunk of stdin) await signAll(framer.push(chunk));
  await signAll(framer.end());
  await writeAllBut(0);
  return 0;
};

async function signer({
  key,
  kms,
  salt,
}: {
  key?: string;
  kms?: string;
  salt: string;
}): Promise<Sign> {
  const problems: string[] = [];
  if ((key === undefined) === (kms === undefined))
    problems.push('one of --key PRIVATE.pem and --kms KEY_ARN is needed');
  if (salt !== 'digest' && salt !== 'max') problems.push('--salt is digest or max');
  if (salt === 'max' && kms !== undefined)
    problems.push('AWS KMS signs with a salt of 32 bytes only: leave --salt max out');
  if (problems.length > 0) throw new ConfigError('USAGE', problems);
  if (kms !== undefined) {
    // Only who names a key of AWS KMS waits for its client to load.
    const { kmsClient, kmsSign } = await import('../lib/aws/kms.ts');
    const client = kmsClient(kms);
    return async (text) => sealed(text, await kmsSign(kms, Buffer.from(text, 'utf8'), client));
  }
  const privateKey = await readPrivateKey(key ?? '');
  return (text) => signRecord(text, privateKey, salt === 'max' ? 'max' : 'digest');
}

function textOf({ bytes, number }: Line): string {
  if (bytes === null)
    throw new ConfigError('LINE_UNSIGNABLE', [`line ${number} is too long to be ingested`]);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ConfigError('LINE_UNSIGNABLE', [`line ${number} is not valid UTF-8`]);
  }
}
