import { plainTime, type Plain, type PlainMap } from '../graph/ask/audited.ts';
import { isLater } from '../graph/order.ts';
import { inOrder, resolve, type Link, type Version } from '../graph/resolve.ts';
import { stretchOf } from '../graph/stretch.ts';
import { leastOf } from '../graph/write/changes.ts';
import { INLINE_PAYLOAD_BYTES } from '../graph/write/write-changes.ts';
import { compareInstants, type Instant } from '../trust/timestamp.ts';
import { compareProperties, type Difference, type Expected } from './difference.ts';
import type {
  DatasetFact,
  Fact,
  FactOf,
  Identity,
  InferenceFact,
  ModelFact,
  RecordFact,
} from './facts.ts';

/** How far a log has come: only what is done is wanted of the graph, and what is not may be in it. */
export type SourceState = 'done' | 'open' | 'abandoned';

/** What is known beside the facts of the thing that is compared. */
export interface Around {
  readonly logOf: (source: number) => string;
  /** Null for a dataset that no log records. */
  readonly dataset: (hash: string) => SourceState | null;
  readonly versions: (name: string) => {
    readonly done: readonly Version[];
    readonly hasOpen: boolean;
  };
}

/** Of one thing. `isUnsettled`: it rests on a log that is not done. */
export interface Compared {
  readonly differences: readonly Difference[];
  readonly isUnsettled: boolean;
}

/** The fact that speaks for its entity (docs/graph.md, G-3). */
function headOf<F extends Fact>(facts: readonly F[]): F | undefined {
  return facts.reduce<F | undefined>(
    (head, fact) => (head === undefined || isLater(fact, head) ? fact : head),
    undefined,
  );
}

function sinceOf(facts: readonly Fact[]): Instant | null {
  return facts.reduce<Instant | null>(
    (least, { recordedAt }) =>
      least === null || compareInstants(recordedAt, least) < 0 ? recordedAt : least,
    null,
  );
}

/** The versions of a model's name, from the facts about them. */
export function versionsOf(facts: Iterable<{ commit: string; at: Instant }>): readonly Version[] {
  const since = new Map<string, Instant>();
  for (const { commit, at } of facts) {
    const held = since.get(commit);
    if (held === undefined || compareInstants(at, held) < 0) since.set(commit, at);
  }
  return inOrder(Array.from(since, ([commit, at]) => ({ commit, since: at })));
}

/** `columns` as {@link nextAudited} of lib/graph/ask reads them; null for what is not there. */
type Found = PlainMap | null;

const MISSING = 'it was signed, and is not there';
const UNSUPPORTED = 'no log says it';

/** What holds for every kind: nothing is there that nobody signed, and all is there that somebody signed. */
function present<F extends Fact>(
  thing: Pick<Difference, 'kind' | 'identity'>,
  facts: readonly F[],
  found: Found,
): { readonly head: F; readonly columns: PlainMap } | readonly Difference[] {
  const head = headOf(facts);
  if (head === undefined)
    return found === null ? [] : [{ ...thing, what: 'node', says: UNSUPPORTED }];
  if (found === null) return [{ ...thing, what: 'node', says: MISSING }];
  return { head, columns: found };
}

function othersOf(thing: Pick<Difference, 'kind' | 'identity'>, columns: PlainMap): Difference[] {
  return columns['others'] === 0
    ? []
    : [{ ...thing, what: 'relationships', says: 'some of its relationships no log says' }];
}

export function compareDataset(
  identity: Identity,
  facts: readonly DatasetFact[],
  found: Found,
): readonly Difference[] {
  const thing = { kind: 'dataset', identity };
  const there = present(thing, facts, found);
  if (!('head' in there)) return there;
  const { head, columns } = there;
  const expected = {
    hash: identity[0] ?? null,
    ...claim(head),
    since: timeOf(sinceOf(facts)),
    timestamp: head.timestamp,
    path: { text: head.path },
    description: { text: head.description },
  };
  return [
    ...compareProperties(thing, expected, mapOf(columns['properties'])),
    ...othersOf(thing, columns),
  ];
}

export function compareModel(
  identity: Identity,
  facts: readonly ModelFact[],
  found: Found,
  around: Around,
): Compared {
  const thing = { kind: 'model', identity };
  const there = present(thing, facts, found);
  if (!('head' in there)) return { differences: there, isUnsettled: false };
  const { head, columns } = there;
  const [name = null, commit = null] = identity;
  const expected = {
    name,
    commit,
    ...claim(head),
    since: timeOf(sinceOf(facts)),
    timestamp: head.timestamp,
    hyperparameters: { text: head.hyperparameters },
    environment: { text: head.environment },
  };
  const links = compareLinks(thing, facts, columns, around);
  return {
    differences: [
      ...compareProperties(thing, expected, mapOf(columns['properties'])),
      ...othersOf(thing, columns),
      ...links.differences,
    ],
    isUnsettled: links.isUnsettled,
  };
}

/** USED_IN where the dataset is recorded, PendingLink where it is not, each with its evidence (G-9, G-10). */
function compareLinks(
  thing: Pick<Difference, 'kind' | 'identity'>,
  facts: readonly ModelFact[],
  columns: PlainMap,
  around: Around,
): Compared {
  const evidence = new Map<string, string[]>();
  for (const { digest, datasetHashes } of facts)
    for (const hash of datasetHashes) evidence.set(hash, [...(evidence.get(hash) ?? []), digest]);
  const differences: Difference[] = [];
  const held = {
    USED_IN: new Map<string, PlainMap[]>(),
    PendingLink: new Map<string, PlainMap[]>(),
  };
  const hold = (type: keyof typeof held, hash: Plain | undefined, link: PlainMap): void => {
    const key = typeof hash === 'string' ? hash : '';
    held[type].set(key, [...(held[type].get(key) ?? []), link]);
  };
  for (const link of mapsOf(columns['used'])) hold('USED_IN', link['hash'], link);
  for (const link of mapsOf(columns['pending']))
    hold('PendingLink', mapOf(link['properties'])['hash'], link);
  let isUnsettled = false;
  for (const hash of new Set([
    ...evidence.keys(),
    ...held.USED_IN.keys(),
    ...held.PendingLink.keys(),
  ])) {
    const digests = evidence.get(hash);
    const state = around.dataset(hash);
    const isOpen = digests !== undefined && state !== null && state !== 'done';
    isUnsettled ||= isOpen;
    for (const type of ['USED_IN', 'PendingLink'] as const) {
      const links = held[type].get(hash) ?? [];
      const isWanted = digests !== undefined && (type === 'USED_IN') === (state === 'done');
      const what = `${type} ${hash}`;
      if (isOpen) continue;
      if (!isWanted && links.length > 0) differences.push({ ...thing, what, says: UNSUPPORTED });
      if (!isWanted) continue;
      const [link] = links;
      if (link === undefined || links.length > 1) {
        differences.push({
          ...thing,
          what,
          says: link === undefined ? MISSING : 'it was signed once',
        });
        continue;
      }
      const said = { evidence: leastOf(null, digests) };
      const [name = null, commit = null] = thing.identity;
      const whole = type === 'USED_IN' ? said : { ...said, hash, name, commit };
      const isSound = type === 'USED_IN' ? link['isDataset'] === true : link['others'] === 0;
      if (!isSound) differences.push({ ...thing, what, says: UNSUPPORTED });
      differences.push(
        ...compareProperties(thing, whole, mapOf(link['properties']), { prefix: `${what} ` }),
      );
    }
  }
  return { differences, isUnsettled };
}

export function compareRecord(
  identity: Identity,
  facts: readonly RecordFact[],
  found: Found,
  around: Around,
): readonly Difference[] {
  const thing = { kind: 'record', identity };
  // An inference's records are compared with it; one that asserts no inference is nobody's.
  if (
    facts.length === 0 &&
    found !== null &&
    mapsOf(found['asserts']).every(({ label }) => label === 'Inference')
  )
    if (mapsOf(found['asserts']).length === 1) return [];
  if (facts.length === 0 && found !== null && mapsOf(found['asserts']).length === 0)
    return [{ ...thing, what: 'node', says: 'it asserts nothing' }];
  const there = present(thing, facts, found);
  if (!('head' in there)) return there;
  const { head, columns } = there;
  const type = head.asserts.length === 1 ? 'dataset' : 'model';
  const expected = {
    digest: head.digest,
    type,
    content: head.content,
    recordedAt: plainTime(head.recordedAt),
  };
  const [first = null, second = null] = head.asserts;
  const asserted: PlainMap =
    type === 'dataset'
      ? { label: 'Dataset', identity: [first, null, null, null], properties: {} }
      : { label: 'Model', identity: [null, first, second, null], properties: {} };
  const isAsserting = sameText(columns['asserts'] ?? null, [asserted]);
  return [
    ...compareProperties(thing, expected, mapOf(columns['properties'])),
    ...othersOf(thing, columns),
    ...(isAsserting
      ? []
      : [{ ...thing, what: 'ASSERTS', says: `it asserts the ${type} ${head.asserts.join(' ')}` }]),
    ...compareSignings(thing, facts, columns['signings'], around),
  ];
}

export function compareInference(
  identity: Identity,
  facts: readonly InferenceFact[],
  found: Found,
  around: Around,
): Compared {
  const thing = { kind: 'inference', identity };
  const there = present(thing, facts, found);
  if (!('head' in there)) return { differences: there, isUnsettled: false };
  const { head, columns } = there;
  const { done, hasOpen } = around.versions(head.model);
  const link = resolve(head.commit, head.recordedAt, done);
  const linked = compareLink(thing, head, link, columns);
  const properties = mapOf(columns['properties']);
  const expected = {
    id: identity[0] ?? null,
    model: head.model,
    commit: head.commit,
    ...claim(head),
    timestamp: head.timestamp,
    ...(hasPayload(columns)
      ? {
          ...payloadOf('input', head.input, properties),
          ...payloadOf('output', head.output, properties),
        }
      : {}),
  };
  return {
    differences: [
      ...compareProperties(thing, expected, properties, {
        free: ['resolution'],
        untold: ['digest', ...PAYLOAD],
      }),
      ...othersOf(thing, columns),
      ...(hasOpen ? [] : linked),
      ...compareRecords(thing, facts, columns, around),
    ],
    isUnsettled: hasOpen,
  };
}

function compareLink(
  thing: Pick<Difference, 'kind' | 'identity'>,
  { model }: InferenceFact,
  { commit, resolution }: Link,
  columns: PlainMap,
): readonly Difference[] {
  const says = commit === null ? 'no version' : `the version ${commit}`;
  const wanted: readonly PlainMap[] =
    commit === null ? [] : [{ name: model, commit, isModel: true, properties: {} }];
  const held = mapOf(columns['properties'])['resolution'];
  return [
    ...(sameText(columns['models'] ?? null, wanted) ? [] : [{ ...thing, what: 'GENERATED', says }]),
    ...(held === resolution ? [] : [{ ...thing, what: 'resolution', says: resolution }]),
  ];
}

/** One record alone: its signings hang on the inference. Several: each is a node of its own (G-5, G-6). */
function compareRecords(
  thing: Pick<Difference, 'kind' | 'identity'>,
  facts: readonly InferenceFact[],
  columns: PlainMap,
  around: Around,
): readonly Difference[] {
  const byDigest = Map.groupBy(facts, ({ digest }) => digest);
  const records = mapsOf(columns['records']);
  if (byDigest.size === 1)
    return [
      ...compareSignings(thing, facts, columns['signings'], around),
      ...(records.length === 0
        ? []
        : [{ ...thing, what: 'ASSERTS', says: 'one record alone asserts it' }]),
    ];
  const differences: Difference[] = [];
  if (mapsOf(columns['signings']).length > 0)
    differences.push({
      ...thing,
      what: 'SIGNED_IN',
      says: 'several records assert it, and each has its own',
    });
  for (const [digest, same] of byDigest) {
    const [fact] = same;
    const held = records.filter((of) => digestOf(of) === digest);
    const [record] = held;
    if (fact === undefined) continue;
    if (
      record === undefined ||
      held.length > 1 ||
      record['isRecord'] !== true ||
      record['others'] !== 0
    ) {
      differences.push({
        ...thing,
        what: 'ASSERTS',
        says: `${byDigest.size} records assert it, each once`,
      });
      continue;
    }
    const { recordedAt, model, commit } = fact;
    const expected = {
      digest,
      type: 'inference',
      recordedAt: plainTime(recordedAt),
      model,
      commit,
    };
    differences.push(
      ...compareProperties(thing, expected, mapOf(record['properties']), {
        prefix: 'record ',
        untold: ['digest'],
      }),
      ...compareSignings(thing, same, record['signings'], around),
    );
  }
  if (records.some((of) => !byDigest.has(digestOf(of))))
    differences.push({ ...thing, what: 'ASSERTS', says: 'a record asserts it that nobody signed' });
  return differences;
}

function digestOf(record: PlainMap): string {
  const { digest } = mapOf(record['properties']);
  return typeof digest === 'string' ? digest : '';
}

/** One relationship for each key that signed, to a place where it did (G-5). */
function compareSignings(
  thing: Pick<Difference, 'kind' | 'identity'>,
  facts: readonly Fact[],
  signings: Plain | undefined,
  around: Around,
): readonly Difference[] {
  const differences: Difference[] = [];
  const held = Map.groupBy(mapsOf(signings), ({ kid }) => (typeof kid === 'string' ? kid : ''));
  const byKid = Map.groupBy(facts, ({ kid }) => kid);
  for (const [kid, places] of byKid) {
    const [signing, ...more] = held.get(kid) ?? [];
    const what = `SIGNED_IN by ${kid}`;
    if (signing === undefined) differences.push({ ...thing, what, says: MISSING });
    else if (more.length > 0) differences.push({ ...thing, what, says: 'it was signed once' });
    else if (!places.some((place) => isPlace(signing, place, around)))
      differences.push({ ...thing, what, says: 'it was signed in another place' });
  }
  for (const kid of held.keys())
    if (!byKid.has(kid))
      differences.push({ ...thing, what: `SIGNED_IN by ${kid}`, says: UNSUPPORTED });
  return differences;
}

function isPlace(
  signing: PlainMap,
  { source, line, offset, length }: Fact,
  around: Around,
): boolean {
  const { log, number, isStretch, properties } = signing;
  return (
    isStretch === true &&
    log === around.logOf(source) &&
    number === stretchOf(line) &&
    sameText(properties ?? null, { line, offset, length })
  );
}

/**
 * False for an inference of which neither side of the payload is stored: nothing was to be, or somebody
 * has taken it out, as docs/operations.md says how. Nothing false is told then; it is counted.
 */
export function hasPayload(columns: PlainMap): boolean {
  const properties = mapOf(columns['properties']);
  return PAYLOAD.some((name) => (properties[name] ?? null) !== null);
}

/** Names of what an inference holds of its payload. */
const PAYLOAD = ['input', 'inputSha256', 'inputBytes', 'output', 'outputSha256', 'outputBytes'];

/**
 * A side of the payload as text or by hash and size, whichever is there: what was configured when it
 * was written stays.
 */
function payloadOf(
  name: 'input' | 'output',
  { sha256, bytes }: { readonly sha256: string; readonly bytes: number },
  found: PlainMap,
): Readonly<Record<string, Expected>> {
  const isByHash = (found[`${name}Sha256`] ?? found[`${name}Bytes`] ?? null) !== null;
  const isText = (found[name] ?? null) !== null;
  if (isText && !isByHash && bytes <= INLINE_PAYLOAD_BYTES)
    return { [name]: { text: { sha256, bytes } } };
  return { [`${name}Sha256`]: sha256, [`${name}Bytes`]: bytes };
}

function claim({ digest, recordedAt }: Pick<Fact, 'digest' | 'recordedAt'>): {
  readonly digest: string;
  readonly recordedAt: PlainMap;
} {
  return { digest, recordedAt: plainTime(recordedAt) };
}

function timeOf(at: Instant | null): Plain {
  return at === null ? null : plainTime(at);
}

/** Of the same members and values, whatever the order of members. */
function sameText(a: Plain, b: Plain): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: Plain): string {
  return JSON.stringify(value, (_, of: unknown) =>
    typeof of === 'object' && of !== null && !Array.isArray(of)
      ? Object.fromEntries(Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1)))
      : of,
  );
}

/** A map of the graph; an empty one for anything else, in which everything is then missing. */
export function mapOf(value: Plain | undefined): PlainMap {
  return isMap(value) ? value : {};
}

/** The maps of a list. */
export function mapsOf(value: Plain | undefined): readonly PlainMap[] {
  return Array.isArray(value) ? value.filter((of: Plain) => isMap(of)) : [];
}

function isMap(value: Plain | undefined): value is PlainMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Of facts those of logs that are done, and all: the graph may have either while a log is written. */
export function choicesOf<F extends FactOf<Fact['kind']>>(
  facts: readonly F[],
  stateOf: (source: number) => SourceState,
): { readonly choices: readonly (readonly F[])[]; readonly isOpen: boolean } {
  const done = facts.filter(({ source }) => stateOf(source) === 'done');
  const isAll = done.length === facts.length;
  const isOpen = facts.some(({ source }) => stateOf(source) === 'open');
  return { choices: isAll ? [done] : [done, facts], isOpen };
}
