import { execFile, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { DEPTH } from './depth.ts';

const run = promisify(execFile);

/** Where Go is, by what people install it as. */
const GO = ['go', '/usr/local/go/bin/go'].find(
  (command) => spawnSync(command, ['version']).status === 0,
);

/** Where there is none, a full run, which alone asks tools in Go, says so where somebody sees it. */
export const HAS_GO = GO !== undefined;
if (DEPTH === 'full' && !HAS_GO)
  console.warn('LEFT OUT for want of Go 1.25 or newer: other people’s verifiers of the tlog');

/** Builds exactly these packages, `path@version` each, once; the folder of their commands. */
export async function goTools(folder: string, packages: readonly string[]): Promise<string> {
  const bin = resolve(folder);
  const mark = `${bin}/installed`;
  const wanted = packages.join(' ');
  if ((await readFile(mark, 'utf8').catch(() => '')) === wanted) return bin;
  if (GO === undefined) throw new Error('there is no Go');
  const env = { ...process.env, GOBIN: bin, GOFLAGS: '', GOTOOLCHAIN: 'local' };
  // One at a time: `go install` takes packages of one module only.
  for (const name of packages) await run(GO, ['install', name], { env, timeout: 500_000 });
  await writeFile(mark, wanted);
  return bin;
}
