import { parseArgs } from 'node:util';
import { keepWaiver as keepStatement } from '../lib/audit/waivers.ts';
import { ConfigError } from '../lib/errors.ts';
import { hasFinding, waive as keepWaiver } from '../lib/graph/write/findings.ts';
import { parseTimestamp } from '../lib/trust/timestamp.ts';
import { openEvidence } from './archive.ts';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';
import { print, tell } from './terminal.ts';

export const waive: Command = async (args) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      who: { type: 'string' },
      why: { type: 'string' },
      until: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(
      'usage: custody waive FINDING --who NAME --why REASON --until TIME   (FINDING as custody check names it)',
    );
    return 0;
  }
  const { who = '', why = '', until = '' } = values;
  const [key] = positionals;
  const problems: string[] = [];
  if (key === undefined || positionals.length > 1) problems.push('one finding is waived at a time');
  if (who === '') problems.push('--who is needed: a waiver is somebody’s');
  if (why === '') problems.push('--why is needed');
  const instant = parseTimestamp(until);
  if (instant === null) problems.push('--until is a time of RFC 3339, as 2027-01-31T00:00:00Z');
  else if (instant.epochSeconds * 1000 < Date.now()) problems.push('--until has passed already');
  if (problems.length > 0 || key === undefined || instant === null)
    throw new ConfigError('USAGE', problems);
  const waiver = { who, why, until: new Date(instant.epochSeconds * 1000).toISOString() };
  const madeAt = new Date().toISOString();
  const store = await openEvidence(process.env);
  const status = await withGraph(async (graph) => {
    if (!(await hasFinding(graph, key))) return null;
    // Outside the graph first: a waiver that stands in the graph alone is one that nobody made.
    await keepStatement(store, { key, ...waiver, madeAt });
    return keepWaiver(graph, key, waiver, madeAt);
  });
  if (status === null) {
    tell(`custody: there is no finding ${key}`);
    return 1;
  }
  print(`${key}: ${status} until ${waiver.until}`);
  return 0;
};
