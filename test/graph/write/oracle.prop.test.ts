import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LineageRecord } from '../../../lib/trust/lineage-record.ts';
import type { VerifiedRecord } from '../../../lib/trust/verify.ts';
import { atDepth } from '../../support/depth.ts';
import { expectedGraph } from '../../support/oracle.ts';
import { randomObjects } from '../../support/random-records.ts';

const at = (epochSeconds: number) => ({
  recordedAt: { epochSeconds, nanoseconds: 0 },
  timestamp: String(epochSeconds),
});

let serial = 0;
const next = (): string => String((serial += 1)).padStart(64, '0');

const dataset = (hash: string, time = 0): LineageRecord => ({
  type: 'dataset',
  hash,
  path: 'p',
  description: '',
  digest: next(),
  ...at(time),
});

const model = (
  commit: string,
  time: number,
  datasetHashes: string[] = [],
  name = 'm',
): LineageRecord => ({
  type: 'model',
  name,
  commit,
  hyperparameters: '{}',
  environment: '{}',
  datasetHashes,
  digest: next(),
  ...at(time),
});

const inference = (
  commit: string | null,
  time: number,
  more: { id?: string; input?: string } = {},
): LineageRecord => ({
  type: 'inference',
  id: 'i',
  modelName: 'm',
  commit,
  input: '{}',
  output: '{}',
  digest: next(),
  ...at(time),
  ...more,
});

const LOG = '0'.repeat(64);
const placed = (records: readonly LineageRecord[]): VerifiedRecord[] =>
  records.map((record, index) => ({
    record,
    kid: 'k',
    location: { log: LOG, line: index + 1, offset: index, length: 1 },
  }));

/** The expected graph's lines of one kind, parsed. */
function rows(kind: string, records: readonly VerifiedRecord[], inlineBytes?: number) {
  return expectedGraph(records, inlineBytes)
    .map((line) => JSON.parse(line) as [string, ...[string, unknown][]])
    .filter(([of]) => of === kind)
    .map(([, ...members]) => Object.fromEntries(members) as Record<string, unknown>);
}

function link(...records: LineageRecord[]) {
  const all = placed(records);
  expect(rows('Inference', all)).toHaveLength(1);
  const edges = rows('GENERATED', all);
  expect(edges.length).toBeLessThanOrEqual(1);
  return [edges[0]?.['commit'] ?? null, rows('Inference', all)[0]?.['resolution']];
}

const SETS = atDepth(2_000);

test(`order and repetition change nothing, over ${SETS} sets`, () => {
  const seeds = fc.array(fc.nat(), { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(randomObjects, seeds, (objects, keys) => {
      const records = objects.flatMap((object) => object.records);
      const shuffled = records
        .map((record, index) => ({ record, key: keys[index % keys.length] ?? 0 }))
        .sort((a, b) => a.key - b.key)
        .map(({ record }) => record);
      const repeated = [...shuffled, ...records.slice(0, (keys[0] ?? 0) % (records.length + 1))];
      expect(expectedGraph(repeated)).toEqual(expectedGraph(records));
    }),
    { numRuns: SETS },
  );
});

test.each<[string, LineageRecord[], string | null, string]>([
  ['the commit exists', [model('a', 9), model('b', 1), inference('a', 5)], 'a', 'exact'],
  ['the commit does not exist', [model('a', 1), inference('b', 5)], null, 'pending'],
  ['the commit is of another name', [model('a', 1, [], 'n'), inference('a', 5)], null, 'pending'],
  ['one version, earlier', [model('a', 4), inference(null, 5)], 'a', 'only-version'],
  ['one version, at once', [model('a', 5), inference(null, 5)], 'a', 'only-version'],
  ['one version, later', [model('a', 6), inference(null, 5)], 'a', 'before-model'],
  [
    'one version, since its first record',
    [model('a', 9), model('a', 2), inference(null, 5)],
    'a',
    'only-version',
  ],
  [
    'several, the latest before it',
    [model('a', 1), model('b', 4), model('c', 6), inference(null, 5)],
    'b',
    'as-of',
  ],
  ['several, one earlier', [model('a', 1), model('b', 6), inference(null, 5)], 'a', 'as-of'],
  [
    'several at one time, by code point',
    [model('\u{1F600}', 4), model('\uFFFD', 4), inference(null, 5)],
    '\u{1F600}',
    'as-of',
  ],
  ['several, all later', [model('b', 7), model('a', 8), inference(null, 5)], 'b', 'before-model'],
  [
    'several later at one time, by code point',
    [model('\u{1F600}', 7), model('\uFFFD', 7), inference(null, 5)],
    '\uFFFD',
    'before-model',
  ],
  ['before 1970', [model('a', -5), model('b', -3), inference(null, -4)], 'a', 'as-of'],
  ['no model', [inference(null, 5)], null, 'pending'],
  ['the head decides', [model('a', 1), inference('a', 5), inference('b', 6)], null, 'pending'],
])('an inference is linked: %s', (_, records, commit, resolution) => {
  expect(link(...records)).toEqual([commit, resolution]);
});

test('a dataset that is only referred to is pending until it arrives', () => {
  const first = model('a', 1, ['d']);
  const second = model('a', 2, ['d', 'e']);
  const expected = (digests: string[], hash = 'd') => ({
    hash,
    name: 'm',
    commit: 'a',
    evidence: digests,
  });
  const before = placed([second, first]);
  expect(rows('USED_IN', before)).toEqual([]);
  expect(rows('Dataset', before)).toEqual([]);
  expect(rows('PendingLink', before)).toEqual(
    expect.arrayContaining([
      expected([first.digest, second.digest]),
      expected([second.digest], 'e'),
    ]),
  );
  const after = placed([second, first, dataset('d')]);
  expect(rows('USED_IN', after)).toEqual([expected([first.digest, second.digest])]);
  expect(rows('PendingLink', after)).toEqual([expected([second.digest], 'e')]);
});

test('evidence is the 100 least digests', () => {
  const models = Array.from({ length: 130 }, (_, index) => model('a', index, ['d']));
  const [pending] = rows('PendingLink', placed(models.toReversed()));
  expect(pending?.['evidence']).toEqual(models.slice(0, 100).map(({ digest }) => digest));
});

test('a record stands for every dataset, model and equivocating inference', () => {
  const one = [dataset('d'), model('a', 1), inference('a', 5)];
  const of = (records: LineageRecord[]) =>
    rows('Record', placed(records)).map((row) => row['asserts']);
  expect(of(one)).toEqual(expect.arrayContaining(['["Dataset","d"]', '["Model","m","a"]']));
  expect(of(one)).toHaveLength(2);
  expect(of([...one, inference('a', 6)]).filter((to) => to === '["Inference","i"]')).toHaveLength(
    2,
  );
});

test('one record that several keys signed, in several places, is signed once by each of them', () => {
  const record = dataset('d');
  const place = (log: string, line: number, kid: string): VerifiedRecord => ({
    record,
    kid,
    location: { log, line, offset: 0, length: 1 },
  });
  const all = [place('b', 1, 'k1'), place('a', 10, 'k2'), place('a', 9, 'k1')];
  expect(rows('Record', all)).toHaveLength(1);
  const signed = JSON.stringify(['Record', record.digest]);
  expect(rows('SIGNED_IN', all)).toEqual([
    { signed, kid: 'k1' },
    { signed, kid: 'k2' },
  ]);
});

test('an inference is signed itself while one record alone asserts it, and else its records are', () => {
  const [one, other] = [inference('a', 5), inference('a', 6)];
  const signed = (...records: LineageRecord[]) =>
    rows('SIGNED_IN', placed(records)).map((row) => JSON.parse(String(row['signed'])) as unknown);
  expect(signed(one, one)).toEqual([['Inference', 'i']]);
  expect(signed(one, other)).toEqual([
    ['Record', one.digest],
    ['Record', other.digest],
  ]);
});

test('of two records at one instant the greater digest is the head', () => {
  const low = { ...dataset('d'), path: 'low' };
  const high = { ...dataset('d'), path: 'high' };
  for (const records of [
    [low, high],
    [high, low],
  ])
    expect(rows('Dataset', placed(records))).toMatchObject([{ path: 'high' }]);
});

test('a payload beyond the limit is its hash and length in bytes', () => {
  const all = placed([inference(null, 5, { input: '"\u00E9"' })]);
  expect(rows('Inference', all, 4)).toMatchObject([{ input: '"\u00E9"' }]);
  const [beyond] = rows('Inference', all, 3);
  expect(beyond).toMatchObject({ inputBytes: 4 });
  expect(beyond).toHaveProperty('inputSha256', expect.stringMatching(/^[0-9a-f]{64}$/));
  expect(beyond).not.toHaveProperty('input');
});
