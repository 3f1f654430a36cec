import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { database } from '../lib/graph/database.ts';
import { commanded, type Contenders } from './contenders.ts';
import { Deployed } from './deployed.ts';
import { beginning, FIRST_LINES, signedLog } from './logs.ts';
import type { Server } from './server.ts';

/** What large objects tell of. */
export const LARGE_LINES = ['S8', 'S9'];

/** What peaks are compared with. */
const SMALL_MEGABYTES = 25;
/** The function's object of short lines: at a millisecond a line for it all, a quarter tells as much. */
const SHARE_OF_FUNCTION = 4;
/** Of the inferences, the first and the last so many parts. */
const PARTS = 10;

const LINES_DONE = 'MATCH (p:Progress) RETURN max(p.linesDone) AS lines';

/** Peak memory (S8), and whether writing slows down (S9), each measured once; rows of the table. */
export async function large(
  contenders: Contenders,
  wanted: readonly string[],
  megabytes: number,
): Promise<string[][]> {
  const rows: string[][] = [];
  const isOfMemory = wanted.includes('S8');
  if (isOfMemory) rows.push(...(await ofMemory(contenders, 8_192, megabytes, megabytes)));
  if (isOfMemory || wanted.includes('S9')) {
    const server = await contenders.server('custody');
    const short = await shortLines(server, megabytes);
    if (isOfMemory)
      rows.push(
        ...(await ofMemory(
          contenders,
          900,
          short.megabytes,
          megabytes / SHARE_OF_FUNCTION,
          short.peak,
        )),
      );
    if (wanted.includes('S9')) rows.push(short.row);
  }
  return rows;
}

async function ofMemory(
  contenders: Contenders,
  lineBytes: number,
  megabytes: number,
  megabytesOfFunction: number,
  known?: number,
): Promise<string[][]> {
  const server = await contenders.server('custody');
  const least = await logOf(lineBytes, SMALL_MEGABYTES);
  const most = await logOf(lineBytes, megabytes);
  const small = await commandPeak(server, least);
  const large = known ?? (await commandPeak(server, most));
  const lines = `lines of ${lineBytes === 900 ? '900 bytes' : '8 KB'}`;
  const deployed = await Deployed.at(server);
  try {
    const functionSmall = await functionPeak(server, deployed, least);
    const part = await beginning(most, linesOf(lineBytes, megabytesOfFunction));
    const functionLarge = await functionPeak(server, deployed, part);
    return [
      peakRow('the command', `${megabytes} MB of ${lines}`, large, small),
      peakRow(
        'the function',
        `${megabytesOfFunction} MB of ${lines}`,
        functionLarge,
        functionSmall,
      ),
    ];
  } finally {
    await deployed.close();
  }
}

function peakRow(who: string, what: string, large: number, small: number): string[] {
  const figure = `${large} MB; ${(large / small).toFixed(2)} times the ${small} MB of ${SMALL_MEGABYTES} MB of log`;
  return ['S8', `peak memory of ${who}, ${what}`, figure, '≤ 256 MB, ≤ 1.25'];
}

function linesOf(lineBytes: number, megabytes: number): number {
  return Math.round((megabytes * 1_000_000) / lineBytes);
}

async function logOf(lineBytes: number, megabytes: number): Promise<string> {
  return resolve(await signedLog(linesOf(lineBytes, megabytes) - FIRST_LINES, lineBytes));
}

async function commandPeak(server: Server, log: string): Promise<number> {
  await server.wipe();
  const folder = mkdtempSync(join(tmpdir(), 'custody-large-'));
  try {
    const { peakMegabytes, milliseconds } = await commanded(server, [log], folder);
    console.log(`the command: ${log}, ${peakMegabytes} MB, ${Math.round(milliseconds / 1000)} s`);
    return peakMegabytes;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function functionPeak(server: Server, deployed: Deployed, log: string): Promise<number> {
  await server.wipe();
  const { peakMegabytes, milliseconds } = await deployed.worksOff([readFileSync(log)], 1);
  console.log(`the function: ${log}, ${peakMegabytes} MB, ${Math.round(milliseconds / 1000)} s`);
  return peakMegabytes;
}

/** A log of 900 bytes a line, by the command: what it held, and how its writing went on. */
async function shortLines(
  server: Server,
  megabytes: number,
): Promise<{ readonly megabytes: number; readonly peak: number; readonly row: string[] }> {
  const log = await logOf(900, megabytes);
  const lines = linesOf(900, megabytes);
  // What runs the first lines shall be as warm as what runs the last ones.
  await commandPeak(server, resolve(await signedLog(60_000, 720)));
  await server.wipe();
  const watch = new AbortController();
  const watched = seen(server, watch.signal);
  const peak = await commandPeak(server, log).finally(() => watch.abort());
  const done = [...(await watched), { lines, at: performance.now() }];
  const part = lines / PARTS;
  const took = (from: number): number => at(done, from + part) - at(done, from);
  const ratio = took(0) / took(lines - part);
  const what = `the last of ${PARTS} parts of ${lines} inferences against the first, rate of writing`;
  return { megabytes, peak, row: ['S9', what, ratio.toFixed(2), '≥ 0.8'] };
}

interface Seen {
  readonly lines: number;
  readonly at: number;
}

/** How far the one log of a database had come, and when. */
async function seen({ graph }: Server, signal: AbortSignal): Promise<Seen[]> {
  const all: Seen[] = [{ lines: 0, at: performance.now() }];
  while (!signal.aborted) {
    const [row] = await graph[database].run(LINES_DONE);
    const lines = Number(row?.['lines'] ?? 0);
    const last = all.at(-1);
    // Until the first batch is in the log is being verified: the clock begins with it.
    if (lines === 0) all[0] = { lines: 0, at: performance.now() };
    else if (last !== undefined && lines > last.lines) all.push({ lines, at: performance.now() });
    await pause(200);
  }
  return all;
}

/** When so many lines were done, between what was seen before and after. */
function at(done: readonly Seen[], lines: number): number {
  const next = done.findIndex((of) => of.lines >= lines);
  const [a, b] = [done[Math.max(0, next - 1)], done[next]];
  if (a === undefined || b === undefined) throw new Error('the log was not seen to its end');
  if (a.lines >= b.lines) return b.at;
  return a.at + ((b.at - a.at) * (lines - a.lines)) / (b.lines - a.lines);
}
