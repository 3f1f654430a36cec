import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { LineageRecord } from '../../lib/trust/lineage-record.ts';
import type { VerifiedRecord } from '../../lib/trust/verify.ts';

// Code point order and UTF-16 order disagree on these two.
const NAMES = ['m', '\uFFFD', '\u{1F600}'];
const COMMITS = ['N/A', 'a', '\uFFFD', '\u{1F600}'];
const HASHES = ['d1', 'd2', 'h'.repeat(2_048), '\uFFFD', '\u{1F600}'];
const IDS = ['i1', 'i2', 'i3', 'i4', 'i5', '\u{1F600}', null];
// One byte within what is stored inline, and one byte (of two) beyond it.
const INLINE = JSON.stringify('x'.repeat(4_094));
const BEYOND = JSON.stringify('\u00E9'.repeat(2_047) + 'x');

const instant = fc.record({
  epochSeconds: fc.constantFrom(-62_135_596_800, -86_401, -1, 0, 1, 1_767_225_600),
  nanoseconds: fc.constantFrom(0, 1, 999_999_999),
});

const content = fc.oneof(
  fc.record({
    type: fc.constant('dataset' as const),
    hash: fc.constantFrom(...HASHES),
    path: fc.constantFrom('p', 'q'),
    description: fc.constantFrom('', 'x'),
  }),
  fc.record({
    type: fc.constant('model' as const),
    name: fc.constantFrom(...NAMES),
    commit: fc.constantFrom(...COMMITS),
    hyperparameters: fc.constantFrom('{}', '{"lr": 1e-05}'),
    environment: fc.constant('{}'),
    datasetHashes: fc.uniqueArray(fc.constantFrom(...HASHES), { maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant('inference' as const),
    id: fc.constantFrom(...IDS),
    modelName: fc.constantFrom(...NAMES),
    commit: fc.constantFrom(null, null, ...COMMITS),
    input: fc.constantFrom('{}', 'NaN', INLINE, BEYOND),
    output: fc.constantFrom('{}', BEYOND),
  }),
);

type Content<T> = T extends LineageRecord
  ? Omit<T, 'digest' | 'timestamp' | 'id'> & { id?: string | null }
  : never;

/** The same content is the same record; an inference that names no id gets its digest's. */
function sealed(content: Content<LineageRecord>): LineageRecord {
  const { recordedAt } = content;
  const timestamp = JSON.stringify(recordedAt);
  const digest = createHash('sha256')
    .update(JSON.stringify({ ...content, timestamp }))
    .digest('hex');
  const { id, ...members } = content;
  return members.type === 'inference'
    ? { ...members, id: id ?? `sha256:${digest}`, timestamp, digest }
    : { ...members, timestamp, digest };
}

const record = fc
  .tuple(content, instant)
  .map(([members, recordedAt]) => sealed({ ...members, recordedAt }));

/** More records of one model than an edge keeps as evidence, in an order of no digest. */
export const manyVersions: fc.Arbitrary<RandomObject[]> = fc
  .tuple(fc.integer({ min: 99, max: 130 }), fc.boolean(), instant)
  .map(([count, exists, recordedAt]) => {
    const models = Array.from({ length: count }, (_, at) =>
      sealed({
        type: 'model',
        name: 'm',
        commit: 'a',
        hyperparameters: String(at),
        environment: '{}',
        datasetHashes: ['d1'],
        recordedAt,
      }),
    );
    const dataset = sealed({
      type: 'dataset',
      hash: 'd1',
      path: 'p',
      description: '',
      recordedAt,
    });
    return placed(
      [models.slice(0, 60), exists ? [dataset] : [], models.slice(40)].filter(
        (of) => of.length > 0,
      ),
    );
  });

/** A log's lines, object by object; the same record may stand in several places, under several keys. */
export interface RandomObject {
  readonly uri: string;
  /** The SHA-256 that its log would have. */
  readonly log: string;
  readonly records: readonly VerifiedRecord[];
}

function placed(objects: readonly (readonly LineageRecord[])[]): RandomObject[] {
  return objects.map((records, index) => {
    const log = String(index).padStart(64, '0');
    const uri = `file:///log-${index}.jsonl?sha256=${log}`;
    return {
      uri,
      log,
      records: records.map((of, at) => ({
        record: of,
        kid: `kid-${(index + at) % 2}`,
        location: { log, line: at + 1, offset: at * 100, length: 99 },
      })),
    };
  });
}

/** Small, nasty sets: few names, so that everything collides. */
export const randomObjects: fc.Arbitrary<RandomObject[]> = fc
  .array(record, { minLength: 1, maxLength: 24 })
  .chain((pool) =>
    fc.array(fc.array(fc.constantFrom(...pool), { minLength: 1, maxLength: 14 }), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(placed);

/** Objects of nothing but inferences, most of them with ids of their own. */
export const inferenceLogs: fc.Arbitrary<RandomObject[]> = fc
  .array(
    fc.record({
      type: fc.constant('inference' as const),
      id: fc.oneof(
        { weight: 20, arbitrary: fc.uuid() },
        { weight: 1, arbitrary: fc.constantFrom(...IDS) },
      ),
      modelName: fc.constantFrom(...NAMES),
      commit: fc.constantFrom(null, null, ...COMMITS),
      input: fc.constant('{}'),
      output: fc.constant('{}'),
      recordedAt: instant,
    }),
    { minLength: 12, maxLength: 30 },
  )
  .map((contents) => placed([contents.map(sealed)]));

/** Objects of several sets as one set: no two share a name, so no two lines share a place. */
export function relabelled(objects: readonly RandomObject[]): RandomObject[] {
  return placed(objects.map(({ records }) => records.map((verified) => verified.record)));
}
