import { parseArgs } from 'node:util';
import { migrate as createSchema, missingSchema } from '../lib/graph/schema.ts';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';
import { print } from './terminal.ts';

export const migrate: Command = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print('usage: custody migrate [--check]');
    return 0;
  }
  const names = await withGraph((graph) =>
    values.check ? missingSchema(graph) : createSchema(graph),
  );
  const verb = values.check ? 'missing' : 'created';
  print(...(names.length === 0 ? ['up to date'] : names.map((name) => `${verb} ${name}`)));
  return values.check && names.length > 0 ? 1 : 0;
};
