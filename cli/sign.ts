import { randomBytes, type KeyObject } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ConfigError } from '../lib/errors.ts';
import { openEnvelope } from '../lib/trust/envelope.ts';
import { whyNotUtf8 } from '../lib/trust/explain-text.ts';
import { LineFramer, type Line } from '../lib/trust/lines.ts';
import { recordRefusal } from '../lib/trust/record.ts';
import { isRefusal, type Refusal, type Rejection } from '../lib/trust/rejection.ts';
import { sealed, signRecord } from '../lib/trust/sign.ts';
import type { Command } from './command.ts';
import { readPrivateKey } from './private-key.ts';
import { spool } from './spool.ts';
import { isReaderGone, print, printJsonText, tell, visibleJson } from './terminal.ts';

/** Requests to AWS KMS that are on their way at once. */
const MAX_IN_FLIGHT = 16;

/** Refused lines that are told of one by one. */
const MAX_TOLD = 20;

interface TextSigner {
  /** The envelope of a text. */
  sign(text: string): string | Promise<string>;
  /** Of a signature, at most. */
  readonly signatureBytes: number;
}

export const sign: Command = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      key: { type: 'string' },
      kms: { type: 'string' },
      salt: { type: 'string', default: 'digest' },
      nonce: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(
      'usage: custody sign --key PRIVATE.pem [--salt digest|max] [--nonce] < records.jsonl > log.jsonl',
      '       custody sign --kms KEY_ARN [--nonce] < records.jsonl > log.jsonl',
      'exit 1 when a line could never be accepted; then nothing is signed',
      '--nonce adds a random member to each record, so that nobody can guess what a digest stands for',
    );
    return 0;
  }
  const signer = await textSigner(values);
  const refused: Rejection[] = [];
  let refusedTotal = 0;
  const judge = (line: Line): void => {
    const refusal = refusalOf(line, signer, values.nonce);
    if (refusal === null) return;
    refusedTotal += 1;
    if (refused.length < MAX_TOLD) refused.push({ line: line.number, ...refusal });
  };
  const judged = new LineFramer();
  const records = await spool(process.stdin, (chunk) => judged.push(chunk).forEach(judge));
  try {
    judged.end().forEach(judge);
    if (refusedTotal === 0) await signAll(records, signer, values.nonce);
  } finally {
    await records.close();
  }
  if (refusedTotal === 0) return 0;
  tell(...refused.map(({ line, code, detail }) => `line ${line}: ${code}: ${detail}`));
  if (refusedTotal > MAX_TOLD) tell(`and ${refusedTotal - MAX_TOLD} more`);
  tell('custody: nothing was signed');
  return 1;
};

/** What ingestion would say of the line's envelope, but for its signature, which is not made yet. */
function refusalOf(line: Line, { signatureBytes }: TextSigner, nonce: boolean): Refusal | null {
  const text = textOf(line);
  if (typeof text !== 'string') return text;
  const plain = recordRefusal(text);
  if (plain !== null) return plain;
  const signed = nonce ? withNonce(text) : text;
  const envelope = Buffer.from(visibleJson(sealed(signed, Buffer.alloc(signatureBytes))));
  const framer = new LineFramer();
  const [first] = [...framer.push(envelope), ...framer.end()];
  const opened = openEnvelope(first?.bytes ?? null);
  return isRefusal(opened) ? opened : recordRefusal(opened.signedData);
}

async function signAll(records: FileHandle, signer: TextSigner, nonce: boolean): Promise<void> {
  const inFlight: (string | Promise<string>)[] = [];
  const printAllBut = async (most: number): Promise<void> => {
    while (inFlight.length > most) printJsonText((await inFlight.shift()) ?? '');
  };
  const signLines = async (lines: readonly Line[]): Promise<void> => {
    for (const line of lines) {
      const text = textOf(line);
      if (typeof text !== 'string') throw new Error('the line was good a moment ago');
      const envelope = signer.sign(nonce ? withNonce(text) : text);
      // It is awaited in its turn; until then a failure is not unhandled.
      if (envelope instanceof Promise) envelope.catch(() => undefined);
      inFlight.push(envelope);
      await printAllBut(MAX_IN_FLIGHT);
    }
  };
  const framer = new LineFramer();
  const chunks: AsyncIterable<Uint8Array> = records.createReadStream({
    start: 0,
    autoClose: false,
  });
  for await (const chunk of chunks) {
    if (isReaderGone()) return;
    await signLines(framer.push(chunk));
  }
  await signLines(framer.end());
  await printAllBut(0);
}

/** The text of a record that was judged to be good, with one more member. */
function withNonce(text: string): string {
  const end = text.lastIndexOf('}');
  return `${text.slice(0, end)},"nonce":"${randomBytes(16).toString('hex')}"${text.slice(end)}`;
}

async function textSigner({
  key,
  kms,
  salt,
}: {
  key?: string;
  kms?: string;
  salt: string;
}): Promise<TextSigner> {
  const problems: string[] = [];
  if ((key === undefined) === (kms === undefined))
    problems.push('one of --key PRIVATE.pem and --kms KEY_ARN is needed');
  if (salt !== 'digest' && salt !== 'max') problems.push('--salt is digest or max');
  if (salt === 'max' && kms !== undefined)
    problems.push('AWS KMS signs with a salt of 32 bytes only: leave --salt max out');
  if (problems.length > 0) throw new ConfigError('USAGE', problems);
  if (kms !== undefined) return kmsTextSigner(kms);
  const privateKey = await readPrivateKey(key ?? '');
  const saltLength = salt === 'max' ? 'max' : 'digest';
  return {
    sign: (text) => signRecord(text, privateKey, saltLength),
    signatureBytes: signatureBytesOf(privateKey),
  };
}

async function kmsTextSigner(kms: string): Promise<TextSigner> {
  // Only who names a key of AWS KMS waits for its client to load.
  const { kmsClient, kmsSign } = await import('../lib/aws/kms.ts');
  const client = kmsClient(kms);
  return {
    sign: async (text) => sealed(text, await kmsSign(kms, Buffer.from(text, 'utf8'), client)),
    // No key of AWS KMS is longer than 4,096 bits.
    signatureBytes: 512,
  };
}

function signatureBytesOf(privateKey: KeyObject): number {
  return Math.ceil((privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
}

function textOf({ bytes }: Line): string | Refusal {
  // As a line of the log the record would be longer still.
  if (bytes === null)
    return { code: 'LINE_TOO_LONG', detail: 'the line is too long to be ingested' };
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { code: 'LINE_NOT_UTF8', detail: `the line ${whyNotUtf8(bytes)}` };
  }
}
