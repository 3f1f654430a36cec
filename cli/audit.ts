import { parseArgs } from 'node:util';
import { audit as runAudit, type Audit } from '../lib/audit/audit.ts';
import type { Difference } from '../lib/audit/difference.ts';
import { repair, type Repaired } from '../lib/audit/repair.ts';
import { counted } from '../lib/counted.ts';
import { payload } from '../lib/graph/settings.ts';
import { keepAudit } from '../lib/graph/write/audit.ts';
import { openArchive, openEvidence } from './archive.ts';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';
import { print, printJson } from './terminal.ts';

export const audit: Command = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      anew: { type: 'boolean', default: false },
      repair: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(
      'usage: custody audit [--anew] [--repair] [--json]',
      '--anew    forget what earlier audits read: every archived log is read and verified again',
      '--repair  write anew from the signed envelopes what differs, say what was done, and audit again',
      'exit 1 when the graph differs from the archived logs, or the audit did not come to its end',
    );
    return 0;
  }
  const archive = await openArchive(process.env);
  const store = await openEvidence(process.env);
  return withGraph(async (graph) => {
    const on = { graph, archive, store, payload: payload(process.env) };
    const found = await runAudit({ ...on, isAnew: values.anew });
    await keepAudit(graph, found);
    if (!values.json) print(...linesOf(found));
    const isSound = found.complete && found.differences.length === 0;
    if (!values.repair || isSound || found.isTooMuch) {
      if (values.json) printJson(found);
      return isSound ? 0 : 1;
    }
    const repaired: Repaired[] = [];
    await repair(found.differences, on, (one) => {
      repaired.push(one);
      if (!values.json) print(`repaired ${one.kind} ${one.identity.join(' ')}: ${one.did}`);
    });
    const after = await runAudit(on);
    await keepAudit(graph, after);
    if (values.json) printJson({ ...after, before: found.differences, repaired });
    else print(...linesOf(after));
    return after.complete && after.differences.length === 0 ? 0 : 1;
  });
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
    ...(found.withoutPayload === 0
      ? []
      : [`${counted(found.withoutPayload, 'inference')} without a stored payload`]),
    found.complete ? 'complete' : 'not complete',
  ];
}

function textOf({ kind, identity, what, says }: Difference): string {
  return `high    ${kind} ${identity.join(' ')}: ${what}: ${says}`;
}
