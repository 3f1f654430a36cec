import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Of Linux's accounts, whatever the machine (sysconf(3), `_SC_CLK_TCK`). */
const TICK_MS = 10;

/** CPU milliseconds of a process so far, its threads and the kernel's work for it included (proc_pid_stat(5)). */
export function cpuOf(pid: number): number {
  return ticks(pid, 14) * TICK_MS;
}

/** The same of all processes that this one has started and seen end. */
function cpuOfEnded(): number {
  return ticks(process.pid, 16) * TICK_MS;
}

/** A field of /proc/<pid>/stat and the next one: user's time and the system's. */
function ticks(pid: number, field: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field, a name in brackets, can hold blanks.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[field - 3]) + Number(fields[field - 2]);
}

/** What the operating system counted of a process that ended. */
interface Ran {
  readonly milliseconds: number;
  readonly cpuMs: number;
  readonly peakMegabytes: number;
  readonly stdout: string;
}

/** Runs a program to its end, alone; rejects where it ends with another code than 0. */
export async function ran(
  command: readonly [string, ...string[]],
  {
    env = {},
    cwd,
    stdin = '',
  }: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string; readonly stdin?: string } = {},
): Promise<Ran> {
  const [program, ...args] = command;
  const cpu = cpuOfEnded();
  const start = performance.now();
  const child = spawn(program, args, {
    cwd,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  child.stdout.on('data', (part: Buffer) => (stdout += part.toString('utf8')));
  let stderr = '';
  child.stderr.on('data', (part: Buffer) => (stderr += part.toString('utf8')));
  child.stdin.end(stdin);
  let code: number | null | undefined;
  child.once('close', (ended) => (code = ended));
  let peakMegabytes = 0;
  while (code === undefined) {
    // What is counted as the children's peak also counts what this process held when it forked.
    peakMegabytes = Math.max(peakMegabytes, peakOf(child.pid ?? 0));
    await pause(50);
  }
  const milliseconds = performance.now() - start;
  if (code !== 0)
    throw new Error(`${command.slice(0, 4).join(' ')} … ended with ${code}:\n${stderr}`);
  return { milliseconds, cpuMs: cpuOfEnded() - cpu, peakMegabytes, stdout };
}

/** The most that a process has held in memory so far; 0 where it has ended. */
function peakOf(pid: number): number {
  try {
    const [, kilobytes = ''] =
      /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kilobytes) / 1024);
  } catch {
    return 0;
  }
}
