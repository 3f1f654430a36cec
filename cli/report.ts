import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { periodOf } from '../lib/compliance/period.ts';
import { makeReport } from '../lib/compliance/report.ts';
import { sealReport } from '../lib/compliance/sealed-report.ts';
import { ruleSettings } from '../lib/compliance/settings.ts';
import { counted } from '../lib/counted.ts';
import { ConfigError, hasCode } from '../lib/errors.ts';
import { envelopeReader } from '../lib/evidence.ts';
import { demandReportKey } from '../lib/keys.ts';
import { openArchive } from './archive.ts';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';
import { knownTrust } from './known-keys.ts';
import { openProofs } from './proofs.ts';
import { reportSigner } from './report-key.ts';
import { print, printJson } from './terminal.ts';

export const report: Command = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      from: { type: 'string' },
      to: { type: 'string' },
      out: { type: 'string' },
      key: { type: 'string' },
      kms: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(
      'usage: custody report --from TIME [--to TIME] --out FOLDER [--key PRIVATE.pem | --kms KEY_ARN] [--json]',
      'TIME is a day, as 2026-10-01, or a time of RFC 3339; the end is not included, and now where it is not given',
      'exit 1 when the report is not complete',
    );
    return 0;
  }
  const { from = '', to, out = '' } = values;
  const period = periodOf(from, to, new Date());
  const problems = 'problems' in period ? [...period.problems] : [];
  if (out === '') problems.push('--out is needed: a folder that is new or empty');
  else if ((await filesOf(out)).length > 0) problems.push(`${out} is not empty`);
  if ('problems' in period || problems.length > 0) throw new ConfigError('USAGE', problems);
  const settings = ruleSettings(process.env);
  const signer = await reportSigner(values);
  const { keys, ring } = await knownTrust();
  demandReportKey(signer.kid, ring);
  const archive = await openArchive(process.env);
  const readEnvelope = envelopeReader(archive, () => Promise.resolve(keys));
  const { tlog } = await openProofs(process.env, archive);
  const made = await withGraph((graph) =>
    makeReport(graph, { period, settings, keys, readEnvelope, tlog }),
  );
  await mkdir(out, { recursive: true });
  for (const [name, bytes] of await sealReport(made, signer))
    await writeFile(join(out, name), bytes, { flag: 'wx' });
  const { complete, incomplete } = made.completeness;
  const told = { out, ...period, kid: signer.kid, complete, incomplete };
  if (values.json) printJson(told);
  else {
    const lacks = incomplete.map(({ reason, detail }) => `incomplete: ${reason}: ${detail}`);
    print(
      `${out}: report of ${period.from} to ${period.to}, ${counted(made.findings.total, 'finding')}, signed by ${signer.kid}`,
      ...lacks,
    );
  }
  return complete ? 0 : 1;
};

async function filesOf(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
}
