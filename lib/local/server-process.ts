import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const STOP_SECONDS = 30;

const ZOMBIE_TRIES = 40;

/** Of 5 ms each: a process that is about to become another program has no command line for a moment. */
const EXEC_TRIES = 20;

/** Whether `pid` is a live server of `home`: a pid may have gone to another process, but ours names its home. */
export async function isServer(pid: number, home: string): Promise<boolean> {
  const named = `--home-dir=${home}`;
  if (process.platform === 'linux') return (await commandLine(pid)).split('\0').includes(named);
  const line = await ps(pid, 'stat=,command=');
  return !line.startsWith('Z') && `${line} `.includes(`${named} `);
}

/** Empty where there is no such process, or a zombie. */
async function commandLine(pid: number): Promise<string> {
  for (let tries = 0; tries < EXEC_TRIES; tries += 1) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const [state = 'X'] = await statOf(pid);
    if (line !== '' || 'XZ'.includes(state)) return line;
    await pause(5);
  }
  return '';
}

/** Linux: the state of a process, and the fields behind it; none where there is no such process. */
async function statOf(pid: number): Promise<readonly string[]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name, in parentheses, may hold spaces.
  return stat === '' ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** When the process `pid` began, in a form only good for comparing; null when there is none. */
export async function startOf(pid: number): Promise<string | null> {
  // The start is field 22, the state field 3.
  if (process.platform === 'linux') return (await statOf(pid))[19] ?? null;
  const line = await ps(pid, 'lstart=');
  return line === '' ? null : line;
}

/** Ends the server of `home` and waits until it is gone; a process that took over its pid is left alone. */
export async function endServer(pid: number, home: string, now: boolean): Promise<void> {
  const start = await startOf(pid);
  if (!(await isServer(pid, home))) return;
  signal(pid, now ? 'SIGKILL' : 'SIGTERM');
  if (!(await waitUntilGone(pid, home, start))) {
    signal(pid, 'SIGKILL');
    await waitUntilGone(pid, home, start);
  }
}

/** Files and ports are free only once the process has left the table; a zombie nobody collects is let be. */
async function waitUntilGone(pid: number, home: string, start: string | null): Promise<boolean> {
  const deadline = Date.now() + STOP_SECONDS * 1000;
  let exiting = 0;
  while ((await startOf(pid)) === start) {
    if (!(await isServer(pid, home))) exiting += 1;
    if (exiting > ZOMBIE_TRIES) return true;
    if (Date.now() > deadline) return false;
    await pause(50);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone already.
  }
}

async function ps(pid: number, columns: string): Promise<string> {
  const command = ['LC_ALL=C', 'TZ=UTC', 'ps', '-ww', '-p', String(pid), '-o', columns];
  const found = run('env', command);
  return (await found.catch(() => ({ stdout: '' }))).stdout.trim();
}
