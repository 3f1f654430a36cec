import { parseArgs } from 'node:util';
import { counted } from '../lib/counted.ts';
import type { KeyItem } from '../lib/http/answers/keys.ts';
import { keysRoute } from '../lib/http/routes/keys.ts';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';
import { answerOf, completeness } from './questions.ts';
import { print, printJson } from './terminal.ts';

export const keys: Command = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(
      'usage: custody keys [--json]',
      'the keys that are trusted, what each may sign, and how much it has signed; what rests on one: custody impact --kid KID',
    );
    return 0;
  }
  await withGraph(async (graph) => {
    const answer = await answerOf(graph, keysRoute, {});
    if (values.json) printJson(answer);
    else print(...answer.items.flatMap(keyLines), ...completeness(answer.incomplete ?? []));
  });
  return 0;
};

function keyLines({ kid, status, signed, ...said }: KeyItem): readonly string[] {
  const { name, uses, notBefore, notAfter, revoked, scopes } = said;
  const lines = [`${kid}   ${status}${name === null ? '' : `   ${name}`}`];
  const { signings, logs, first, last } = signed;
  const times = first === null || last === null ? '' : `, of ${first} to ${last}`;
  lines.push(`${counted(signings, 'signing')} in ${counted(logs, 'log')}${times}`);
  if (uses !== null) lines.push(`for ${uses}`);
  if (notBefore !== null || notAfter !== null)
    lines.push(`for times from ${notBefore ?? 'any'} to ${notAfter ?? 'any'}`);
  if (revoked !== null) {
    const from = revoked.compromisedFrom;
    const stolen = from === null ? '' : `, compromised from ${from}`;
    lines.push(`revoked at ${revoked.at}${stolen}: ${revoked.reason}`);
  }
  for (const [scope, patterns] of Object.entries(scopes ?? {}))
    if (patterns !== null) lines.push(`${scope}: ${patterns.join(' ')}`);
  const [head = '', ...more] = lines;
  return [head, ...more.map((line) => `  ${line}`)];
}
