import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { keyEntries, loadKeys, payload } from '../lib/config.ts';
import { ConfigError } from '../lib/errors.ts';
import { GraphWriter } from '../lib/graph/writer.ts';
import {
  ingestObject,
  refusing,
  verifyObject,
  type IngestOptions,
  type Receipt,
} from '../lib/ingest/ingest.ts';
import { storedFile } from '../lib/object/file.ts';
import type { StoredObject } from '../lib/object/stored.ts';
import type { Command } from './command.ts';
import { tell, withGraph } from './database.ts';

/** Made by `custody start`; used where no key is named. */
export const DEMO_PUBLIC_KEY = '.custody/demo.public.pem';

type Act = (object: StoredObject, options: IngestOptions) => Promise<Receipt>;

export const ingest: Command = (args) =>
  overFiles('ingest', args, (all) =>
    withGraph((graph) => {
      const writer = new GraphWriter(graph, payload(process.env));
      return all((object, options) => ingestObject(object, writer, options));
    }),
  );

export const verify: Command = (args) => overFiles('verify', args, (all) => all(verifyObject));

async function overFiles(
  name: keyof typeof READINGS,
  args: string[],
  around: (all: (act: Act) => Promise<void>) => Promise<void>,
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
  const sizes = await sizesOf(positionals);
  const keys = await loadKeys(namedKeys(values.key));
  const receipts: Receipt[] = [];
  try {
    await around(async (act) => {
      for (const [path, size] of sizes) {
        const bar = progressBar(path, size * READINGS[name]);
        const receipt = await refusing(pathToFileURL(path).href, () =>
          act(storedFile(path, { onRead: bar.to }), { keys, onBadLine }),
        ).finally(bar.clear);
        receipts.push(receipt);
        if (!values.json) process.stdout.write(`${verdict(path, receipt)}\n`);
      }
    });
  } finally {
    // Also when a dependency fails half-way: what was done is told.
    if (values.json) process.stdout.write(`${JSON.stringify({ objects: receipts })}\n`);
  }
  return receipts.every(({ status }) => status === 'accepted' || status === 'empty') ? 0 : 1;
}

/** Ingesting reads a good log a second time, to write it. */
const READINGS = { ingest: 2, verify: 1 } as const;

/** Names every file that is missing or no file at once, before anything is begun. */
async function sizesOf(paths: readonly string[]): Promise<readonly (readonly [string, number])[]> {
  const problems: string[] = [];
  const sizes: [string, number][] = [];
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (found === null) problems.push(`${path}: there is no such file`);
    else if (found.isDirectory()) problems.push(`${path}: this is a folder, not a log`);
    else sizes.push([path, found.size]);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return sizes;
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

/** On a terminal a bar on stderr, elsewhere nothing. */
function progressBar(
  path: string,
  total: number,
): { to: (bytes: number) => void; clear: () => void } {
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
  return `${path}: ${status} (${lines} lines${summary === '' ? '' : `: ${summary}`})${refusals.join('')}`;
}
