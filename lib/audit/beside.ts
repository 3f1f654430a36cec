import { RULES } from '../compliance/rules.ts';
import { plainTime, type Plain, type PlainMap } from '../graph/ask/audited.ts';
import { FINDING_STATUSES } from '../graph/finding.ts';
import { OBJECT_STATUSES } from '../graph/source-object.ts';
import { findingKey } from '../graph/write/rule-pass.ts';
import { jsonMembers } from '../members.ts';
import { parseTimestamp } from '../trust/timestamp.ts';
import { compareProperties, type Difference } from './difference.ts';
import { mapOf, mapsOf, type Compared } from './expected.ts';
import type { Identity } from './facts.ts';
import type { Ledger } from './ledger.ts';
import { nameOf } from './take-in.ts';
import type { WaiverStatement } from './waivers.ts';

/** What is beside the records: which logs they came in, under which names, and what checks found. */

const NOTHING: Compared = { differences: [], isUnsettled: false };
const UNSETTLED: Compared = { differences: [], isUnsettled: true };

function differing(differences: readonly Difference[]): Compared {
  return { differences, isUnsettled: false };
}

export function compareStretch(
  identity: Identity,
  found: PlainMap | null,
  ledger: Ledger,
): Compared {
  if (found === null) return NOTHING;
  const thing = { kind: 'stretch', identity };
  const [log = '', , kid = ''] = identity;
  const sources = ledger.sourcesOf(log);
  const properties = mapOf(found['properties']);
  const { number } = properties;
  const isWithin = sources.some(
    ({ source }) =>
      typeof number === 'number' &&
      number * 1_000 < Math.max(source.lines, 1) &&
      source.kids.includes(kid),
  );
  if (!isWithin && sources.every(({ source }) => source.problem === null))
    return differing([
      { ...thing, what: 'node', says: 'no archived log has such lines of that key' },
    ]);
  if (sources.some(({ state }) => state === 'open')) return UNSETTLED;
  const expected = {
    log,
    kid,
    number: number ?? null,
    count: found['signings'] ?? 0,
    first: found['first'] ?? null,
    last: found['last'] ?? null,
  };
  const isPart = JSON.stringify(found['logs']) === JSON.stringify([log]);
  return differing([
    ...compareProperties(thing, expected, properties),
    ...(isPart ? [] : [{ ...thing, what: 'PART_OF', says: `it is part of the log ${log}` }]),
    ...(found['others'] === 0
      ? []
      : [{ ...thing, what: 'relationships', says: 'no log says them' }]),
  ]);
}

export function compareLog(identity: Identity, found: PlainMap | null, ledger: Ledger): Compared {
  const thing = { kind: 'log', identity };
  const [log = ''] = identity;
  const sources = ledger.sourcesOf(log);
  const [first] = sources;
  if (first === undefined)
    return found === null
      ? NOTHING
      : differing([{ ...thing, what: 'node', says: 'the archive has no such log with a verdict' }]);
  const problems = sources.flatMap(({ source: { problem } }) =>
    problem === null ? [] : [{ ...thing, what: 'archive', says: problem }],
  );
  if (problems.length > 0) return differing(problems);
  const isOpen = sources.some(({ state }) => state === 'open');
  if (found === null)
    return sources.some(({ state }) => state === 'done')
      ? differing([{ ...thing, what: 'node', says: 'it was accepted, and is not there' }])
      : { differences: [], isUnsettled: isOpen };
  const properties = mapOf(found['properties']);
  const { lines, bytes } = first.source;
  const differences = compareProperties(thing, { sha256: log, bytes, lines }, properties, {
    free: ['version', 'firstSeenAt'],
  });
  if (found['others'] !== 0)
    differences.push({ ...thing, what: 'relationships', says: 'no log says them' });
  differences.push(...compareProgress(thing, found, sources, isOpen));
  return { differences: isOpen ? [] : differences, isUnsettled: isOpen };
}

/** How far the writing of a log has come, for each of its verdicts. */
function compareProgress(
  thing: Pick<Difference, 'kind' | 'identity'>,
  found: PlainMap,
  sources: ReturnType<Ledger['sourcesOf']>,
  isOpen: boolean,
): readonly Difference[] {
  const differences: Difference[] = [];
  const held = mapsOf(found['progress']);
  let counted = 0;
  for (const { source, state } of sources) {
    const key = nameOf(source);
    const progress = held.find((of) => mapOf(of['properties'])['key'] === key);
    const of = mapOf(progress?.['properties']);
    counted += Number(of['accepted'] ?? 0);
    if (state !== 'done') continue;
    const isLastGood = source.last.line === source.lines;
    const expected = {
      key,
      linesDone: source.lines,
      isDone: true,
      ...(isLastGood ? { offsetDone: source.last.offset } : {}),
    };
    const free = ['accepted', 'duplicate', 'openedBy', ...(isLastGood ? [] : ['offsetDone'])];
    differences.push(...compareProperties(thing, expected, of, { free, prefix: 'progress ' }));
    if (Number(of['accepted'] ?? 0) + Number(of['duplicate'] ?? 0) !== source.good)
      differences.push({
        ...thing,
        what: 'progress accepted, duplicate',
        says: `${source.good} lines were accepted`,
      });
    if (progress !== undefined && (progress['opener'] === null || progress['others'] !== 0))
      differences.push({
        ...thing,
        what: 'progress openedBy',
        says: 'the name that brought the log',
      });
  }
  if (
    held.some(
      (of) => !sources.some(({ source }) => nameOf(source) === mapOf(of['properties'])['key']),
    )
  )
    differences.push({ ...thing, what: 'progress', says: 'no verdict says it' });
  if (!isOpen && counted !== found['signings'])
    differences.push({
      ...thing,
      what: 'progress accepted',
      says: 'as many as its stretches count',
    });
  return differences;
}

const OBJECT_FREE = [
  'firstSeenAt',
  'lastSeenAt',
  'sentAt',
  'rejections',
  'problem',
  'problemCode',
  'rejected',
  // Which version judged it, nothing outside the graph tells.
  'custody',
];

/** A name is held against the log that it carried; which names there were, nothing outside the graph tells. */
export function compareObject(
  identity: Identity,
  found: PlainMap | null,
  ledger: Ledger,
): Compared {
  if (found === null) return NOTHING;
  const thing = { kind: 'object', identity };
  const properties = mapOf(found['properties']);
  const status = OBJECT_STATUSES.find((known) => known === properties['status']);
  if (status === 'verifying' || status === 'writing') return UNSETTLED;
  const differences: Difference[] = [];
  if (status === undefined)
    differences.push({ ...thing, what: 'status', says: 'one of the known ones' });
  if (found['others'] !== 0)
    differences.push({ ...thing, what: 'relationships', says: 'no log says them' });
  const carried = Array.isArray(found['carried']) ? found['carried'] : [];
  if (status !== 'accepted' && status !== 'partial') {
    if (carried.length > 0)
      differences.push({ ...thing, what: 'CARRIED', says: 'it brought nothing' });
    return differing(differences);
  }
  const { sha256 } = properties;
  const log = typeof sha256 === 'string' ? sha256 : '';
  if (carried.length !== 1 || carried[0] !== log)
    differences.push({ ...thing, what: 'CARRIED', says: `it carried the log ${log}` });
  const parked = typeof properties['parked'] === 'string' ? properties['parked'] : null;
  const of = ledger.sourcesOf(log).find(({ source }) => source.parked === parked);
  if (of === undefined) {
    differences.push({
      ...thing,
      what: 'sha256',
      says: 'no archived log and verdict is what it names',
    });
    return differing(differences);
  }
  const { source, state } = of;
  if (state === 'open') return UNSETTLED;
  const progress = mapOf(found['progress']);
  const isOpener = progress['openedBy'] === identity[0];
  const counts = isOpener
    ? { accepted: progress['accepted'] ?? null, duplicate: progress['duplicate'] ?? null }
    : { accepted: 0, duplicate: source.good };
  const expected = {
    uri: identity[0] ?? null,
    status: source.parked === null ? 'accepted' : 'partial',
    sha256: log,
    parked: source.parked,
    progress: nameOf(source),
    bytes: source.bytes,
    lines: source.lines,
    rejected: source.lines - source.good,
    root: source.root,
    kids: source.signers,
    ...counts,
  };
  const free = OBJECT_FREE.filter((name) => name !== 'rejected');
  return differing([...differences, ...compareProperties(thing, expected, properties, { free })]);
}

const FINDING_NAMES = new Set(
  'key rule severity entity detail digests inferences counts group seenIn lastSeenAt firstSeenAt settledAt status openedIn settledIn untold'.split(
    ' ',
  ),
);

/**
 * A finding is what a rule says of a thing: its key follows from both. Whether the rule still says so,
 * the next check asks, which settles it or finds it again; what only a person decides is the waiver.
 */
export function compareFinding(identity: Identity, found: PlainMap | null): Compared {
  if (found === null) return NOTHING;
  const thing = { kind: 'finding', identity };
  const properties = mapOf(found['properties']);
  const differences: Difference[] = [];
  const rule = RULES.find(({ id }) => id === properties['rule']);
  const { entity, status } = properties;
  const key =
    rule === undefined || typeof entity !== 'string'
      ? null
      : findingKey(rule.id, jsonMembers(entity));
  if (key !== identity[0])
    differences.push({
      ...thing,
      what: 'entity',
      says: 'no rule makes a finding of that key about it',
    });
  if (rule !== undefined && properties['severity'] !== rule.severity)
    differences.push({ ...thing, what: 'severity', says: rule.severity });
  if (!FINDING_STATUSES.some((known) => known === status))
    differences.push({ ...thing, what: 'status', says: FINDING_STATUSES.join(', ') });
  if (status === 'waived' && found['hasWaiver'] !== true)
    differences.push({ ...thing, what: 'status', says: 'nobody waived it' });
  for (const name of Object.keys(properties))
    if (!FINDING_NAMES.has(name))
      differences.push({ ...thing, what: name, says: 'no check says it' });
  if (found['others'] !== 0)
    differences.push({ ...thing, what: 'relationships', says: 'no check says them' });
  return differing(differences);
}

/** A waiver is what somebody said with `custody waive`, which is kept outside the graph. */
export function compareWaiver(
  identity: Identity,
  found: PlainMap | null,
  statement: WaiverStatement | undefined,
): Compared {
  const thing = { kind: 'waiver', identity };
  if (statement === undefined)
    return found === null
      ? NOTHING
      : differing([{ ...thing, what: 'node', says: 'nobody made it' }]);
  if (found === null)
    return differing([
      { ...thing, what: 'node', says: `${statement.who} made it, and it is not there` },
    ]);
  const { key, who, why, until, madeAt } = statement;
  const expected = { key, who, why, until: timeOf(until), madeAt: timeOf(madeAt) };
  return differing(compareProperties(thing, expected, mapOf(found['properties'])));
}

function timeOf(text: string): Plain {
  const at = parseTimestamp(text);
  return at === null ? null : plainTime(at);
}
