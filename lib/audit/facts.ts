import { createHash } from 'node:crypto';
import { compareText } from '../graph/order.ts';
import { saidOf } from '../graph/write/write-changes.ts';
import type { LineageRecord } from '../trust/lineage-record.ts';
import type { Instant } from '../trust/timestamp.ts';
import type { VerifiedRecord } from '../trust/verify.ts';

/** A longer text is kept as its hash and size: what a fact holds is bounded, and it is compared, not shown. */
const MAX_TEXT_BYTES = 256;

/** A text, or what it must hash to. */
export type Said = string | { readonly sha256: string; readonly bytes: number };

/** What is compared, in the order in which a pass goes through it. */
export type FactKind = 'dataset' | 'model' | 'record' | 'inference';

/** Who is meant: `[hash]`, `[name, commit]`, `[digest]`, `[id]`. */
export type Identity = readonly string[];

/** What one accepted line says of one thing, without any payload. */
interface Stated {
  readonly identity: Identity;
  /** Which of the audited logs, by its number. */
  readonly source: number;
  readonly kid: string;
  readonly line: number;
  readonly offset: number;
  readonly length: number;
  readonly digest: string;
  readonly recordedAt: Instant;
}

export interface DatasetFact extends Stated {
  readonly kind: 'dataset';
  readonly timestamp: string;
  readonly path: Said;
  readonly description: Said;
}

export interface ModelFact extends Stated {
  readonly kind: 'model';
  readonly timestamp: string;
  readonly hyperparameters: Said;
  readonly environment: Said;
  readonly datasetHashes: readonly string[];
}

/** A dataset's or model's record as a thing of its own. */
export interface RecordFact extends Stated {
  readonly kind: 'record';
  readonly content: string;
  /** What it asserts: `[hash]`, or `[name, commit]`. */
  readonly asserts: Identity;
}

export interface InferenceFact extends Stated {
  readonly kind: 'inference';
  readonly timestamp: string;
  readonly model: string;
  readonly commit: string | null;
  readonly input: Exclude<Said, string>;
  readonly output: Exclude<Said, string>;
}

export type Fact = DatasetFact | ModelFact | RecordFact | InferenceFact;

/** Of one kind. */
export type FactOf<K extends FactKind> = Extract<Fact, { readonly kind: K }>;

const LETTERS = { dataset: 'D', model: 'M', record: 'R', inference: 'I' } as const;

/** What facts are sorted by: identities hold no NUL, so the order is that of their parts, by code points. */
export function keyOf(kind: FactKind, identity: Identity): string {
  return [LETTERS[kind], ...identity].join('\0');
}

/** After every key of that kind. */
export function endOf(kind: FactKind): string {
  return `${LETTERS[kind]}\u0001`;
}

/** What a text is compared by. */
function said(text: string): Said {
  return Buffer.byteLength(text) <= MAX_TEXT_BYTES ? text : hashed(text);
}

/** The hash and size of a text's UTF-8 bytes. */
export function hashed(text: string): Exclude<Said, string> {
  const sha256 = createHash('sha256').update(text, 'utf8').digest('hex');
  return { sha256, bytes: Buffer.byteLength(text) };
}

/** What a line says: of its entity and, where its record is always a node of its own, of the record. */
export function factsOf(
  { record, kid, location }: VerifiedRecord,
  source: number,
): readonly Fact[] {
  const { line, offset, length } = location;
  const { digest, recordedAt, timestamp } = record;
  const stated = { source, kid, line, offset, length, digest, recordedAt };
  switch (record.type) {
    case 'inference':
      return [
        {
          ...stated,
          kind: 'inference',
          identity: [record.id],
          timestamp,
          model: record.modelName,
          commit: record.commit,
          input: hashed(record.input),
          output: hashed(record.output),
        },
      ];
    case 'dataset': {
      const identity = [record.hash];
      return [
        {
          ...stated,
          kind: 'dataset',
          identity,
          timestamp,
          path: said(record.path),
          description: said(record.description),
        },
        recordFact(record, stated, identity),
      ];
    }
    case 'model': {
      const identity = [record.name, record.commit];
      return [
        {
          ...stated,
          kind: 'model',
          identity,
          timestamp,
          hyperparameters: said(record.hyperparameters),
          environment: said(record.environment),
          datasetHashes: [...new Set(record.datasetHashes)].sort(compareText),
        },
        recordFact(record, stated, identity),
      ];
    }
  }
}

function recordFact(
  record: LineageRecord,
  stated: Omit<Stated, 'identity'>,
  asserts: Identity,
): RecordFact {
  const content = String(saidOf(record)['content']);
  return { ...stated, kind: 'record', identity: [stated.digest], content, asserts };
}

/** One line of JSON; keys stand for themselves, and kids for their place in `kids`, which grows. */
export function formatFact(fact: Fact, kids: string[]): string {
  if (!kids.includes(fact.kid)) kids.push(fact.kid);
  const { source, kid, line, offset, length, digest, recordedAt } = fact;
  const { epochSeconds, nanoseconds } = recordedAt;
  const place = [source, kids.indexOf(kid), line, offset, length];
  const common = [keyOf(fact.kind, fact.identity), ...place, epochSeconds, nanoseconds];
  switch (fact.kind) {
    case 'dataset':
      return JSON.stringify([...common, digest, fact.timestamp, fact.path, fact.description]);
    case 'model':
      return JSON.stringify([
        ...common,
        digest,
        fact.timestamp,
        fact.hyperparameters,
        fact.environment,
        fact.datasetHashes,
      ]);
    case 'record':
      return JSON.stringify([...common, fact.content, fact.asserts]);
    case 'inference': {
      const { timestamp, model, commit, input, output } = fact;
      const payload = [input.sha256, input.bytes, output.sha256, output.bytes];
      return JSON.stringify([...common, digest, timestamp, model, commit, ...payload]);
    }
  }
}

/** The key that a line of {@link formatFact} begins with, without reading the rest. */
export function keyOfLine(line: string): string {
  const end = line.indexOf('",');
  // A key with a quotation mark or a backslash in it is cut wrongly, and read by the parser.
  const text = line.slice(2, end);
  if (text.includes('\\')) {
    const plain = text.replaceAll('\\u0000', '\0');
    if (!plain.includes('\\')) return plain;
    return new Fields(JSON.parse(line)).text();
  }
  return text;
}

/** Reads what {@link formatFact} wrote. */
export function parseFact(line: string, kids: readonly string[]): Fact {
  const fields = new Fields(JSON.parse(line));
  const [letter = '', ...identity] = fields.text().split('\0');
  const source = fields.count();
  const kid = kids[fields.count()] ?? damaged();
  const place = { line: fields.count(), offset: fields.count(), length: fields.count() };
  const recordedAt = { epochSeconds: fields.count(), nanoseconds: fields.count() };
  const stated = { identity, source, kid, ...place, recordedAt };
  if (letter === LETTERS.record)
    return {
      ...stated,
      kind: 'record',
      digest: identity[0] ?? damaged(),
      content: fields.text(),
      asserts: fields.texts(),
    };
  const digest = fields.text();
  const timestamp = fields.text();
  switch (letter) {
    case LETTERS.dataset: {
      const [path, description] = [fields.said(), fields.said()];
      return { ...stated, kind: 'dataset', digest, timestamp, path, description };
    }
    case LETTERS.model: {
      const [hyperparameters, environment] = [fields.said(), fields.said()];
      const datasetHashes = fields.texts();
      const says = { hyperparameters, environment, datasetHashes };
      return { ...stated, kind: 'model', digest, timestamp, ...says };
    }
    case LETTERS.inference:
      return {
        ...stated,
        kind: 'inference',
        digest,
        timestamp,
        model: fields.text(),
        commit: fields.maybeText(),
        input: { sha256: fields.text(), bytes: fields.count() },
        output: { sha256: fields.text(), bytes: fields.count() },
      };
    default:
      return damaged();
  }
}

/** The members of a list, one after the other. */
class Fields {
  readonly #list: readonly unknown[];
  #at = 0;

  constructor(list: unknown) {
    this.#list = Array.isArray(list) ? list : damaged();
  }

  #next(): unknown {
    this.#at += 1;
    return this.#list[this.#at - 1];
  }

  text(): string {
    const value = this.#next();
    return typeof value === 'string' ? value : damaged();
  }

  maybeText(): string | null {
    const value = this.#next();
    return value === null || typeof value === 'string' ? value : damaged();
  }

  count(): number {
    const value = this.#next();
    return typeof value === 'number' ? value : damaged();
  }

  texts(): readonly string[] {
    const value = this.#next();
    if (!Array.isArray(value)) return damaged();
    return value.map((one: unknown) => (typeof one === 'string' ? one : damaged()));
  }

  said(): Said {
    const value = this.#next();
    if (typeof value === 'string') return value;
    if (typeof value !== 'object' || value === null) return damaged();
    const sha256 = 'sha256' in value ? value.sha256 : null;
    const bytes = 'bytes' in value ? value.bytes : null;
    if (typeof sha256 !== 'string' || typeof bytes !== 'number') return damaged();
    return { sha256, bytes };
  }
}

function damaged(): never {
  throw new Error(
    'a file of the audit is not what this software wrote: begin anew with custody audit --anew',
  );
}
