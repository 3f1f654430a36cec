import { readdir, readFile } from 'node:fs/promises';
import neo4j, { type Driver, type ManagedTransaction, type Plan } from 'neo4j-driver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { check } from '../../lib/compliance/check.ts';
import { makeReport } from '../../lib/compliance/report.ts';
import { DEFAULT_SETTINGS, RULES, type Rule } from '../../lib/compliance/rules.ts';
import { PoisonObjectError } from '../../lib/errors.ts';
import * as asOf from '../../lib/graph/as-of.ts';
import { readChain } from '../../lib/graph/ask/chain.ts';
import { namesOfLogs } from '../../lib/graph/ask/evidence.ts';
import { checkTimes, untold } from '../../lib/graph/ask/findings.ts';
import { openCounts, unfinishedObjects } from '../../lib/graph/ask/objects.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { hasFinding, markTold, waive } from '../../lib/graph/write/findings.ts';
import { noteSent } from '../../lib/graph/write/object-progress.ts';
import { settle } from '../../lib/graph/write/settle.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import { Api, type Query } from '../support/api.ts';
import { graphWith } from '../support/graph-with.ts';
import { neo4jLogin, PATIENT } from '../support/neo4j-login.ts';
import {
  bringRecords,
  datasetRecord,
  inferenceRecord,
  KID,
  modelRecord,
} from '../support/records.ts';
import { wipe } from '../support/snapshot.ts';
import { forgetStatistics, learnStatistics } from '../support/statistics.ts';

type Statements = Map<string, Record<string, unknown>>;

/** A graph that notes every statement, each with the parameters that it came with last. */
function noting(graph: Graph, statements: Statements): Graph {
  const noted = (tx: ManagedTransaction): ManagedTransaction =>
    new Proxy(tx, {
      get: (of, name) => {
        if (name !== 'run') return Reflect.get(of, name) as unknown;
        return (text: string, parameters: Record<string, unknown> = {}) => {
          statements.set(text, parameters);
          return of.run(text, parameters);
        };
      },
    });
  return graphWith(graph, {
    read: (work) => graph[database].read((tx) => work(noted(tx))),
    write: (work) => graph[database].write((tx) => work(noted(tx))),
    ask: (text, parameters = {}) => {
      statements.set(text, parameters);
      return graph[database].ask(text, parameters);
    },
    look: (text, parameters) => {
      statements.set(text, parameters);
      return graph[database].look(text, parameters);
    },
  });
}

const reads: Statements = new Map();
const writes: Statements = new Map();
/** What a check asks by its rules, and how it keeps what they find. */
const ruled: Statements = new Map();
const checks: Statements = new Map();
const RULE_TEXTS = RULES.flatMap(({ examined, findings }) => [examined, ...findings]);
let graph: Graph;
let driver: Driver;

beforeAll(async () => {
  const { uri, username, password } = neo4jLogin;
  graph = openGraph({ uri, username, password }, PATIENT);
  driver = neo4j.driver(uri, neo4j.auth.basic(username, password));
  await wipe(graph);
  await bringWorld(new GraphWriter(noting(graph, writes)));
  await settle(noting(graph, writes));
  await noteSent(noting(graph, writes), 'file:///bad');
  const checked = await check(noting(graph, checks), {
    ...DEFAULT_SETTINGS,
    prefixes: ['file:///'],
  });
  const waiver = { who: 'w', why: 'y', until: '2030-01-01T00:00:00Z' };
  await hasFinding(noting(graph, checks), checked.fresh[0] ?? '');
  await waive(noting(graph, checks), checked.fresh[0] ?? '', waiver, '2026-01-01T00:00:00Z');
  await markTold(noting(graph, checks), await untold(noting(graph, checks)));
  await checkTimes(noting(graph, checks), { from: AT, to: '2030-01-01T00:00:00Z' });
  for (const [text, parameters] of checks)
    if (RULE_TEXTS.includes(text)) ruled.set(text, parameters);
  for (const text of ruled.keys()) checks.delete(text);
  await learnStatistics(graph);
});
afterAll(async () => {
  await driver.close();
  await graph.close();
});

const MODELS = 100;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Every way in which a graph is written: new, again, changed, late, refused and left unfinished. */
async function bringWorld(writer: GraphWriter): Promise<void> {
  await bringRecords(
    writer,
    numbers(200).map((index) => datasetRecord(`d${index}`, index)),
  );
  const models = numbers(MODELS).map((index) =>
    modelRecord(`m${index % 40}`, `c${index}`, 1_000 + index, [
      `d${index}`,
      'hub',
      `ghost${index}`,
    ]),
  );
  await bringRecords(writer, models);
  const inferences = numbers(6_000).map((index) =>
    inferenceRecord(
      `i${index}`,
      `m${index % 45}`,
      index % 3 === 0 ? `c${index % MODELS}` : null,
      2_000 + index,
    ),
  );
  await bringRecords(writer, inferences);
  // Again, changed, and what older links have waited for.
  await bringRecords(writer, inferences.slice(0, 10));
  await bringRecords(
    writer,
    numbers(10).map((index) => inferenceRecord(`i${index}`, 'm0', null, 90_000 + index)),
  );
  await bringRecords(writer, [
    datasetRecord('hub', 5),
    datasetRecord('ghost1', 6),
    datasetRecord('d1', 50_000, 'another path'),
    modelRecord('m41', 'late', 7),
    modelRecord('m0', 'earlier', 8),
  ]);
  // More of one name than are linked at once.
  await bringRecords(
    writer,
    numbers(1_100).map((index) => inferenceRecord(`many${index}`, 'many', null, 4 + index)),
  );
  await bringRecords(writer, [modelRecord('many', 'late', 7)]);
  // More that claim to be of the future than a page of that rule looks at.
  const future = 5_000_000_000;
  await bringRecords(
    writer,
    numbers(2_100).map((index) => inferenceRecord(`late${index}`, 'm1', 'c1', future + index)),
  );
  // A key that signed nothing but inferences.
  await bringRecords(writer, [inferenceRecord('other', 'm1', 'c1', 3)], 'cd'.repeat(32));
  // It signs a record of another key's, too.
  await bringRecords(writer, [inferenceRecord('late5', 'm1', 'c1', future + 5)], 'cd'.repeat(32));
  const object = {
    uri: 'file:///bad',
    sha256: '',
    bytes: 1,
    lines: 1,
    rejected: 1,
    rejections: [],
    seal: null,
  };
  await writer.known(object.uri);
  await writer.pause(object, '{}');
  await writer.record(object, 'rejected');
  await writer.abandon(object.uri, new PoisonObjectError('OBJECT_GONE', 'gone'));
  await writer.passOver([{ uri: 'file:///notes.txt', why: 'no log' }]);
  // What is in the graph already, under another name.
  const log = { log: '1'.padStart(64, '0'), parked: null };
  await writer.log(log);
  await writer.carry({ ...object, uri: 'file:///copy', sha256: log.log }, log, 'accepted');
}

const AT = '2020-01-01T00:00:00Z';
const ASKED: readonly (readonly [string, Query])[] = [
  ['/v1/datasets', {}],
  ['/v1/datasets', { since: AT, until: AT, asOf: AT }],
  ['/v1/dataset', { hash: 'hub' }],
  ['/v1/dataset', { hash: 'ghost2' }],
  ['/v1/models', {}],
  ['/v1/models', { name: 'm1', minDatasets: 1, orphan: 'false', since: AT, asOf: AT }],
  ['/v1/models', { name: 'nobody' }],
  ['/v1/model', { name: 'm1', commit: 'c1' }],
  ['/v1/model', { name: 'm0', commit: 'never' }],
  ['/v1/inferences', {}],
  ['/v1/inferences', { model: 'm1', include: 'payload' }],
  ['/v1/inferences', { model: 'm1', commit: 'c1', dataset: 'hub', asOf: '1970-01-01T00:40:00Z' }],
  ['/v1/inferences', { asOf: '1970-01-01T00:40:00Z' }],
  ['/v1/inference', { id: 'i100' }],
  ...['up', 'down', 'both'].flatMap((direction) =>
    [
      { dataset: 'hub' },
      { model: 'm1', commit: 'c1' },
      { inference: 'i102' },
      { dataset: 'hub', asOf: '1970-01-01T00:40:00Z' },
    ].map((start) => ['/v1/lineage', { ...start, direction }] as const),
  ),
  ['/v1/graph', { limit: 200 }],
  ['/v1/impact', { dataset: 'hub' }],
  ['/v1/impact', { model: 'm1', commit: 'c1' }],
  ['/v1/impact', { kid: KID }],
  ['/v1/impact', { kid: 'cd'.repeat(32) }],
  ['/v1/keys', {}],
  ['/v1/compliance', {}],
  ['/v1/findings', {}],
  ['/v1/objects', {}],
  ['/v1/object', { uri: 'file:///bad' }],
  ['/v1/evidence', { digest: KID }],
  ['/v1/evidence', { inference: 'none' }],
  ['/v1/evidence', { log: KID, line: 1 }],
  ['/v1/impact', { dataset: 'ghost2' }],
  ['/v1/impact', { model: 'm0', commit: 'never' }],
  ['/v1/inferences', { dataset: 'ghost2' }],
  ['/v1/health', {}],
];

async function askAll(statements: Statements, asked: typeof ASKED): Promise<void> {
  const compromisedFrom = '2026-01-01T00:00:00Z';
  const revoked = { at: compromisedFrom, compromisedFrom, reason: 'r' };
  const ring = [{ kid: KID, policy: { revoked } }];
  const api = new Api(noting(graph, statements), undefined, {
    ring: () => Promise.resolve(ring),
  });
  for (const [path, query] of asked) {
    const { status, body } = await api.ask(path, query);
    expect(status, `${path} ${JSON.stringify(query)}: ${body}`).toBeLessThan(500);
    let { next = null } = JSON.parse(body) as { next?: string | null };
    // The graph to look at has three parts, one behind the other.
    for (let more = path === '/v1/graph' ? 4 : 1; next !== null && more > 0; more -= 1) {
      const further = await api.ask(path, { ...query, cursor: next });
      ({ next = null } = JSON.parse(further.body) as { next?: string | null });
    }
  }
  expect(api.failures).toEqual([]);
}

interface Operator {
  readonly name: string;
  readonly details: string;
  readonly under: readonly Operator[];
}

function operator({ operatorType, arguments: of, children }: Plan): Operator {
  return {
    name: operatorType.replace(/@.*/, ''),
    details: ((of as Record<string, unknown>)['Details'] ?? '') as string,
    under: children.map(operator),
  };
}

const allUnder = (of: Operator): Operator[] => [of, ...of.under.flatMap(allUnder)];

/** True where what comes out of an operator grows with the number of inferences: nothing under it has a limit. */
function grows({ name, details, under }: Operator): boolean {
  if (/^(?:Limit|Top|PartialTop|EagerAggregation)$/.test(name)) return false;
  // The other way there is one version for each inference.
  if (name.includes('Expand') && /-\[[^\]]*:GENERATED[^\]]*\]->/.test(details)) return true;
  if (/Seek|Scan/.test(name) && /:Inference\b/.test(details) && !name.includes('Unique'))
    return true;
  return under.some(grows);
}

// A filter compares a name with a parameter by UTF-16, and only a seek by code points (docs/graph.md, G-1).
const BY_NAME = /\b(?:hash|name|commit|model|id|key|path)\b\]? [<>]=? \$/;

/** What S13 does not want to see in a plan. */
function faults(plan: Operator): string[] {
  return allUnder(plan).flatMap((of) => {
    const { name, details, under } = of;
    const isForbidden = ['AllNodesScan', 'Eager', 'CartesianProduct'].includes(name);
    const isScan =
      name.includes('LabelScan') || (name.includes('Scan') && /:Inference\b/.test(details));
    const isSort = /^(?:Sort|PartialSort|Top|PartialTop)$/.test(name) && under.some(grows);
    const isByName = name === 'Filter' && BY_NAME.test(details);
    return isForbidden || isScan || isSort || isByName ? [`${name} ${details}`] : [];
  });
}

/** A rule looks at all there is of what it is about, and at nothing that grows with inferences unless it is about those. */
function ruleFaults({ of: about }: Rule, plan: Operator): string[] {
  const isAboutInferences = about.includes('inferences');
  return allUnder(plan).flatMap((of) => {
    const { name, details } = of;
    const isScan = name.includes('LabelScan');
    const isBounded = isScan && !/:Inference\b/.test(details);
    // Inferences that are signed twice have records, too.
    const isTooMuch =
      /:Inference\b|:GENERATED\b/.test(details) || (isScan && details.endsWith(':Record'));
    const isCount = name === 'CartesianProduct' && !allUnder(of).some(grows);
    const own = faults({ ...of, under: [] });
    const sorted = faults(of).filter((fault) => /^(?:Partial)?(?:Sort|Top) /.test(fault));
    return [
      ...(isBounded || isCount ? [] : own),
      ...sorted,
      ...(isTooMuch && !isAboutInferences ? [`${name} ${details}`] : []),
    ];
  });
}

async function explain(text: string, parameters: Record<string, unknown>): Promise<Operator> {
  const session = driver.session({ defaultAccessMode: neo4j.session.READ });
  try {
    const { summary } = await session.run(`EXPLAIN ${text}`, parameters);
    if (summary.plan === false) throw new Error('the server tells no plan');
    return operator(summary.plan);
  } finally {
    await session.close();
  }
}

/** What may stand in a plan all the same. */
const EXCEPTIONS: readonly { readonly fault: RegExp; readonly in: RegExp; readonly why: string }[] =
  [
    {
      fault: /^Eager read\/set/,
      in: /^(?:MERGE|MATCH) \(o:SourceObject/,
      why: 'one object by its URI: one row',
    },
    {
      fault: /^Eager read\/set conflict for property: \w+ |^CartesianProduct/,
      in: /^(?:MERGE \(l:Log \{sha256: \$log\}\)\nON CREATE|MATCH \(l:Log \{sha256: \$log\}\)\nMERGE \(o:|MATCH \(p:Progress \{key: \$key\}\))/,
      why: 'one log by its SHA-256, its progress by its key, and one object by its URI: one row',
    },
    {
      fault: /^Eager /,
      in: /^UNWIND \$rows AS row\n(?:MERGE \([dmi]:|MATCH \([ei]:|MATCH \(p:PendingLink)/,
      why: 'the rows of one batch or page, at most a thousand; a batch of new inferences sends none of these',
    },
    {
      fault: /^Eager /,
      in: /^MATCH \(l:Log \{sha256: \$log\}\)\nUNWIND \$(?:rows|hashes) AS \w+\nWITH l, \w+\nWHERE EXISTS/,
      why: 'the names of one batch that older nodes wait for',
    },
    {
      fault: /^Eager /,
      in: /^UNWIND \$ids AS id\nMATCH \(i:Inference \{id: id\}\)\nCREATE \(r:Record /,
      why: 'the inferences of which one batch brings a second record',
    },
    {
      fault: /^CartesianProduct/,
      in: /^(?:UNWIND \$rows AS row\nMATCH|MATCH \(p:PendingLink)/,
      why: 'of two nodes that are each found by their identity: one row',
    },
    {
      fault: /^CartesianProduct/,
      in: /^MATCH \(i:Inference \{id: \$id\}\)/,
      why: 'of one inference and one row of what is being written',
    },
    {
      fault: /^CartesianProduct/,
      in: /AS openMarkers/,
      why: 'of three counts, one row each; asked by the sweep only',
    },
    {
      fault: /^Eager read\/set conflict for property: (?:openedIn|status)/,
      in: /^MATCH \(f:Finding \{key: \$key\}\)|^UNWIND \$found AS row/,
      why: 'one finding by its key, or those of one page of a rule, at most two thousand',
    },
    {
      fault: /^Eager read\/set conflict for property: /,
      in: /^MERGE \(at:RulePass/,
      why: 'the pass of one rule: one row',
    },
    {
      fault: /^CartesianProduct/,
      in: /RETURN open, findings, waived, fresh, settled/,
      why: 'of four sums over the findings of one rule, one row each',
    },
    {
      fault: /^(?:Eager read\/(?:set|delete) conflict|CartesianProduct)/,
      in: /^UNWIND \$(?:groups|keys) AS (?:row|key)\nMATCH \((?:f:Finding|g:FindingGroup) |^UNWIND \$groups AS row\nMERGE \(g:FindingGroup/,
      why: 'the groups of one page of a rule, at most two thousand, each with the hundred findings that it takes up',
    },
    {
      fault: /^Eager /,
      in: /^UNWIND \$(?:names|reasons) AS row\nMERGE \([nc]:PassedOver/,
      why: 'the names of one batch, at most a thousand, and their few reasons',
    },
    {
      fault: /^NodeByLabelScan \w+:Relink/,
      in: /:Relink/,
      why: 'markers: one for each name or dataset whose links are being made, none at rest',
    },
  ];

/** Each statement with what S13 does not want and nothing excuses. */
async function unexcused(statements: Statements): Promise<string[]> {
  const found: string[] = [];
  for (const [text, parameters] of statements) {
    // Not a query: it can't be explained.
    if (text.includes('SHOW INDEXES')) continue;
    for (const fault of faults(await explain(text, parameters))) {
      const excuse = EXCEPTIONS.find((of) => of.fault.test(fault) && of.in.test(text.trim()));
      if (excuse === undefined) found.push(`${fault} in ${text}`);
    }
  }
  return found;
}

test('no statement that answers a question scans, sorts or gathers what grows with inferences', async () => {
  await askAll(reads, ASKED);
  await openCounts(noting(graph, reads));
  await unfinishedObjects(noting(graph, reads), 1, 1);
  await namesOfLogs(noting(graph, reads), ['1'.padStart(64, '0')]);
  await readChain(noting(graph, reads), { kind: 'inference', id: 'i100' });
  await readChain(noting(graph, reads), { kind: 'model', name: 'm1', commit: 'c1' });
  await readChain(noting(graph, reads), { kind: 'dataset', hash: 'hub' });
  expect(await unexcused(reads)).toEqual([]);
});

test('no statement that writes scans, sorts or gathers what grows with inferences', async () => {
  expect(await unexcused(writes)).toEqual([]);
  expect(checks.size).toBeGreaterThan(4);
  expect(await unexcused(checks)).toEqual([]);
});

test('what adds new inferences needs no excuse, but where it opens and closes their log', async () => {
  const hot: Statements = new Map();
  const fresh = numbers(100).map((index) =>
    inferenceRecord(`hot${index}`, `m${index}`, null, index),
  );
  await bringRecords(new GraphWriter(noting(graph, hot)), fresh);
  const found: string[] = [];
  for (const [text, parameters] of hot)
    if (!/^(?:MERGE \(l:Log|MATCH \(p:Progress)/.test(text.trim()) && !text.includes(':Relink'))
      found.push(...faults(await explain(text, parameters)));
  expect(found).toEqual([]);
  const created = [...hot.keys()].filter((text) => text.includes('CREATE ('));
  expect(created).toHaveLength(2);
});

test('a report counts inferences off their indexes, and scans nothing but what it counts whole', async () => {
  const reports: Statements = new Map();
  await makeReport(noting(graph, reports), {
    period: { from: AT, to: '2030-01-01T00:00:00Z' },
    settings: DEFAULT_SETTINGS,
    keys: [],
    readEnvelope: () => Promise.resolve({ status: 'gone', envelope: null, key: null }),
  });
  const found: string[] = [];
  for (const [text, parameters] of reports)
    for (const { name, details } of allUnder(await explain(text, parameters)))
      if (name === 'AllNodesScan' || (name.includes('Scan') && /:Inference\b/.test(details)))
        found.push(`${name} ${details} in ${text}`);
  expect(found).toEqual([]);
  expect(reports.size).toBeGreaterThan(8);
});

test.each(RULES)('the rule $id looks at $of and no further', async (rule) => {
  for (const text of [rule.examined, ...rule.findings]) {
    const parameters = ruled.get(text);
    if (parameters === undefined) throw new Error('a check did not ask it');
    expect(ruleFaults(rule, await explain(text, parameters))).toEqual([]);
  }
});

/** Statements that page through inferences, and whose plans do not take them from an index in order. */
async function unordered(): Promise<string[]> {
  const lists = [...reads].filter(([text]) => text.includes('LIMIT $scan'));
  expect(lists).toHaveLength(3);
  const plans = lists.map(async ([text, parameters]) => {
    const names = allUnder(await explain(text, parameters)).map(({ name }) => name);
    return names.includes('Limit') && !names.some((name) => /Sort|Top/.test(name)) ? [] : [text];
  });
  return (await Promise.all(plans)).flat();
}

test('a page of inferences is read off its index, in order and no further than its limit', async () => {
  expect(await unordered()).toEqual([]);
});

// What the schema is made with once; the article's own queries, which ask for the whole graph; a report's,
// which count all of a period; and an audit's, which goes through all of the graph, with its repairs.
const OTHERS = [
  'schema.ts',
  'ask/seed-queries.ts',
  'ask/period.ts',
  'ask/audited.ts',
  'write/repair.ts',
  'write/audit.ts',
];

/** Cypher in a constant of lib/graph, as its source has it. */
interface Constant {
  readonly file: string;
  readonly name: string;
  readonly text: string;
}

async function constants(): Promise<Constant[]> {
  const files = await readdir('lib/graph', { recursive: true });
  const found = files
    .filter((file) => file.endsWith('.ts'))
    .map(async (file) => {
      const source = await readFile(`lib/graph/${file}`, 'utf8');
      const texts = source.matchAll(/^(?:export )?const ([A-Z_]+) =\s+(?:`([^`]*)`|'([^']*)');/gm);
      return Array.from(texts, ([, name = '', text, short = '']) => ({
        file,
        name,
        text: text ?? short,
      }));
    });
  return (await Promise.all(found)).flat();
}

test('every statement of lib/graph was looked at, and is put together from constants alone', async () => {
  const seen = new Set([...reads.keys(), ...writes.keys(), ...checks.keys()]);
  const all = await constants();
  const parts = new Map(all.map(({ name, text }) => [name, text]));
  expect(parts.size).toBe(all.length);
  for (const [name, part] of Object.entries(asOf))
    if (typeof part === 'string') parts.set(name, part);
  const whole = (text: string): string =>
    text.replace(/\$\{([^}]*)\}/g, (_, name: string) => whole(parts.get(name) ?? 'no constant'));
  // A part of a statement begins in the middle of a line.
  const statements = all.filter(
    ({ file, text }) => text.startsWith('\n') && !OTHERS.includes(file),
  );
  expect(statements.filter(({ text }) => !seen.has(whole(text)))).toEqual([]);
  expect(statements.length).toBeGreaterThan(60);
});

const HOSTILE = [
  "' OR 1=1 //",
  '"}) DETACH DELETE (n) //',
  '`) RETURN 1 //',
  '$name',
  'm1`; MATCH (n) DETACH DELETE n; //',
  '\\u0027}) RETURN n //',
  '${injected}',
  '\u{1F600}\uFFFD\u202E',
  'x'.repeat(2_048),
];

test('what is asked for changes parameters, never the text of a statement', async () => {
  const tame: Statements = new Map();
  const hostile: Statements = new Map();
  await askAll(tame, ASKED);
  const texts = ['hash', 'name', 'commit', 'model', 'dataset', 'id', 'inference', 'uri'];
  for (const text of HOSTILE)
    await askAll(
      hostile,
      ASKED.map(([path, query]) => {
        const members = Object.entries(query);
        return [
          path,
          Object.fromEntries(members.map(([name, of]) => [name, texts.includes(name) ? text : of])),
        ];
      }),
    );
  expect([...hostile.keys()].filter((text) => !tame.has(text))).toEqual([]);
  // Names that are all recorded reach every statement: the same set.
  await bringRecords(
    new GraphWriter(graph),
    HOSTILE.flatMap((text, index) => [
      datasetRecord(text, 1),
      modelRecord(text, text, 2, [text]),
      inferenceRecord(text, text, text, 200_000 + index),
    ]),
  );
  for (const text of HOSTILE) {
    const seen: Statements = new Map();
    const calm: Statements = new Map();
    const questions = (of: string): typeof ASKED => [
      ['/v1/dataset', { hash: of }],
      ['/v1/model', { name: of, commit: of }],
      ['/v1/models', { name: of }],
      ['/v1/inference', { id: of }],
      ['/v1/inferences', { model: of, commit: of, dataset: of }],
      ['/v1/lineage', { dataset: of }],
      ['/v1/lineage', { inference: of }],
      ['/v1/impact', { model: of, commit: of }],
      ['/v1/object', { uri: encodeURIComponent(of) }],
    ];
    await askAll(seen, questions(text));
    await askAll(calm, questions(HOSTILE.at(-1) ?? ''));
    expect([...seen.keys()].sort()).toEqual([...calm.keys()].sort());
  }
});

test('all that holds in a new database, too, of whose indexes the planner has no statistics', async () => {
  await askAll(reads, ASKED);
  await wipe(graph);
  await forgetStatistics(graph);
  const writer = new GraphWriter(graph);
  await bringRecords(
    writer,
    numbers(30).flatMap((index) => [
      datasetRecord(`d${index}`, 1),
      modelRecord(`m${index % 5}`, `c${index}`, 2, [`d${index}`]),
    ]),
  );
  await bringRecords(
    writer,
    numbers(1_000).map((index) => inferenceRecord(`i${index}`, `m${index % 5}`, null, 3 + index)),
  );
  await graph[database].run('CALL db.clearQueryCaches()');
  expect(await unexcused(reads)).toEqual([]);
  expect(await unexcused(writes)).toEqual([]);
  expect(await unordered()).toEqual([]);
});
