/**
 * The figures of docs/performance.md, in one table: `npm run bench`, or some of its lines:
 * `npm run bench -- S2 S3 --rounds 2 --inferences 6000`. Contenders take turns, round by round behind a
 * warm-up; what counts is the median of the rounds' own ratios. CPU is by the operating system's
 * accounts, of the server and of its client apart.
 */
import { execFileSync } from 'node:child_process';
import { versions } from 'node:process';
import { parseArgs } from 'node:util';
import { EMBEDDED } from '../lib/local/classpath.ts';
import { Contenders, type Contender, type Measured } from './contenders.ts';
import { large, LARGE_LINES } from './large.ts';
import { machine, quantile, ratioText } from './ratios.ts';
import { small, SMALL_LINES } from './small.ts';

interface Line {
  readonly id: string;
  readonly what: string;
  readonly bar: string;
  readonly of: readonly [string, string];
  /** Of a round, from what its two contenders took. */
  readonly ratio: (a: Measured, b: Measured) => number;
}

const rate = ({ records, milliseconds }: Measured): number => records / milliseconds;
const serverMs = ({ records, serverMs: cpu }: Measured): number => cpu / records;
const clientMs = ({ records, clientMs: cpu }: Measured): number => cpu / records;
const byRate = (a: Measured, b: Measured): number => rate(a) / rate(b);
const byServer = (a: Measured, b: Measured): number => serverMs(a) / serverMs(b);
const byClient = (a: Measured, b: Measured): number => clientMs(a) / clientMs(b);
/** How many a second of CPU. */
const byCore = (a: Measured, b: Measured): number => clientMs(b) / clientMs(a);

const LINES: readonly Line[] = [
  {
    id: 'S1',
    what: 'the command against an importer that makes a round trip a record, rate',
    bar: '≥ 20',
    of: ['command', 'round trips'],
    ratio: byRate,
  },
  {
    id: 'S2',
    what: 'the command against Python that verifies and sends batches of 1,000, rate',
    bar: '≥ 1.7',
    of: ['command', 'batches'],
    ratio: byRate,
  },
  {
    id: 'S3',
    what: 'writing alone against plain CREATE, CPU of the server',
    bar: '≤ 1.35',
    of: ['writing alone', 'create'],
    ratio: byServer,
  },
  {
    id: 'S3',
    what: 'the command against the signatures alone, CPU of the client',
    bar: '≤ 2.7',
    of: ['command', 'signatures'],
    ratio: byClient,
  },
  {
    id: 'S4',
    what: 'signatures against `openssl speed rsa2048`, a core',
    bar: '≥ 0.75',
    of: ['signatures', 'openssl'],
    ratio: byCore,
  },
  {
    id: 'S5',
    what: 'reading lines of 900 bytes against their signatures alone, a core',
    bar: '≥ 0.80',
    of: ['reading, 900 B', 'signatures, 900 B'],
    ratio: byCore,
  },
  {
    id: 'S5',
    what: 'reading lines of 8 KB against their signatures alone, a core',
    bar: '≥ 0.50',
    of: ['reading, 8 KB', 'signatures, 8 KB'],
    ratio: byCore,
  },
  {
    id: 'S6',
    what: 'replay against the first ingest, rate; nothing comes into being',
    bar: '≥ 3',
    of: ['replay', 'command'],
    ratio: byRate,
  },
  {
    id: 'S7',
    what: 'verify all, then write, against one pass, rate',
    bar: '≥ 0.65',
    of: ['strict', 'one pass'],
    ratio: byRate,
  },
];

const FULL = 60_000;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    inferences: { type: 'string', default: String(FULL) },
    megabytes: { type: 'string', default: '1000' },
  },
});
const rounds = Number(values.rounds);
const inferences = Number(values.inferences);
const IDS = [...new Set([...LINES.map(({ id }) => id), ...LARGE_LINES])];
const unknown = positionals.filter((id) => ![...IDS, ...SMALL_LINES].includes(id));
if (unknown.length > 0 || !(rounds >= 1) || !(inferences >= 6_000))
  throw new Error(
    `usage: npm run bench -- [${[...IDS, ...SMALL_LINES].join('|')}]… [--rounds 5] [--inferences 60000] [--megabytes 1000]`,
  );
// Small objects are asked for by name: they are none of the table's lines.
const wanted = positionals.length > 0 ? positionals : IDS;

const begun = performance.now();
const table: string[][] = [];
const opensslVersion = execFileSync('openssl', ['version'], { encoding: 'utf8' }).trim();
console.log(
  `${machine()} (OpenSSL ${versions.openssl}), ${opensslVersion}, Neo4j ${EMBEDDED.version} with a heap of 1 GB on the same cores`,
);
const contenders = new Contenders(inferences);
try {
  await inRounds(LINES.filter(({ id }) => wanted.includes(id)));
  table.push(...(await large(contenders, wanted, Number(values.megabytes))));
  table.push(...(await small(contenders, wanted, inferences / FULL)));
} finally {
  await contenders.close();
}
print(['', 'what', 'figure', 'bar'], table);
console.log(`${((performance.now() - begun) / 60_000).toFixed(1)} minutes`);

async function inRounds(lines: readonly Line[]): Promise<void> {
  if (lines.length === 0) return;
  const ready = new Map<string, Contender>();
  for (const [name, make] of Object.entries(contenders.makers))
    if (lines.some(({ of }) => of.includes(name))) ready.set(name, await make());
  const all: Map<string, Measured>[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const measured = new Map<string, Measured>();
    for (const [name, run] of ready) measured.set(name, await run());
    const rates = Array.from(measured, ([name, of]) => `${name} ${perSecond(of)}`);
    console.log(`${round === 0 ? 'warm-up' : `round ${round}`}: ${rates.join(', ')}`);
    if (round > 0) all.push(measured);
  }
  const of = (round: Map<string, Measured>, name: string): Measured => {
    const measured = round.get(name);
    if (measured === undefined) throw new Error(`${name} did not run`);
    return measured;
  };
  for (const {
    id,
    what,
    bar,
    of: [a, b],
    ratio,
  } of lines)
    table.push([id, what, ratioText(all.map((round) => ratio(of(round, a), of(round, b)))), bar]);
  print(
    ['contender', 'records a second', 'client, µs a record', 'server, µs a record'],
    Array.from(ready.keys(), (name) => {
      const runs = all.map((round) => of(round, name));
      const middle = (figure: (run: Measured) => number): string =>
        String(Math.round(quantile(runs.map(figure), 0.5) * 1000));
      return [name, middle(rate), middle(clientMs), middle(serverMs)];
    }),
  );
}

function perSecond(measured: Measured): string {
  return `${Math.round(rate(measured) * 1000)}/s`;
}

/** As Markdown, for docs/performance.md. */
function print(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  console.log(['', line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n'));
}
