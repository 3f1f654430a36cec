import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { neo4jLogin } from './neo4j-login.ts';
import { PROCESS } from './process.ts';

const SCRIPT = join(import.meta.dirname, '..', '..', 'cli', 'custody.mjs');

/** A command that has ended. */
export interface Ended {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

interface Options {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string | Uint8Array;
}

/** Starts `custody`, which finds this worker's Neo4j in its environment, and no setting but those that are given. */
export function startCustody(
  args: readonly string[],
  { cwd, env }: Options = {},
): ChildProcessByStdio<Writable, Readable, Readable> {
  const { uri, username, password } = neo4jLogin;
  const database = { NEO4J_URI: uri, NEO4J_USERNAME: username, NEO4J_PASSWORD: password };
  return spawn(process.execPath, [SCRIPT, ...args], {
    cwd,
    env: { ...PROCESS, ...database, ...env },
  });
}

/** Runs `custody` to its end. */
export async function custody(args: readonly string[], options: Options = {}): Promise<Ended> {
  const child = startCustody(args, options);
  child.stdin.end(options.input ?? '');
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  return new Promise((done) => {
    child.on('close', (exit) => done({ exit: exit ?? -1, out, err }));
  });
}
