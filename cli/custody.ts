import { existsSync } from 'node:fs';
import { loadEnvFile } from 'node:process';
import { check } from './check.ts';
import type { Command } from './command.ts';
import { explanation } from './explanation.ts';
import { impact } from './impact.ts';
import { ingest, verify } from './ingest.ts';
import { keygen } from './keygen.ts';
import { lineage } from './lineage.ts';
import { migrate } from './migrate.ts';
import { neo4j } from './neo4j.ts';
import { object } from './object.ts';
import { query } from './query.ts';
import { report } from './report.ts';
import { sign } from './sign.ts';
import { start } from './start.ts';
import { print, tell, written } from './terminal.ts';
import { verifyReportCommand } from './verify-report.ts';
import { waive } from './waive.ts';

const COMMANDS: Readonly<Record<string, { run: Command; does: string }>> = {
  start: { run: start, does: 'database and watched folder, with a demo log the first time' },
  ingest: { run: ingest, does: 'verify logs and write them into the graph' },
  verify: { run: verify, does: 'check logs without a database' },
  sign: { run: sign, does: 'make envelopes of plain records, from stdin to stdout' },
  keygen: { run: keygen, does: 'make an RSA key pair for trying things out' },
  migrate: { run: migrate, does: 'create constraints and indexes' },
  query: { run: query, does: 'ask one of the eight questions, 3.1 to 3.8' },
  lineage: { run: lineage, does: 'what something rests on, and what rests on it' },
  impact: { run: impact, does: 'a recall: all inferences that rest on something' },
  check: { run: check, does: 'the compliance rules once; exit 1 when something is found' },
  report: { run: report, does: 'what was recorded, found and checked in a period, signed' },
  'verify-report': { run: verifyReportCommand, does: 'check a report, byte for byte' },
  waive: { run: waive, does: 'let a finding rest: who, why, until when' },
  object: { run: object, does: 'end an object that nothing else ends: close URI --reason TEXT' },
  neo4j: { run: neo4j, does: 'the embedded server alone: start, stop, status' },
};

const HELP = [
  'usage: custody <command> [--help]',
  '',
  ...Object.entries(COMMANDS).map(([name, { does }]) => `  ${name.padEnd(15)}${does}`),
  '',
  'exit codes: 0 done, 1 something was refused, found or not there, 2 usage or configuration, 3 a dependency failed',
];

try {
  process.exitCode = await main(process.argv.slice(2));
  await written();
} catch (error) {
  process.exitCode = explain(error);
}

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === 'help') {
    (name === undefined ? tell : print)(...HELP);
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    tell(`custody: there is no command "${name}"`, '', ...HELP);
    return 2;
  }
  if (existsSync('.env')) loadEnvFile();
  return command.run(args);
}

function explain(error: unknown): number {
  const explained = explanation(error);
  if (explained === null) {
    // A mistake of ours: where it was made helps whoever mends it.
    tell(...(error instanceof Error ? (error.stack ?? error.message) : String(error)).split('\n'));
    return 1;
  }
  const [first = '', ...more] = explained.lines;
  tell(`custody: ${first}`, ...more);
  return explained.exit;
}
