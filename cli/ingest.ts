import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { counted } from '../lib/counted.ts';
import { ConfigError, PoisonObjectError } from '../lib/errors.ts';
import { payload } from '../lib/graph/settings.ts';
import { GraphWriter } from '../lib/graph/write/writer.ts';
import { ingestObject } from '../lib/ingest/ingest.ts';
import type { IngestOptions } from '../lib/ingest/judge.ts';
import { refuseUnreadable, type Receipt } from '../lib/ingest/receipt.ts';
import { verifyObject } from '../lib/ingest/verify-object.ts';
import { keyEntries, loadKeys } from '../lib/keys.ts';
import { storedFile } from '../lib/object/file.ts';
import { s3Name } from '../lib/object/s3-name.ts';
import type { ReadOptions, StoredObject } from '../lib/object/stored.ts';
import { openArchive } from './archive.ts';
import type { Command } from './command.ts';
import { tell, withGraph } from './database.ts';
import { DEMO_PUBLIC_KEY } from './known-keys.ts';

type Act = (object: StoredObject, options: IngestOptions) => Promise<Receipt>;

export const ingest: Command = (args) =>
  overFiles('ingest', args, (all, onRead) =>
    withGraph(async (graph) => {
      const sink = new GraphWriter(graph, payload(process.env));
      const stores = { sink, archive: await openArchive(process.env, { onRead }) };
      return all((object, options) => ingestObject(object, stores, options));
    }),
  );

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
    process.stdout.write(
      `usage: custody ${name} [--key PUBLIC.pem]… [--on-bad-line reject|quarantine] [--json] FILE…|s3://bucket/key…\n`,
    );
    return 0;
  }
  const onBadLine = values['on-bad-line'];
  if (onBadLine !== 'reject' && onBadLine !== 'quarantine')
    throw new ConfigError('USAGE', ['--on-bad-line is reject or quarantine']);
  if (positionals.length === 0)
    throw new ConfigError('USAGE', [`custody ${name} takes at least one file`]);
  let bar: ProgressBar | null = null;
  // A good log is read twice: to verify it, and out of the archive, to write it.
  const onRead = (bytes: number): void => bar?.to(bytes);
  const logs = await openAll(positionals, { onRead });
  const keys = await loadKeys(namedKeys(values.key));
  const receipts: Receipt[] = [];
  try {
    await around(async (act) => {
      for (const log of logs) {
        bar = progressBar(log.name, log.bytes);
        const receipt = await refuseUnreadable(log.uri, () =>
          act(log.object, { keys, onBadLine }),
        ).finally(() => bar?.clear());
        receipts.push(receipt);
        if (!values.json) process.stdout.write(`${verdict(log.name, receipt)}\n`);
      }
    }, onRead);
  } finally {
    // Also when a dependency fails half-way: what was done is told.
    if (values.json) process.stdout.write(`${JSON.stringify({ objects: receipts })}\n`);
  }
  return receipts.every(({ status }) => status === 'accepted' || status === 'empty') ? 0 : 1;
}

interface Log {
  /** As it was given. */
  readonly name: string;
  readonly uri: string;
  readonly bytes: number;
  readonly object: StoredObject;
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

async function openFile(path: string, options: ReadOptions): Promise<Log | string> {
  const found = await stat(path).catch(() => null);
  if (found === null) return 'there is no such file';
  if (found.isDirectory()) return 'this is a folder, not a log';
  const object = storedFile(path, options);
  return { name: path, uri: pathToFileURL(path).href, bytes: found.size, object };
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

function namedKeys(given: readonly string[]): readonly string[] {
  if (given.length > 0) return given;
  const entries = keyEntries(process.env);
  if (entries.length > 0) return entries;
  const hasDemo = existsSync(DEMO_PUBLIC_KEY);
  if (hasDemo) tell(`custody: no key is named, so the demo key ${DEMO_PUBLIC_KEY} is used`);
  return hasDemo ? [DEMO_PUBLIC_KEY] : [];
}

const BAR_WIDTH = 30;

interface ProgressBar {
  to(bytes: number): void;
  clear(): void;
}

/** On a terminal a bar on stderr, elsewhere nothing. */
function progressBar(path: string, total: number): ProgressBar {
  if (!process.stderr.isTTY) return { to: () => undefined, clear: () => undefined };
  return {
    to: (bytes) => {
      const share = total === 0 ? 1 : Math.min(1, bytes / total);
      const done = Math.round(share * BAR_WIDTH);
      const bar = '#'.repeat(done) + '.'.repeat(BAR_WIDTH - done);
      process.stderr.write(`\r[${bar}] ${String(Math.floor(share * 100)).padStart(3)} % ${path}`);
    },
    clear: () => process.stderr.write('\r\x1b[K'),
  };
}

/** What became of a log, for a person: one line, and one more for each of the first refusals. */
export function verdict(path: string, receipt: Receipt): string {
  const { status, lines, accepted, duplicate, withheld, rejectedTotal } = receipt;
  const counts = { accepted, duplicate, rejected: rejectedTotal, withheld };
  if (receipt.problem !== undefined) return `${path}: ${status}: ${receipt.problem}`;
  const told = Object.entries(counts).filter(([, count]) => count > 0);
  const summary = told.map(([name, count]) => `${count} ${name}`).join(', ');
  const refusals = receipt.rejected
    .slice(0, 5)
    .map(({ line, code, detail }) => `\n  line ${line}: ${code}: ${detail}`);
  return `${path}: ${status} (${counted(lines, 'line')}${summary === '' ? '' : `: ${summary}`})${refusals.join('')}`;
}
