import { parseArgs } from 'node:util';
import { counted } from '../lib/counted.ts';
import { ConfigError } from '../lib/errors.ts';
import { runSeedQuery, SEED_QUERIES, type Table } from '../lib/graph/ask/seed-queries.ts';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';
import { print, printJson, visible } from './terminal.ts';

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
  const list = SEED_QUERIES.map(({ id, title }) => `  ${id}  ${title}`);
  if (values.help) {
    print('usage: custody query ID [--json | --cypher]', '', ...list);
    return 0;
  }
  const asked = SEED_QUERIES.find(({ id }) => id === positionals[0]);
  if (asked === undefined) throw new ConfigError('USAGE', ['custody query takes one of', ...list]);
  if (values.cypher) {
    print(...`${asked.statement};`.split('\n'));
    return 0;
  }
  const table = await withGraph((graph) => runSeedQuery(graph, asked.id));
  if (values.json) printJson(table);
  else for (const line of tableLines(table ?? { columns: [], rows: [] })) print(line);
  return 0;
};

function tableLines({ columns, rows }: Table): readonly string[] {
  const cells = [columns, ...rows.map((row) => row.map(cell))];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  const lines = cells.map((row) =>
    row
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...lines, counted(rows.length, 'row')];
}

function cell(value: unknown): string {
  // Before it is measured: what is made visible is longer.
  const text = visible(typeof value === 'string' ? value : JSON.stringify(value));
  return text.length > MAX_CELL ? `${text.slice(0, MAX_CELL - 1)}…` : text;
}
