import { parseArgs } from 'node:util';
import { counted } from '../lib/counted.ts';
import { ConfigError } from '../lib/errors.ts';
import { runSeedQuery, SEED_QUERIES, type Table } from '../lib/graph/ask/seed-queries.ts';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';

const MAX_CELL = 48;

export const query: Command = async (args) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      cypher: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const list = SEED_QUERIES.map(({ id, title }) => `  ${id}  ${title}\n`).join('');
  if (values.help) {
    process.stdout.write(`usage: custody query ID [--json | --cypher]\n\n${list}`);
    return 0;
  }
  const asked = SEED_QUERIES.find(({ id }) => id === positionals[0]);
  if (asked === undefined) throw new ConfigError('USAGE', [`custody query takes one of\n${list}`]);
  if (values.cypher) {
    process.stdout.write(`${asked.statement};\n`);
    return 0;
  }
  const table = await withGraph((graph) => runSeedQuery(graph, asked.id));
  process.stdout.write(
    values.json ? `${JSON.stringify(table)}\n` : tableText(table ?? { columns: [], rows: [] }),
  );
  return 0;
};

function tableText({ columns, rows }: Table): string {
  const cells = [columns, ...rows.map((row) => row.map(cell))];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  const lines = cells.map((row) =>
    row
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n${counted(rows.length, 'row')}\n`;
}

function cell(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // What was signed by others must not steer the terminal.
  const safe = text.replaceAll(/\p{Cc}/gu, '\uFFFD');
  return safe.length > MAX_CELL ? `${safe.slice(0, MAX_CELL - 1)}…` : safe;
}
