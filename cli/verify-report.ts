import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { verifyReport } from '../lib/compliance/sealed-report.ts';
import { ConfigError } from '../lib/errors.ts';
import type { Command } from './command.ts';
import { reportVerifyingKeys } from './report-key.ts';
import { print, printJson } from './terminal.ts';

export const verifyReportCommand: Command = async (args) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      key: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(
      'usage: custody verify-report [--key PUBLIC.pem|kms:KEY_ARN]… [--json] FOLDER',
      'exit 1 when anything in the folder is not as it was signed',
    );
    return 0;
  }
  const [folder] = positionals;
  if (folder === undefined || positionals.length > 1)
    throw new ConfigError('USAGE', ['one report is verified at a time']);
  const keys = await reportVerifyingKeys(values.key);
  const files = new Map<string, Uint8Array>();
  for (const entry of await readdir(folder, { withFileTypes: true }))
    // A folder is no part of a report either; its name alone is enough to say so.
    files.set(
      entry.name,
      entry.isFile() ? await readFile(join(folder, entry.name)) : Buffer.alloc(0),
    );
  const verdict = verifyReport(files, keys);
  if (values.json) printJson({ folder, ...verdict });
  else if ('problems' in verdict)
    print(`${folder}: refused`, ...verdict.problems.map((of) => `  ${of}`));
  else {
    const { from, to, madeAt, complete } = verdict.says;
    print(
      `${folder}: as it was signed by ${verdict.kid}`,
      `  report of ${from} to ${to}, made at ${madeAt}${complete ? '' : ', not complete'}`,
    );
  }
  return 'problems' in verdict ? 1 : 0;
};
