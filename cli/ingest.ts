import { access } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { keyEntries, loadKeys } from '../lib/config.ts';
import { ConfigError } from '../lib/errors.ts';
import { GraphWriter } from '../lib/graph/writer.ts';
import { ingestFile, verifyFile, type IngestOptions, type Receipt } from '../lib/ingest/ingest.ts';
import { sourceFile, type SourceFile } from '../lib/object/file.ts';
import type { Command } from './custody.ts';
import { tell, withGraph } from './database.ts';

/** Made by `custody start`; used where no key is named. */
export const DEMO_PUBLIC_KEY = '.custody/demo.public.pem';

type Act = (file: SourceFile, options: IngestOptions) => Promise<Receipt>;

export const ingest: Command = (args) =>
  overFiles('ingest', args, (all) =>
    withGraph((graph) => {
      const writer = new GraphWriter(graph);
      return all((file, options) => ingestFile(file, writer, options));
    }),
  );

export const verify: Command = (args) => overFiles('verify', args, (all) => all(verifyFile));

async function overFiles(
  name: string,
  args: string[],
  around: (all: (act: Act) => Promise<Receipt[]>) => Promise<Receipt[]>,
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
      `usage: custody ${name} [--key PUBLIC.pem]… [--on-bad-line reject|quarantine] [--json] FILE…\n`,
    );
    return 0;
  }
  const onBadLine = values['on-bad-line'];
  if (onBadLine !== 'reject' && onBadLine !== 'quarantine')
    throw new ConfigError(['--on-bad-line is reject or quarantine']);
  if (positionals.length === 0) throw new ConfigError([`custody ${name} takes at least one file`]);
  for (const path of positionals) await access(path);
  const keys = await loadKeys(await namedKeys(values.key));
  const receipts = await around(async (act) => {
    const done: Receipt[] = [];
    for (const path of positionals) {
      const receipt = await act(sourceFile(path), {
        keys,
        onBadLine,
        onProgress: process.stderr.isTTY ? progressOf(path) : () => undefined,
      });
      done.push(receipt);
      if (!values.json) process.stdout.write(`${verdict(path, receipt)}\n`);
    }
    return done;
  });
  if (values.json) process.stdout.write(`${JSON.stringify({ objects: receipts })}\n`);
  return receipts.every(({ status }) => status === 'accepted' || status === 'empty') ? 0 : 1;
}

async function namedKeys(given: readonly string[]): Promise<readonly string[]> {
  if (given.length > 0) return given;
  const entries = keyEntries(process.env);
  if (entries.length > 0) return entries;
  const hasDemo = await access(DEMO_PUBLIC_KEY).then(
    () => true,
    () => false,
  );
  if (hasDemo) tell(`custody: no key is named, so the demo key ${DEMO_PUBLIC_KEY} is used`);
  return hasDemo ? [DEMO_PUBLIC_KEY] : [];
}

function progressOf(path: string): (lines: number) => void {
  return (lines) => process.stderr.write(`\r${path}: ${lines} lines`);
}

/** What became of a log, for a person: one line, and one more for each of the first refusals. */
export function verdict(path: string, receipt: Receipt): string {
  const { status, lines, accepted, duplicate, withheld, rejectedTotal } = receipt;
  const counts = { accepted, duplicate, rejected: rejectedTotal, withheld };
  const told = Object.entries(counts).filter(([, count]) => count > 0);
  const summary = told.map(([name, count]) => `${count} ${name}`).join(', ');
  const refusals = receipt.rejected
    .slice(0, 5)
    .map(({ line, code, detail }) => `\n  line ${line}: ${code}: ${detail}`);
  return `${path}: ${status} (${lines} lines${summary === '' ? '' : `: ${summary}`})${refusals.join('')}`;
}
