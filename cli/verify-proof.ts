import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ConfigError, hasCode } from '../lib/errors.ts';
import { verifyProof, type CheckedProof, type CheckedRecord } from '../lib/proof/verify-proof.ts';
import { parsePolicy, type Policy } from '../lib/tlog/policy.ts';
import type { LineageRecord } from '../lib/trust/lineage-record.ts';
import type { Command } from './command.ts';
import { print, printJson } from './terminal.ts';

/** `custody verify-proof`: asks nobody; exit 1 where the proof does not hold. */
export const verifyProofCommand: Command = async (args) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      policy: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(
      'usage: custody verify-proof FILE --policy FILE [--json]',
      'the policy names the logs and witnesses that you believe (c2sp.org/tlog-policy); exit 1 when the proof does not hold',
    );
    return 0;
  }
  const [file] = positionals;
  if (file === undefined || positionals.length > 1 || values.policy === undefined)
    throw new ConfigError('USAGE', ['one proof is verified at a time, with --policy FILE']);
  const policy = await readPolicy(values.policy);
  const checked = verifyProof(await readGiven(file), policy);
  if (values.json) printJson({ file, ...('problem' in checked ? checked : tellJson(checked)) });
  else if ('problem' in checked) print(`${file}: refused: ${checked.problem}`);
  else print(...tellText(file, checked));
  return 'problem' in checked ? 1 : 0;
};

async function readPolicy(file: string): Promise<Policy> {
  const policy = parsePolicy(await readGiven(file));
  if ('problem' in policy) throw new ConfigError('USAGE', [`${file}: ${policy.problem}`]);
  return policy;
}

async function readGiven(file: string): Promise<Buffer> {
  return readFile(file).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT'))
      throw new ConfigError('USAGE', [`${file}: there is no such file`]);
    throw error;
  });
}

function tellText(file: string, { records }: CheckedProof): readonly string[] {
  return [
    `${file}: holds`,
    ...records.flatMap((of, nth) => {
      const { kid, line, log } = of;
      const { origin, size } = log.checkpoint;
      const seen = log.cosigned.map(({ name, time }) => `${name} at ${timeText(time)}`);
      return [
        `${nth + 1}. ${nameOf(of.record)}${linkText(of, records)}`,
        `   signed by key ${kid}`,
        `   line ${line} of ${log.lines} of the log ${log.sha256}, accepted as ${log.object}`,
        `   whose receipt is leaf ${log.index + 1} of ${size} of ${origin}, ${seen.length === 0 ? 'cosigned by no witness of the policy' : `cosigned by ${seen.join(', ')}`}`,
      ];
    }),
    'not proven: who holds a key, that what was signed is true, and that nothing else was recorded of the same names',
  ];
}

function linkText({ namedBy }: CheckedRecord, records: readonly CheckedRecord[]): string {
  if (namedBy === null) return '';
  const by = records[namedBy.record]?.record;
  if (by?.type === 'model' && namedBy.isExact) return `, named by record ${namedBy.record + 1}`;
  return namedBy.isExact
    ? `, its version signed by record ${namedBy.record + 1}`
    : `, its name signed by record ${namedBy.record + 1}, which names no version`;
}

function tellJson({ asked, records }: CheckedProof): object {
  return {
    asked,
    records: records.map(({ record, kid, line, log, namedBy }) => {
      const { origin, size } = log.checkpoint;
      const cosigned = log.cosigned.map(({ witness, name, time }) => ({
        witness,
        name,
        time: timeText(time),
      }));
      const receipt = { origin, index: log.index, size, cosigned };
      const { digest, type } = record;
      const place = { log: log.sha256, object: log.object, line, lines: log.lines };
      return { type, name: nameOf(record), digest, kid, ...place, receipt, namedBy };
    }),
  };
}

function nameOf(record: LineageRecord): string {
  switch (record.type) {
    case 'dataset':
      return `dataset ${record.hash}`;
    case 'model':
      return `model ${record.name} ${record.commit}`;
    case 'inference':
      return `inference ${record.id}`;
  }
}

/** A time that no calendar here has is told in seconds. */
function timeText(seconds: bigint): string {
  return seconds > 253_402_300_799n
    ? `second ${seconds} since 1970`
    : new Date(Number(seconds) * 1_000).toISOString();
}
