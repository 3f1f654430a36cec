import { parseArgs } from 'node:util';
import { audit as runAudit, type Audit } from '../lib/audit/audit.ts';
import type { Difference } from '../lib/audit/difference.ts';
import { counted } from '../lib/counted.ts';
import { payload } from '../lib/graph/settings.ts';
import { openArchive, openEvidence } from './archive.ts';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';
import { print, printJson } from './terminal.ts';

export const audit: Command = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      anew: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(
      'usage: custody audit [--anew] [--json]',
      '--anew    forget what earlier audits read: every archived log is read and verified again',
      'exit 1 when the graph differs from the archived logs, or the audit did not come to its end',
    );
    return 0;
  }
  const archive = await openArchive(process.env);
  const store = await openEvidence(process.env);
  const found = await withGraph((graph) =>
    runAudit({ graph, archive, store, payload: payload(process.env), isAnew: values.anew }),
  );
  if (values.json) printJson(found);
  else print(...linesOf(found));
  return found.complete && found.differences.length === 0 ? 0 : 1;
};

function linesOf(found: Audit): readonly string[] {
  const { logs, compared, entities, relationships, differences, unsettled } = found;
  const kinds = Object.entries(compared).map(([kind, count]) => `${count} ${kind}`);
  return [
    ...differences.map(textOf),
    ...(found.isTooMuch
      ? ['and more: the graph is another one than the logs say; see docs/operations.md']
      : []),
    `${differences.length === 0 ? 'ok' : 'differs'}: ${counted(differences.length, 'difference')} in ${counted(entities, 'thing')} (${kinds.join(', ')}) and ${counted(relationships, 'relationship')}`,
    `from ${counted(logs.total, 'archived log')}, ${logs.read} read just now; ${logs.open} being written, ${logs.abandoned} abandoned, ${logs.withoutVerdict} without a verdict`,
    ...(unsettled === 0
      ? []
      : [
          `${counted(unsettled, 'thing')} left to the next audit: they rest on logs or links that are not settled`,
        ]),
    found.complete ? 'complete' : 'not complete',
  ];
}

function textOf({ kind, identity, what, says }: Difference): string {
  return `high    ${kind} ${identity.join(' ')}: ${what}: ${says}`;
}
