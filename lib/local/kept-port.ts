import { readFile } from 'node:fs/promises';
import { writeWhole } from './write-whole.ts';

/** The port that {@link keepPort} was given last; undefined where there is none. */
export async function keptPort(file: string): Promise<number | undefined> {
  const port = Number(await readFile(file, 'utf8').catch(() => ''));
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

/** Notes the port that was taken, so that the next start has the same address. */
export async function keepPort(file: string, port: number): Promise<void> {
  await writeWhole(file, `${port}\n`);
}
