import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commanded, type Contenders } from './contenders.ts';
import { Deployed } from './deployed.ts';
import { FIRST_LINES, signedLog } from './logs.ts';
import type { Server } from './server.ts';

/** Many small objects: so many of them are measured, of so many lines. */
const CASES = { 'small-100': [1_000, 100], 'small-1': [10_000, 1] } as const;

/** Asked for by name. */
export const SMALL_LINES: readonly string[] = Object.keys(CASES);

/** As many as the queue lets run side by side. */
const CONTAINERS = 4;

/** Rates of many small objects, or of a part of them, against one with the same lines; rows of the table. */
export async function small(
  contenders: Contenders,
  wanted: readonly string[],
  part: number,
): Promise<string[][]> {
  const rows: string[][] = [];
  for (const [name, [objects, lines]] of Object.entries(CASES))
    if (wanted.includes(name))
      rows.push(...(await compared(contenders, name, Math.round(objects * part), lines)));
  return rows;
}

async function compared(
  contenders: Contenders,
  name: string,
  objects: number,
  each: number,
): Promise<string[][]> {
  const server = await contenders.server('custody');
  const all = readFileSync(await signedLog(objects * each, 720), 'utf8').split('\n');
  // Models come first, as they do where inferences follow them.
  const models = `${all.slice(0, FIRST_LINES).join('\n')}\n`;
  const parts = Array.from({ length: objects }, (_, index) => {
    const from = FIRST_LINES + index * each;
    return `${all.slice(from, from + each).join('\n')}\n`;
  });
  const lines = objects * each;
  const row = (who: string, many: number, one: number, note: string): string[] => [
    name,
    `${who}: ${objects} objects of ${each} lines against one of them all, rate`,
    `${(one / many).toFixed(2)}; ${Math.round(lines / (many / 1000))} lines a second${note}`,
    '≥ 0.5',
  ];
  const whole = [models + parts.join('')];
  const command = async (texts: readonly string[]): Promise<number> => byCommand(server, texts);
  const one = await command(whole);
  const many = await command([models, ...parts]);
  const deployed = await Deployed.at(server);
  const byFunction = async (texts: readonly string[]): ReturnType<Deployed['worksOff']> => {
    await server.wipe();
    await deployed.worksOff([Buffer.from(models)], 1);
    return deployed.worksOff(
      texts.map((text) => Buffer.from(text)),
      CONTAINERS,
    );
  };
  try {
    const oneDelivered = await byFunction(whole);
    const delivered = await byFunction(parts);
    return [
      row('the command', many, one, ''),
      row(
        `the function, ${CONTAINERS} containers`,
        delivered.milliseconds,
        oneDelivered.milliseconds,
        `, peak ${delivered.peakMegabytes} MB a container`,
      ),
    ];
  } finally {
    await deployed.close();
  }
}

async function byCommand(server: Server, texts: readonly string[]): Promise<number> {
  await server.wipe();
  const folder = mkdtempSync(join(tmpdir(), 'custody-small-'));
  try {
    mkdirSync(join(folder, 'logs'));
    // Relative, so that ten thousand of them are no longer than a command line may be.
    const files = texts.map((text, index) => {
      writeFileSync(join(folder, 'logs', `${index}.jsonl`), text);
      return `logs/${index}.jsonl`;
    });
    const { milliseconds } = await commanded(server, files, folder);
    return milliseconds;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
