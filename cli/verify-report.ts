import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { verifyReport } from '../lib/compliance/sealed-report.ts';
import { ConfigError } from '../lib/errors.ts';
import type { Command } from './command.ts';
import { reportVerifyingKeys } from './report-key.ts';

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
    process.stdout.write(
      'usage: custody verify-report [--key PUBLIC.pem|kms:KEY_ARN]… [--json] FOLDER\n' +
        'exit 1 when anything in the folder is not as it was signed\n',
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
  if (values.json) process.stdout.write(`${JSON.stringify({ folder, ...verdict })}\n`);
  else if ('problems' in verdict)
    process.stdout.write(
      `${folder}: refused\n${verdict.problems.map((of) => `  ${of}\n`).join('')}`,
    );
  else {
    const { from, to, madeAt, complete } = verdict.says;
    process.stdout.write(
      `${folder}: as it was signed by ${verdict.kid}\n  report of ${from} to ${to}, made at ${madeAt}${complete ? '' : ', not complete'}\n`,
    );
  }
  return 'problems' in verdict ? 1 : 0;
};
