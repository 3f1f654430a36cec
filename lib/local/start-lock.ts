import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { hasCode, TransientError } from '../errors.ts';
import { startOf } from './server-process.ts';

// Longer than a first download and a start together.
const WAIT_SECONDS = 900;

/**
 * Runs `work` while no other process does, by a file that names its holder. The lock of a holder
 * that died is taken over, also when its pid has gone to another process since.
 */
export async function holding<T>(file: string, work: () => Promise<T>): Promise<T> {
  return hold(file, Date.now() + WAIT_SECONDS * 1000, work, () => {
    throw new TransientError(
      'DATABASE_NOT_STARTED',
      `another start has held ${file} for ${WAIT_SECONDS} s`,
    );
  });
}

/** As {@link holding}, but does not wait: `whenHeld` in place of `work` where another process is at it. */
export async function holdingAlone<T>(
  file: string,
  work: () => Promise<T>,
  whenHeld: () => Promise<T>,
): Promise<T> {
  return hold(file, 0, work, whenHeld);
}

async function hold<T>(
  file: string,
  deadline: number,
  work: () => Promise<T>,
  whenHeld: () => Promise<T>,
): Promise<T> {
  const own = `${file}.${randomUUID()}`;
  // Linked, not written, into place: nobody ever sees a lock without its holder.
  await writeFile(own, `${process.pid} ${await startOf(process.pid)}`);
  try {
    if (!(await take(file, own, deadline))) return await whenHeld();
  } finally {
    await rm(own, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/** False when somebody alive still holds it at the deadline. */
async function take(file: string, own: string, deadline: number): Promise<boolean> {
  while (!(await tryLink(own, file))) {
    const holder = await readFile(file, 'utf8').catch(() => null);
    if (holder === null) continue;
    if (!(await isAlive(holder))) await setAside(file, holder);
    else if (Date.now() > deadline) return false;
    else await pause(100);
  }
  return true;
}

async function isAlive(holder: string): Promise<boolean> {
  const [pid, start] = holder.split(' ');
  return /^\d+$/.test(pid ?? '') && (await startOf(Number(pid))) === start;
}

/** Removes the dead holder's lock; puts back one that a faster process took in the meantime. */
async function setAside(file: string, dead: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch {
    return;
  }
  if ((await readFile(aside, 'utf8')) !== dead) await tryLink(aside, file);
  await rm(aside, { force: true });
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}
