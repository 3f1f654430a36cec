import { parseArgs } from 'node:util';
import { ConfigError, PoisonObjectError } from '../lib/errors.ts';
import { GraphWriter } from '../lib/graph/write/writer.ts';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';
import { print, tell } from './terminal.ts';

/** Ends by hand an object that nothing else ends; what is in the graph of it stays. */
export const object: Command = async (args) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { reason: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    print(
      'usage: custody object close URI --reason TEXT',
      'URI is the object as /v1/objects names it; exit 1 when no object of that name is open',
    );
    return 0;
  }
  const [action, uri, ...more] = positionals;
  const reason = values.reason?.trim() ?? '';
  const problems: string[] = [];
  if (action !== 'close') problems.push('custody object takes one action: close');
  if (uri === undefined || more.length > 0) problems.push('close takes one URI');
  if (reason === '') problems.push('--reason is needed: it is what receipts and answers say');
  if (uri === undefined || problems.length > 0) throw new ConfigError('USAGE', problems);
  const why = new PoisonObjectError('CLOSED_BY_HAND', `closed by hand: ${reason}`);
  const isClosed = await withGraph((graph) => new GraphWriter(graph).abandon(uri, why));
  tell(isClosed ? `${uri}: abandoned: ${why.message}` : `${uri}: no object of that name is open`);
  return isClosed ? 0 : 1;
};
