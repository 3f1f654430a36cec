import { existsSync } from 'node:fs';
import { loadEnvFile } from 'node:process';
import type { Command } from './command.ts';
import { print, tell, written } from './terminal.ts';

/** Each is loaded when it is asked for: who asks for one does not wait for what the others need. */
const COMMANDS: Readonly<Record<string, { load: () => Promise<Command>; does: string }>> = {
  start: {
    load: async () => (await import('./start.ts')).start,
    does: 'database and watched folder, with a demo log the first time',
  },
  ingest: {
    load: async () => (await import('./ingest.ts')).ingest,
    does: 'verify logs and write them into the graph',
  },
  verify: {
    load: async () => (await import('./ingest.ts')).verify,
    does: 'check logs without a database',
  },
  sign: {
    load: async () => (await import('./sign.ts')).sign,
    does: 'make envelopes of plain records, from stdin to stdout',
  },
  keygen: {
    load: async () => (await import('./keygen.ts')).keygen,
    does: 'make an RSA key pair for trying things out',
  },
  migrate: {
    load: async () => (await import('./migrate.ts')).migrate,
    does: 'create constraints and indexes',
  },
  query: {
    load: async () => (await import('./query.ts')).query,
    does: 'ask one of the eight questions, 3.1 to 3.8',
  },
  lineage: {
    load: async () => (await import('./lineage.ts')).lineage,
    does: 'what something rests on, and what rests on it',
  },
  impact: {
    load: async () => (await import('./impact.ts')).impact,
    does: 'a recall: all inferences that rest on something',
  },
  keys: {
    load: async () => (await import('./keys.ts')).keys,
    does: 'the keys that are trusted, what each may sign, and how much it has signed',
  },
  check: {
    load: async () => (await import('./check.ts')).check,
    does: 'the compliance rules once; exit 1 when something is found',
  },
  audit: {
    load: async () => (await import('./audit.ts')).audit,
    does: 'the graph against the archived logs; exit 1 when something differs',
  },
  report: {
    load: async () => (await import('./report.ts')).report,
    does: 'what was recorded, found and checked in a period, signed',
  },
  'verify-report': {
    load: async () => (await import('./verify-report.ts')).verifyReportCommand,
    does: 'check a report, byte for byte',
  },
  waive: {
    load: async () => (await import('./waive.ts')).waive,
    does: 'let a finding rest: who, why, until when',
  },
  object: {
    load: async () => (await import('./object.ts')).object,
    does: 'end an object that nothing else ends: close URI --reason TEXT',
  },
  fsck: {
    load: async () => (await import('./fsck.ts')).fsckCommand,
    does: 'derive the tlog anew: what is lost or changed; exit 1 then',
  },
  prove: {
    load: async () => (await import('./prove.ts')).proveCommand,
    does: 'a proof that others can check without asking anybody',
  },
  'verify-proof': {
    load: async () => (await import('./verify-proof.ts')).verifyProofCommand,
    does: 'check a proof, with nothing but it and a policy',
  },
  neo4j: {
    load: async () => (await import('./neo4j.ts')).neo4j,
    does: 'the embedded server alone: start, stop, status',
  },
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
  process.exitCode = await explain(error);
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
  const run = await command.load();
  return run(args);
}

async function explain(error: unknown): Promise<number> {
  const { explanation } = await import('./explanation.ts');
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
