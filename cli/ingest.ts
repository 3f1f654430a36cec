import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { counted } from '../lib/counted.ts';
import { ConfigError, PoisonObjectError } from '../lib/errors.ts';
import { payload } from '../lib/graph/settings.ts';
import type { IngestOptions } from '../lib/ingest/judge.ts';
import { MAX_KEPT_BYTES } from '../lib/ingest/kept.ts';
import { refuseUnreadable, type Receipt } from '../lib/ingest/receipt.ts';
import { verifyObject } from '../lib/ingest/verify-object.ts';
import { storedFile, storedHandle } from '../lib/object/file.ts';
import { s3Name } from '../lib/object/s3-name.ts';
import type { ReadOptions, StoredObject } from '../lib/object/stored.ts';
import type { VerifyingKey } from '../lib/trust/keys.ts';
import { startSignatureThread } from '../lib/trust/signature-thread.ts';
import type { Command } from './command.ts';
import { signatureCause } from './explanation.ts';
import { knownKeys, namedKeys } from './known-keys.ts';
import { spool } from './spool.ts';
import { print, printJson, progress, tell } from './terminal.ts';

type Act = (object: StoredObject, options: IngestOptions) => Promise<Receipt>;

export const ingest: Command = (args) =>
  overFiles('ingest', args, async (all, onRead) => {
    // Only who writes waits for the database's driver to load.
    const [{ withGraph }, { GraphWriter }, { ingestObject }, { openArchive }] = await Promise.all([
      import('./database.ts'),
      import('../lib/graph/write/writer.ts'),
      import('../lib/ingest/ingest.ts'),
      import('./archive.ts'),
    ]);
    await withGraph(async (graph) => {
      const sink = new GraphWriter(graph, payload(process.env));
      const stores = { sink, archive: await openArchive(process.env, { onRead }) };
      return all((object, options) => ingestObject(object, stores, options));
    });
  });

export const verify: Command = (args) => overFiles('verify', args, (all) => all(verifyObject));

async function overFiles(
  name: 'ingest' | 'verify',
  args: string[],
  around: (all: (act: Act) => Promise<void>, onRead: (bytes: number) => void) => Promise<void>,
): Promise<0 | 1> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      key: { type: 'string', multiple: true, default: [] },
      'on-bad-line': { type: 'string', default: 'reject' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(
      `usage: custody ${name} [--key PUBLIC.pem]… [--on-bad-line reject|quarantine] [--json] FILE…|s3://bucket/key…|-`,
      'without --key: the keys of CUSTODY_KEYS, those in .custody/keys/, and the demo’s; - is stdin',
    );
    return 0;
  }
  const onBadLine = values['on-bad-line'];
  if (onBadLine !== 'reject' && onBadLine !== 'quarantine')
    throw new ConfigError('USAGE', ['--on-bad-line is reject or quarantine']);
  if (positionals.length === 0)
    throw new ConfigError('USAGE', [`custody ${name} takes at least one file`]);
  // A good log is read twice: to verify it, and out of the archive, to write it.
  let told: (bytes: number) => void = () => undefined;
  const onRead = (bytes: number): void => told(bytes);
  const logs = await openAll(positionals, { onRead });
  const keys = values.key.length > 0 ? await namedKeys(values.key) : await unnamedKeys();
  const receipts: Receipt[] = [];
  try {
    await around(async (act) => {
      for (const log of logs) {
        told = progressOf(log.name, log.bytes);
        const receipt = await refuseUnreadable(log.uri, () =>
          act(log.object, { keys, onBadLine, ...bySize(log.bytes, keys) }),
        ).finally(() => progress.clear());
        receipts.push(receipt);
        if (!values.json) print(...verdict(log.name, receipt));
      }
    }, onRead);
  } finally {
    // Also when a dependency fails half-way: what was done is told.
    for (const { close } of logs) await close?.();
    if (values.json) printJson({ objects: receipts });
  }
  return receipts.every(({ status }) => status === 'accepted' || status === 'empty') ? 0 : 1;
}

/** A smaller log is verified before a thread has got going. */
const THREAD_BYTES = 4 * 1024 * 1024;

/** What is worth while for a log of so many bytes: here they are known before it is read, also those of a file. */
function bySize(
  bytes: number,
  keys: readonly VerifyingKey[],
): Pick<IngestOptions, 'startThread' | 'maxKeptBytes'> {
  const isForTwo = bytes >= THREAD_BYTES && availableParallelism() > 1;
  return {
    ...(isForTwo ? { startThread: () => startSignatureThread(keys) } : {}),
    ...(bytes > MAX_KEPT_BYTES ? { maxKeptBytes: 0 } : {}),
  };
}

interface Log {
  /** As it was given. */
  readonly name: string;
  readonly uri: string;
  readonly bytes: number;
  readonly object: StoredObject;
  /** There where something is kept open for it. */
  readonly close?: () => Promise<void>;
}

/** Names everything that is missing or no log at once, before anything is begun. */
async function openAll(names: readonly string[], options: ReadOptions): Promise<readonly Log[]> {
  const problems: string[] = [];
  const logs: Log[] = [];
  for (const name of names) {
    const log = await (name.startsWith('s3://') ? openS3(name, options) : openFile(name, options));
    if (typeof log === 'string') problems.push(`${name}: ${log}`);
    else logs.push(log);
  }
  if (problems.length > 0) throw new ConfigError('USAGE', problems);
  return logs;
}

const STDIN = '/dev/stdin';

async function openFile(path: string, options: ReadOptions): Promise<Log | string> {
  if (path === '-') return openPipe(STDIN, process.stdin, options);
  const found = await stat(path).catch(() => null);
  if (found === null) return 'there is no such file';
  if (found.isDirectory()) return 'this is a folder, not a log';
  // A socket as stdin, which some parents give, can't be opened by its name.
  if (!found.isFile())
    return openPipe(path, path === STDIN ? process.stdin : createReadStream(path), options);
  const object = storedFile(path, options);
  return { name: path, uri: pathToFileURL(path).href, bytes: found.size, object };
}

/** What can be read only once is kept in a file without a name until its verdict is out. */
async function openPipe(
  name: string,
  stream: AsyncIterable<Uint8Array>,
  options: ReadOptions,
): Promise<Log> {
  const file = await spool(stream);
  const uri = pathToFileURL(name).href;
  const { size: bytes } = await file.stat();
  const object = storedHandle(file, name, options);
  return { name, uri, bytes, object, close: () => file.close() };
}

async function openS3(uri: string, options: ReadOptions): Promise<Log | string> {
  const name = s3Name(uri);
  if (name === null) return 'this is not of the form s3://bucket/key, with ?versionId=… or without';
  // Only who names an object of S3 waits for its client to load.
  const { s3Client, s3Object } = await import('../lib/aws/s3-object.ts');
  try {
    const object = await s3Object(s3Client(), name, options);
    const { uri: version, bytes } = object.identity();
    return { name: uri, uri: version, bytes, object };
  } catch (error) {
    if (error instanceof PoisonObjectError) return error.message;
    throw error;
  }
}

/** Those that `custody start` verifies with. */
async function unnamedKeys(): Promise<readonly VerifyingKey[]> {
  const known = await knownKeys();
  if (known.length === 0) return namedKeys([]);
  const kids = known.map(({ kid }) => kid.slice(0, 8)).join(', ');
  tell(`custody: no key is named, so those of custody start are used: ${kids}`);
  return known;
}

const BAR_WIDTH = 30;

/** A bar for what is read of so many bytes, on a terminal. */
function progressOf(name: string, total: number): (bytes: number) => void {
  return (bytes) => {
    const share = total === 0 ? 1 : Math.min(1, bytes / total);
    const done = Math.round(share * BAR_WIDTH);
    const bar = '#'.repeat(done) + '.'.repeat(BAR_WIDTH - done);
    progress.show(`[${bar}] ${String(Math.floor(share * 100)).padStart(3)} % ${name}`);
  };
}

/** What became of a log, for a person: one line, and one more for each of the first refusals. */
export function verdict(path: string, receipt: Receipt): readonly string[] {
  const { status, lines, accepted, duplicate, withheld, rejectedTotal } = receipt;
  const counts = { accepted, duplicate, rejected: rejectedTotal, withheld };
  if (receipt.problem !== undefined) return [`${path}: ${status}: ${receipt.problem}`];
  const told = Object.entries(counts).filter(([, count]) => count > 0);
  const least = (name: string): string =>
    name === 'rejected' && receipt.rejectedAtLeast === true ? 'at least ' : '';
  const summary = told.map(([name, count]) => `${least(name)}${count} ${name}`).join(', ');
  const refusals = receipt.rejected
    .slice(0, 5)
    .map(({ line, code, detail }) => `  line ${line}: ${code}: ${detail}`);
  const cause = signatureCause(receipt);
  return [
    `${path}: ${status} (${counted(lines, 'line')}${summary === '' ? '' : `: ${summary}`})`,
    ...(cause === null ? [] : [`  ${cause}`]),
    ...refusals,
  ];
}
