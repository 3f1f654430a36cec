import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { counted } from '../lib/counted.ts';
import { ConfigError } from '../lib/errors.ts';
import { fsck, nothingExamined, type FsckSource } from '../lib/fsck.ts';
import { isReceiptFile, receiptFiles } from '../lib/local/receipts.ts';
import { tlogFolder } from '../lib/local/tlog-folder.ts';
import { readVerifierKey, type VerifierKey } from '../lib/tlog/note.ts';
import { archiveIn } from './archive.ts';
import type { Command } from './command.ts';
import { print, printJson, tell } from './terminal.ts';
import { localTlogSigner, RECEIPTS, TLOG } from './tlog.ts';

const HELP = `usage: custody fsck [--bucket EVIDENCE_BUCKET] [--key VKEY] [--json]

Derives the tlog anew from its entries, and compares what is kept with it: checkpoint, tiles, index,
receipts byte for byte, archived logs by their SHA-256. Names each difference; exit 1 when there is one.

  --bucket  the evidence bucket of a stack; else what custody start keeps in .custody
  --key     the log's key as the function tells it, <name>+<id>+<base64>; with --bucket it, or
            CUSTODY_TLOG_KEY and CUSTODY_TLOG_ORIGIN, is needed. One that comes from elsewhere than the
            log is what makes a forged log show
  --json    each difference as a line of JSON`;

export const fsckCommand: Command = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      bucket: { type: 'string' },
      key: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(...HELP.split('\n'));
    return 0;
  }
  const { bucket } = values;
  const source = await sourceOf(bucket, await keyOf(values.key, bucket));
  const examined = nothingExamined();
  let losses = 0;
  for await (const loss of fsck(source, examined)) {
    losses += 1;
    if (values.json) printJson(loss);
    else print(`${loss.path}: ${loss.problem}`);
  }
  const { leaves, heartbeats, tiles, receipts, logs } = examined;
  tell(
    [
      `${counted(leaves, 'leaf', 'leaves')} (${counted(heartbeats, 'heartbeat', 'heartbeats')})`,
      counted(tiles, 'tile', 'tiles'),
      counted(receipts, 'receipt', 'receipts'),
      counted(logs, 'log', 'logs'),
      losses === 0 ? 'all as the tlog says' : counted(losses, 'loss', 'losses'),
    ].join(', '),
  );
  return losses === 0 ? 0 : 1;
};

async function keyOf(vkey: string | undefined, bucket: string | undefined): Promise<VerifierKey> {
  if (vkey !== undefined) {
    const key = readVerifierKey(vkey);
    if ('problem' in key) throw new ConfigError('USAGE', [`--key: ${key.problem}`]);
    return key;
  }
  if (bucket !== undefined && !process.env['CUSTODY_TLOG_KEY'])
    throw new ConfigError('USAGE', ['--bucket needs --key: what its log is signed with']);
  if (bucket === undefined && !existsSync(TLOG))
    throw new ConfigError('USAGE', [`there is no log in ${TLOG}; custody start makes one`]);
  return (await localTlogSigner(process.env)).key;
}

async function sourceOf(bucket: string | undefined, key: VerifierKey): Promise<FsckSource> {
  // As custody start has it.
  const archive = await archiveIn(bucket ?? process.env['CUSTODY_EVIDENCE_BUCKET']);
  if (bucket === undefined)
    return {
      store: tlogFolder(TLOG),
      key,
      receipts: () => receiptFiles(RECEIPTS),
      isReceiptName: isReceiptFile,
      archive,
    };
  const [{ s3Client }, { tlogBucket }, { bucketReceiptFiles, isReceiptKey }] = await Promise.all([
    import('../lib/aws/s3-object.ts'),
    import('../lib/aws/tlog-bucket.ts'),
    import('../lib/aws/bucket-receipts.ts'),
  ]);
  const client = s3Client();
  return {
    store: tlogBucket(client, bucket),
    key,
    receipts: () => bucketReceiptFiles(client, bucket),
    isReceiptName: isReceiptKey,
    archive,
  };
}
