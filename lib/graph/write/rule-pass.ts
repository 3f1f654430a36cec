import { createHash } from 'node:crypto';
import type { ManagedTransaction } from 'neo4j-driver';
import { OutOfTimeError } from '../../errors.ts';
import { jsonMembers } from '../../members.ts';
import { VERSION } from '../../version.ts';
import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { lockFindings } from '../lock.ts';
import { nearSpellings, type Spelt } from '../near.ts';
import { count, flag, maybe, node, nodes, only, rows, text, texts, type Row } from '../rows.ts';

/** A rule to be asked; the text of its statements is constant. */
export interface AskedRule {
  readonly id: string;
  readonly severity: string;
  /** RETURN examined: how many of what the rule is about there are. */
  readonly examined: string;
  /** Each RETURN place, found: of the next $limit things behind the place $a, $b, $c. */
  readonly findings: readonly string[];
  /** What a finding is about was recorded by nobody. */
  readonly unrecorded?: 'dataset' | 'model';
  /** Of what is found in one group, more than so many are one finding. */
  readonly mostOfGroup?: number;
  /** RETURN prefix: of the groups' $prefixes those that go into no wider one. */
  readonly ownGroups?: string;
}

/** What became of what a rule finds. */
interface Kept {
  /** False where the time was up before; the next check goes on from there. */
  readonly isOver: boolean;
  /** Null where nothing was looked at. */
  readonly told: Told | null;
}

/** Numbers of a rule: `open` and `waived` in the unit of `examined`. */
interface Told {
  readonly examined: number;
  readonly open: number;
  readonly waived: number;
  /** Open ones. */
  readonly findings: number;
  /** Keys of what this very check opened. */
  readonly fresh: readonly string[];
  /** Keys of what this very check settled. */
  readonly settled: readonly string[];
}

/** Things that are looked at in one transaction; fewer where those take too long. */
const PAGES: readonly number[] = [2_000, 100, 5];

/** Of a group, those that its one finding names. */
const MAX_NAMED = 5;

/** An index takes no more than 8 kB. */
const MAX_KEY_BYTES = 4_096;

/** Of looking at one page and keeping what is found; less than a scheduled function keeps back for its end. */
const PAGE_TIMEOUT_MS = 30_000;

// A pass goes through all that a rule is about. One that is over begins anew, but not for the check that
// has just ended it, whose COMMIT took effect unheard; one of another version has other statements.
const JOIN_PASS = `
MERGE (at:RulePass {rule: $rule})
WITH at, at.pass IS NULL OR at.version <> $version
  OR (at.isOver AND at.endedIn <> $check AND $pass IS NULL) AS isNew
SET at.askedAt = datetime($now), at.version = $version,
  at.pass = CASE WHEN isNew THEN $check ELSE at.pass END,
  at.step = CASE WHEN isNew THEN 0 ELSE at.step END,
  at.a = CASE WHEN isNew THEN '' ELSE at.a END,
  at.b = CASE WHEN isNew THEN '' ELSE at.b END,
  at.c = CASE WHEN isNew THEN '' ELSE at.c END,
  at.isOver = CASE WHEN isNew THEN false ELSE at.isOver END
RETURN at.pass AS pass, at.step AS step, [at.a, at.b, at.c] AS place,
  at.isOver OR (at.pass <> coalesce($pass, at.pass)) AS isOver
`;

const NEXT_STEP = `
MATCH (at:RulePass {rule: $rule})
SET at.step = $step, at.a = '', at.b = '', at.c = ''
`;

const MOVE_PLACE = `
MATCH (at:RulePass {rule: $rule})
SET at.a = $a, at.b = $b, at.c = $c
`;

const END_PASS = `
MATCH (at:RulePass {rule: $rule})
SET at.isOver = true, at.endedIn = $check
`;

const ASKED_AT = `
UNWIND $rules AS rule
OPTIONAL MATCH (at:RulePass {rule: rule})
RETURN rule, toString(at.askedAt) AS askedAt
`;

const WAIVED = `
UNWIND $keys AS key
MATCH (w:Waiver {key: key})
WHERE w.until > datetime($now)
RETURN key
`;

const COUNT_GROUPS = `
UNWIND $groups AS row
MERGE (g:FindingGroup {key: row.key})
WITH g, row, coalesce(g.pass, '') = $pass AS isCounted
SET g.rule = $rule, g.entity = row.entity, g.pass = $pass,
  g.counts = CASE WHEN isCounted THEN g.counts ELSE 0 END + row.counts,
  g.names = CASE WHEN isCounted THEN (g.names + row.names)[..$most] ELSE row.names END,
  g.wider = row.wider, g.widerEntity = row.widerEntity
`;

const FLOODED = `
UNWIND $keys AS key
MATCH (g:FindingGroup {key: key})
OPTIONAL MATCH (w:FindingGroup {key: g.wider})
WHERE g.inWider = $pass AND w.pass = $pass AND w.counts > $mostOfGroup
WITH key, g, w
WHERE w IS NOT NULL OR (g.pass = $pass AND g.counts > $mostOfGroup)
RETURN key
`;

const NEXT_GROUPS = `
MATCH (g:FindingGroup)
USING INDEX SEEK g:FindingGroup(key)
WHERE g.key > $a AND g.rule = $rule
WITH g
ORDER BY g.key
LIMIT $limit
RETURN g.key AS key, g.entity AS entity, g.counts AS counts, g.names AS names,
  g.pass = $pass AND g.counts > $mostOfGroup AS isFlooded, g.pass <> $pass AS isGone
ORDER BY g.key
`;

// Of what each group has that is no flood of its own.
const NEXT_SMALL_GROUPS = `
MATCH (g:FindingGroup)
USING INDEX SEEK g:FindingGroup(key)
WHERE g.key > $a AND g.rule = $rule
WITH g
ORDER BY g.key
LIMIT $limit
RETURN g.key AS key, g.entity AS entity, g.wider AS wider, g.widerEntity AS widerEntity, g.counts AS counts,
  g.names AS names, g.pass = $pass AND g.counts <= $mostOfGroup AND g.wider IS NOT NULL AS isSmall
ORDER BY g.key
`;

const PUT_IN_WIDER = `
UNWIND $keys AS key
MATCH (g:FindingGroup {key: key})
SET g.inWider = $pass
`;

// Its members go on in it, from the first of them on.
const JOIN_GROUP = `
UNWIND $groups AS key
MATCH (f:Finding {key: key})
CALL (key) {
  MATCH (member:Finding)
  WHERE member.group = key
  RETURN member
  UNION
  MATCH (member:Finding)
  WHERE member.widerGroup = key
  RETURN member
}
WITH f, member
WHERE member.seenIn <> $pass AND member.status IN ['open', 'waived']
WITH f, collect(member) AS members, min(member.firstSeenAt) AS first
SET f.firstSeenAt = CASE WHEN first < f.firstSeenAt THEN first ELSE f.firstSeenAt END
FOREACH (member IN members | DETACH DELETE member)
`;

const FORGET_GROUPS = `
UNWIND $keys AS key
MATCH (g:FindingGroup {key: key})
DELETE g
`;

// A finding names the checks that opened and settled it, so that a transaction whose COMMIT took effect
// tells the same when it is run again. `untold` stays until somebody was told.
const KEEP_FINDINGS = `
UNWIND $found AS row
OPTIONAL MATCH (w:Waiver {key: row.key})
WITH row, CASE WHEN w.until > datetime($now) THEN 'waived' ELSE 'open' END AS status
MERGE (f:Finding {key: row.key})
ON CREATE SET f.firstSeenAt = datetime($now), f.rule = $rule
WITH f, row, status, status = 'open' AND coalesce(f.status, 'settled') <> 'open' AS isOpened
SET f.severity = $severity, f.entity = row.entity, f.detail = row.detail, f.digests = row.digests,
  f.inferences = row.inferences, f.counts = row.counts, f.group = row.group,
  f.widerGroup = row.widerGroup, f.seenIn = $pass,
  f.lastSeenAt = datetime($now), f.settledAt = null, f.status = status,
  f.openedIn = CASE WHEN isOpened THEN $check ELSE f.openedIn END,
  f.untold = CASE WHEN isOpened THEN true WHEN status = 'waived' THEN null ELSE f.untold END
`;

// What a whole pass has not met.
const SETTLE_FINDINGS = `
MATCH (f:Finding)
WHERE f.status IN ['open', 'waived'] AND f.rule = $rule AND f.key IS NOT NULL AND f.seenIn <> $pass
WITH f
LIMIT $limit
SET f.status = 'settled', f.settledAt = datetime($now), f.settledIn = $check, f.untold = true
RETURN count(f) AS settled
`;

// Of a pass that is not over, what it has met so far; of one that is, all.
const TELL_RULE = `
CALL () {
  MATCH (f:Finding)
  WHERE f.status = 'open' AND f.rule = $rule AND f.key IS NOT NULL AND f.seenIn = coalesce($pass, f.seenIn)
  RETURN sum(f.counts) AS open, count(f) AS findings
}
CALL () {
  MATCH (f:Finding)
  WHERE f.status = 'waived' AND f.rule = $rule AND f.key IS NOT NULL AND f.seenIn = coalesce($pass, f.seenIn)
  RETURN sum(f.counts) AS waived
}
CALL () {
  MATCH (f:Finding)
  WHERE f.status = 'open' AND f.rule = $rule AND f.key IS NOT NULL AND f.openedIn = $check
  RETURN collect(f.key) AS fresh
}
CALL () {
  MATCH (f:Finding)
  WHERE f.status = 'settled' AND f.rule = $rule AND f.key IS NOT NULL AND f.settledIn = $check
  RETURN collect(f.key) AS settled
}
RETURN open, findings, waived, fresh, settled
`;

/** The rules by when they were asked last, those never asked first, so that none waits for ever. */
export async function leastRecentlyAsked(
  graph: Graph,
  rules: readonly string[],
): Promise<readonly string[]> {
  const asked = await graph[database].ask(ASKED_AT, { rules });
  return asked
    .map((row) => ({ rule: text(row, 'rule'), askedAt: maybe(text, row, 'askedAt') ?? '' }))
    .sort((a, b) => (a.askedAt === b.askedAt ? 0 : a.askedAt < b.askedAt ? -1 : 1))
    .map(({ rule }) => rule);
}

/**
 * Asks a rule page by page, keeps what it finds, and settles what a whole pass did not find. Where the
 * time is up before, its place is kept, and the next check goes on from there. Asking and keeping a
 * page are one transaction, and checks take turns: what is kept is never older than what was there.
 */
export async function keepFindings(
  graph: Graph,
  rule: AskedRule,
  check: { readonly id: string; readonly startedAt: string },
  settings: Row,
  isTimeUp: () => boolean = () => false,
): Promise<Kept> {
  const asking = { rule, settings: { ...settings, now: check.startedAt }, check: check.id };
  let pass: string | null = null;
  let size = 0;
  for (;;) {
    const limit = PAGES[size];
    if (limit === undefined) break;
    try {
      const page = await keepPage(graph, asking, pass, limit);
      if (page.told !== null) return { isOver: true, told: page.told };
      pass = page.pass;
    } catch (error) {
      if (!(error instanceof OutOfTimeError)) throw error;
      size += 1;
    }
    if (isTimeUp()) break;
  }
  return { isOver: false, told: pass === null ? null : await tellMet(graph, { ...asking, pass }) };
}

/** The numbers of what a pass has met so far; null where there is no time even for them. */
async function tellMet(
  graph: Graph,
  met: Asking & { readonly pass: string },
): Promise<Told | null> {
  try {
    return await graph[database].write((tx) => tellRule(tx, met), PAGE_TIMEOUT_MS);
  } catch (error) {
    if (error instanceof OutOfTimeError) return null;
    throw error;
  }
}

/** A check that asks a rule; the settings are parameters of its statements. */
interface Asking {
  readonly rule: AskedRule;
  readonly settings: Row;
  readonly check: string;
}

/** What a page is kept for. */
interface OnPass extends Asking {
  readonly pass: string;
  readonly limit: number;
  /** Behind which the page begins. */
  readonly place: readonly string[];
}

/** Does a part of a pass; true where there is more of the same to do. */
type Step = (tx: ManagedTransaction, on: OnPass) => Promise<boolean>;

function stepsOf({ findings, mostOfGroup }: AskedRule): readonly Step[] {
  const keeping = findings.map((statement) => pageStep(statement, keepFound));
  const counting = findings.map((statement) => pageStep(statement, countGroups));
  const grouped =
    mostOfGroup === undefined ? keeping : [...counting, countWiderGroups, ...keeping, keepGroups];
  return [...grouped, settleFindings];
}

/**
 * Goes on with a pass for as many steps as there is room for: what a small rule finds is kept and
 * settled in one transaction. Run again after its COMMIT took effect, it does the next page, or
 * tells the same.
 */
async function keepPage(
  graph: Graph,
  asking: Asking,
  known: string | null,
  limit: number,
): Promise<{ readonly pass: string; readonly told: Told | null }> {
  const { rule, check, settings } = asking;
  const on = { rule: rule.id, check, now: settings['now'], version: VERSION, pass: known };
  const steps = stepsOf(rule);
  return graph[database].write(async (tx) => {
    await lockFindings(tx);
    const at = only(rows(await tx.run(JOIN_PASS, on)));
    const pass = text(at, 'pass');
    let place: readonly string[] = texts(at, 'place');
    let isOver = flag(at, 'isOver');
    for (let step = count(at, 'step'); !isOver; step += 1, place = []) {
      const act = steps[step];
      if (act === undefined) {
        await tx.run(END_PASS, { rule: rule.id, check });
        isOver = true;
      } else if (await act(tx, { ...asking, pass, limit, place })) return { pass, told: null };
      else await tx.run(NEXT_STEP, { rule: rule.id, step: BigInt(step + 1) });
    }
    return { pass, told: await tellRule(tx, { ...asking, pass: null }) };
  }, PAGE_TIMEOUT_MS);
}

/** Moves the pass's place behind a page, to its last row; false, and nothing moved, where that was the last page. */
async function movedBehind(
  tx: ManagedTransaction,
  { rule, limit }: OnPass,
  page: readonly Row[],
  placeOf: (row: Row) => readonly string[],
): Promise<boolean> {
  const last = page.at(-1);
  if (last === undefined || page.length < limit) return false;
  const [a = '', b = '', c = ''] = placeOf(last);
  await tx.run(MOVE_PLACE, { rule: rule.id, a, b, c });
  return true;
}

function keyPlace(row: Row): readonly string[] {
  return [text(row, 'key')];
}

/** Looks at the next things behind the pass's place, and moves that behind them. */
function pageStep(
  statement: string,
  keep: (tx: ManagedTransaction, on: OnPass, found: readonly Found[]) => Promise<void>,
): Step {
  return async (tx, on) => {
    const { rule, settings, limit, place } = on;
    const [a = '', b = '', c = ''] = place;
    const parameters = { ...settings, rule: rule.id, a, b, c, limit: BigInt(limit) };
    const page = rows(await tx.run(statement, parameters));
    await keep(
      tx,
      on,
      page.flatMap((row) => nodes(row, 'found').map((found) => foundOf(rule.id, found))),
    );
    return movedBehind(tx, on, page, (row) => texts(row, 'place'));
  };
}

async function keepFound(
  tx: ManagedTransaction,
  on: OnPass,
  found: readonly Found[],
): Promise<void> {
  const flooded = await flooding(tx, on, found);
  const waived = flooded.size === 0 ? flooded : await waivedOf(tx, on, found);
  const isOne = ({ key, group }: Found): boolean =>
    group === null || !flooded.has(group.key) || waived.has(key);
  await writeFindings(tx, on, await withNear(tx, on.rule, found.filter(isOne)));
}

/** What nobody recorded may have been recorded under almost the same name. */
async function withNear(
  tx: ManagedTransaction,
  { unrecorded }: AskedRule,
  found: readonly Found[],
): Promise<readonly Found[]> {
  if (unrecorded === undefined) return found;
  const ask = async (statement: string, parameters: Row): Promise<readonly Row[]> =>
    rows(await tx.run(statement, parameters));
  const near = await nearSpellings(
    ask,
    found.map(({ entity }): Spelt => {
      const about = jsonMembers(entity);
      return unrecorded === 'dataset'
        ? { kind: 'dataset', hash: text(about, 'hash') }
        : { kind: 'model', name: text(about, 'name'), commit: maybe(text, about, 'commit') };
    }),
    true,
  );
  return found.map((one, index) => {
    const nearSpelling = near[index]?.join(', ') ?? '';
    if (nearSpelling === '') return one;
    const detail = { ...jsonMembers(one.detail), nearSpelling };
    return { ...one, detail: JSON.stringify(detail) };
  });
}

/** Adds to the groups of a pass; what is waived takes no room in them. */
async function countGroups(
  tx: ManagedTransaction,
  on: OnPass,
  found: readonly Found[],
): Promise<void> {
  const waived = await waivedOf(tx, on, found);
  const counted = found.filter(({ key }) => !waived.has(key));
  const groups = [...Map.groupBy(counted, ({ group }) => group?.key ?? '')].flatMap(([key, of]) => {
    const [first] = of;
    if (first === undefined || first.group === null) return [];
    const counts = BigInt(of.reduce((sum, one) => sum + one.counts, 0));
    const names = of.slice(0, MAX_NAMED).map(({ name }) => name);
    const wider = first.widerGroup?.key ?? null;
    const widerEntity = first.widerGroup?.entity ?? null;
    return [{ key, entity: first.group.entity, counts, names, wider, widerEntity }];
  });
  await addToGroups(tx, on, groups);
}

async function addToGroups(
  tx: ManagedTransaction,
  { rule, pass }: OnPass,
  groups: readonly Row[],
): Promise<void> {
  await tx.run(COUNT_GROUPS, { groups, rule: rule.id, pass, most: BigInt(MAX_NAMED) });
}

/** Adds what is in small groups to the wider ones, so that many small ones are no flood either. */
async function countWiderGroups(tx: ManagedTransaction, on: OnPass): Promise<boolean> {
  const { rule, pass, limit } = on;
  const [a = ''] = on.place;
  const mostOfGroup = BigInt(rule.mostOfGroup ?? 0);
  const parameters = { rule: rule.id, pass, a, mostOfGroup, limit: BigInt(limit) };
  const page = rows(await tx.run(NEXT_SMALL_GROUPS, parameters));
  const small = await withoutOwn(
    tx,
    rule,
    page.filter((row) => flag(row, 'isSmall')),
  );
  await tx.run(PUT_IN_WIDER, { keys: small.map((row) => text(row, 'key')), pass });
  const groups = [...Map.groupBy(small, (row) => text(row, 'wider'))].map(([key, of]) => ({
    key,
    entity: of[0]?.['widerEntity'],
    counts: BigInt(of.reduce((sum, row) => sum + count(row, 'counts'), 0)),
    names: of.flatMap((row) => texts(row, 'names')).slice(0, MAX_NAMED),
    wider: null,
    widerEntity: null,
  }));
  await addToGroups(tx, on, groups);
  return movedBehind(tx, on, page, keyPlace);
}

/** Groups but for those that stand for themselves. */
async function withoutOwn(
  tx: ManagedTransaction,
  { ownGroups }: AskedRule,
  groups: readonly Row[],
): Promise<readonly Row[]> {
  if (ownGroups === undefined || groups.length === 0) return groups;
  const prefixOf = (row: Row): string => text(jsonMembers(text(row, 'entity')), 'prefix');
  const prefixes = [...new Set(groups.map(prefixOf))];
  const own = new Set(
    rows(await tx.run(ownGroups, { prefixes })).map((row) => text(row, 'prefix')),
  );
  return groups.filter((row) => !own.has(prefixOf(row)));
}

/** Keeps one finding for each group that has more than its most, and forgets groups that nothing is in. */
async function keepGroups(tx: ManagedTransaction, on: OnPass): Promise<boolean> {
  const {
    rule,
    pass,
    limit,
    place: [a = ''],
  } = on;
  const most = BigInt(rule.mostOfGroup ?? 0);
  const parameters = { rule: rule.id, pass, a, mostOfGroup: most, limit: BigInt(limit) };
  const page = rows(await tx.run(NEXT_GROUPS, parameters));
  const flooded = page.filter((row) => flag(row, 'isFlooded'));
  await writeFindings(tx, on, flooded.map(groupFinding));
  const keysOf = (of: readonly Row[]): string[] => of.map((row) => text(row, 'key'));
  await tx.run(JOIN_GROUP, { groups: keysOf(flooded), pass });
  const gone = page.filter((row) => flag(row, 'isGone'));
  await tx.run(FORGET_GROUPS, { keys: keysOf(gone) });
  return movedBehind(tx, on, page, keyPlace);
}

async function settleFindings(
  tx: ManagedTransaction,
  { rule, pass, check, settings, limit }: OnPass,
): Promise<boolean> {
  const on = { rule: rule.id, pass, check, now: settings['now'], limit: BigInt(limit) };
  return count(only(rows(await tx.run(SETTLE_FINDINGS, on))), 'settled') === limit;
}

/** `pass`: of which only what it has met is counted; null for all. */
async function tellRule(
  tx: ManagedTransaction,
  { rule, settings, check, pass }: Asking & { readonly pass: string | null },
): Promise<Told> {
  const counted = only(rows(await tx.run(rule.examined, { ...settings, rule: rule.id })));
  const told = only(rows(await tx.run(TELL_RULE, { rule: rule.id, check, pass })));
  return {
    examined: count(counted, 'examined'),
    open: count(told, 'open'),
    waived: count(told, 'waived'),
    findings: count(told, 'findings'),
    fresh: texts(told, 'fresh'),
    settled: texts(told, 'settled'),
  };
}

async function writeFindings(
  tx: ManagedTransaction,
  { rule, check, pass, settings }: OnPass,
  found: readonly Found[],
): Promise<void> {
  await tx.run(KEEP_FINDINGS, {
    rule: rule.id,
    severity: rule.severity,
    check,
    pass,
    now: settings['now'],
    found: found.map(({ group, widerGroup, ...one }) => ({
      key: one.key,
      entity: one.entity,
      detail: one.detail,
      digests: one.digests,
      inferences: one.inferences,
      counts: BigInt(one.counts),
      group: group?.key ?? null,
      widerGroup: widerGroup?.key ?? null,
    })),
  });
}

/** Which of these groups are one finding each, in this pass. */
async function flooding(
  tx: ManagedTransaction,
  { rule, pass }: OnPass,
  found: readonly Found[],
): Promise<ReadonlySet<string>> {
  const keys = new Set(found.flatMap(({ group }) => (group === null ? [] : [group.key])));
  if (keys.size === 0) return keys;
  const mostOfGroup = BigInt(rule.mostOfGroup ?? 0);
  const flooded = await tx.run(FLOODED, { keys: [...keys], pass, mostOfGroup });
  return new Set(rows(flooded).map((row) => text(row, 'key')));
}

async function waivedOf(
  tx: ManagedTransaction,
  { settings }: OnPass,
  found: readonly Found[],
): Promise<ReadonlySet<string>> {
  const keys = found.map(({ key }) => key);
  const waived = await tx.run(WAIVED, { keys, now: settings['now'] });
  return new Set(rows(waived).map((row) => text(row, 'key')));
}

/** What a rule found, as a `Finding` node keeps it. */
interface Found {
  readonly key: string;
  /** How many of what the rule examines it stands for. */
  readonly counts: number;
  /** As JSON, as is its detail. */
  readonly entity: string;
  readonly detail: string;
  /** Of records that it rests on. */
  readonly digests: readonly string[];
  /** Ids of inferences that it rests on. */
  readonly inferences: readonly string[];
  readonly group: { readonly key: string; readonly entity: string } | null;
  /** What it is in where its group is no flood of its own. */
  readonly widerGroup: { readonly key: string; readonly entity: string } | null;
  /** What its group calls it. */
  readonly name: string;
}

function foundOf(rule: string, row: Row): Found {
  const entity = node(row, 'entity');
  const group = maybe(node, row, 'group');
  const widerGroup = maybe(node, row, 'widerGroup');
  return {
    key: findingKey(rule, entity),
    counts: count(row, 'counts'),
    entity: JSON.stringify(entity),
    detail: JSON.stringify(maybe(node, row, 'detail') ?? {}),
    digests: maybe(texts, row, 'digests') ?? [],
    inferences: maybe(texts, row, 'inferences') ?? [],
    group: group && { key: findingKey(rule, group), entity: JSON.stringify(group) },
    name: maybe(text, entity, 'uri') ?? maybe(text, entity, 'log') ?? '',
    widerGroup: widerGroup && {
      key: findingKey(rule, widerGroup),
      entity: JSON.stringify(widerGroup),
    },
  };
}

function groupFinding(row: Row): Found {
  return {
    key: text(row, 'key'),
    counts: count(row, 'counts'),
    entity: text(row, 'entity'),
    detail: JSON.stringify({ first: texts(row, 'names').join(' ') }),
    digests: [],
    inferences: [],
    group: null,
    widerGroup: null,
    name: '',
  };
}

/**
 * A finding's identity: its rule, and the members of its entity in the order of their names, or
 * their SHA-256 where they are too long.
 */
export function findingKey(rule: string, entity: Row): string {
  const members = Object.keys(entity)
    .sort()
    .map((name) => [name, maybe(text, entity, name)] as const)
    .filter(([, value]) => value !== null);
  const said = JSON.stringify(Object.fromEntries(members));
  return Buffer.byteLength(said) <= MAX_KEY_BYTES
    ? `${rule}:${said}`
    : `${rule}:sha256:${createHash('sha256').update(said).digest('hex')}`;
}
