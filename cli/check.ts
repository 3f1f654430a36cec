import { parseArgs } from 'node:util';
import { foundText, check as runCheck, type Checked } from '../lib/compliance/check.ts';
import { RULES, type Severity } from '../lib/compliance/rules.ts';
import { ruleSettings } from '../lib/compliance/settings.ts';
import { ConfigError } from '../lib/errors.ts';
import { allFindings, type FindingRow } from '../lib/graph/ask/findings.ts';
import type { Graph } from '../lib/graph/connection.ts';
import { membersOf } from '../lib/members.ts';
import { compromises } from '../lib/trust/key-policy.ts';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';
import { knownTrust } from './known-keys.ts';
import { print, printJson } from './terminal.ts';

const SEVERITIES: readonly Severity[] = ['low', 'medium', 'high'];

/** Of one rule, told to a person; `--json` has all. */
const MAX_TOLD = 5;

export const check: Command = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      rule: { type: 'string', multiple: true, default: [] },
      'fail-on': { type: 'string', default: 'low' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(
      'usage: custody check [--rule ID]… [--fail-on low|medium|high] [--json]',
      `rules: ${RULES.map(({ id }) => id).join(', ')}`,
      'exit 1 when a finding of that severity or above is open, or a rule was not asked to its end',
    );
    return 0;
  }
  const problems = values.rule
    .filter((id) => !RULES.some((rule) => rule.id === id))
    .map((id) => `there is no rule ${id}`);
  const failOn = SEVERITIES.findIndex((severity) => severity === values['fail-on']);
  if (failOn === -1) problems.push('--fail-on is low, medium or high');
  if (problems.length > 0) throw new ConfigError('USAGE', problems);
  const settings = ruleSettings(process.env);
  return withGraph(async (graph) => {
    const only = values.rule.length === 0 ? {} : { rules: values.rule };
    const compromised = compromises((await knownTrust()).ring);
    const checked = await runCheck(graph, settings, { ...only, compromised });
    const open = await openFindings(graph, checked);
    if (values.json) printJson({ ...checked, open });
    else print(...resultLines(checked, open));
    const isBad = open.some(
      ({ severity }) => SEVERITIES.findIndex((of) => of === severity) >= failOn,
    );
    return isBad || !checked.check.complete ? 1 : 0;
  });
};

function namedText({ key, detail }: FindingRow): string {
  const { nearSpelling } = membersOf(detail);
  const known =
    typeof nearSpelling === 'string' ? `; known in another spelling: ${nearSpelling}` : '';
  return `          ${key}${known}`;
}

async function openFindings(
  graph: Graph,
  { check: { rules } }: Checked,
): Promise<readonly FindingRow[]> {
  const asked = rules.filter(({ examined }) => examined !== null).map(({ rule }) => rule);
  const all: FindingRow[] = [];
  for await (const finding of allFindings(graph, { statuses: ['open'], rules: asked }))
    all.push(finding);
  return all;
}

function resultLines(
  { check: { rules, complete } }: Checked,
  open: readonly FindingRow[],
): readonly string[] {
  const lines = rules.flatMap((result) => {
    const rule = RULES.find(({ id }) => id === result.rule);
    if (rule === undefined || result.examined === null)
      return [`${result.outcome.padEnd(7)} ${result.rule}: ${result.reason ?? ''}`];
    const mine = open.filter((finding) => finding.rule === rule.id);
    const named = mine.slice(0, MAX_TOLD).map(namedText);
    const more = mine.length > MAX_TOLD ? [`          and ${mine.length - MAX_TOLD} more`] : [];
    const settled = result.settled === 0 ? '' : `, ${result.settled} settled now`;
    const verdict = result.open > 0 ? rule.severity : result.outcome === 'done' ? 'ok' : '?';
    const unfinished = result.reason === null ? '' : `; ${result.reason}`;
    const counts = `${foundText(result, rule.of)}${settled}${unfinished}`;
    return [`${verdict.padEnd(7)} ${rule.id}: ${counts}`, ...named, ...more];
  });
  return complete ? lines : [...lines, 'not complete: some rules were not asked to their end'];
}
