import { SCHEMA_VERSION } from './envelope.ts';
import { whyNoObject, whyNotJson } from './explain-text.ts';
import { MAX_DEPTH, parseString, scanObject } from './json.ts';
import type {
  DatasetRecord,
  InferenceRecord,
  LineageRecord,
  ModelRecord,
} from './lineage-record.ts';
import { isRefusal, type Refusal } from './rejection.ts';
import type { VerifiedEnvelope } from './signers.ts';
import { parseTimestamp, type Instant } from './timestamp.ts';

/** An identity string is at most this long, so that three fit one index key (docs/envelope.md, E-14). */
const MAX_IDENTITY_BYTES = 2_048;

/** Parses what was signed; takes nothing whose signature has not been checked. */
export function parseRecord({ text, digest }: VerifiedEnvelope): LineageRecord | Refusal {
  return read(text, digest);
}

/** Why a text that is still to be signed would be refused as a record; null where it would not. */
export function recordRefusal(text: string): Refusal | null {
  const record = read(text, '');
  return isRefusal(record) ? record : null;
}

function read(text: string, digest: string): LineageRecord | Refusal {
  const scanned = scanObject(text);
  switch (scanned) {
    case 'not-json':
      return { code: 'RECORD_NOT_JSON', detail: `signed_data ${whyNotJson(text)}` };
    case 'not-object':
      return { code: 'RECORD_NOT_JSON', detail: `signed_data ${whyNoObject(text)}` };
    case 'too-deep':
      return {
        code: 'RECORD_NOT_JSON',
        detail: `signed_data has more than ${MAX_DEPTH} brackets open at once`,
      };
  }
  const members = new Map<string, string>();
  for (const { name, start, end } of scanned) {
    if (members.has(name)) return fieldInvalid('a member of the record occurs twice');
    members.set(name, text.slice(start, end));
  }
  const version = members.get('schema_version');
  if (version !== undefined && parseValue(version) !== SCHEMA_VERSION)
    return {
      code: 'SCHEMA_VERSION_UNSUPPORTED',
      detail: "the record's own schema_version differs from its envelope's",
    };
  const type = parseValue(members.get('type'));
  if (type !== 'dataset' && type !== 'model' && type !== 'inference')
    return {
      code: 'RECORD_TYPE_UNKNOWN',
      detail: 'type is none of dataset, model and inference',
    };
  try {
    return RECORDS[type](new Fields(members), digest);
  } catch (error) {
    if (error instanceof FieldError) return fieldInvalid(error.message);
    throw error;
  }
}

const RECORDS = {
  dataset: (fields: Fields, digest: string): DatasetRecord => ({
    type: 'dataset',
    hash: fields.identity('hash'),
    path: fields.text('path'),
    description: fields.optionalText('description') ?? '',
    ...fields.time(),
    digest,
  }),
  model: (fields: Fields, digest: string): ModelRecord => ({
    type: 'model',
    name: fields.identity('model_name'),
    commit: fields.optionalIdentity('git_commit') ?? 'N/A',
    hyperparameters: fields.raw('hyperparameters'),
    environment: fields.raw('environment'),
    datasetHashes: fields.identities('dataset_hashes'),
    ...fields.time(),
    digest,
  }),
  inference: (fields: Fields, digest: string): InferenceRecord => ({
    type: 'inference',
    id: fields.optionalIdentity('id') ?? `sha256:${digest}`,
    modelName: fields.identity('model_name'),
    commit: fields.optionalIdentity('git_commit'),
    input: fields.raw('input'),
    output: fields.raw('output'),
    ...fields.time(),
    digest,
  }),
} as const satisfies Record<string, (fields: Fields, digest: string) => LineageRecord>;

/** Never leaves this file: {@link parseRecord} makes a value of it. */
class FieldError extends Error {
  override readonly name = 'FieldError';
}

/** The members of one record as raw text; each reader names the member it refuses, never its value. */
class Fields {
  readonly #members: ReadonlyMap<string, string>;

  constructor(members: ReadonlyMap<string, string>) {
    this.#members = members;
  }

  raw(name: string): string {
    return this.#members.get(name) ?? '{}';
  }

  optionalText(name: string): string | null {
    const value = parseValue(this.#members.get(name)) ?? null;
    if (value !== null && typeof value !== 'string')
      throw new FieldError(`${name} is not a string`);
    if (value?.isWellFormed() === false) throw new FieldError(`${name} has a lone surrogate`);
    return value;
  }

  text(name: string): string {
    const value = this.optionalText(name);
    if (value === null) throw new FieldError(`${name} is missing`);
    if (value === '') throw new FieldError(`${name} is empty`);
    return value;
  }

  optionalIdentity(name: string): string | null {
    const value = this.optionalText(name);
    return value === null ? null : identity(name, value);
  }

  identity(name: string): string {
    return identity(name, this.text(name));
  }

  identities(name: string): readonly string[] {
    const value = parseValue(this.#members.get(name)) ?? [];
    if (!Array.isArray(value)) throw new FieldError(`${name} is not a list`);
    const list = value.map((item: unknown) => {
      if (typeof item !== 'string')
        throw new FieldError(`${name} has an item that is not a string`);
      if (!item.isWellFormed()) throw new FieldError(`${name} has a lone surrogate`);
      return identity(name, item);
    });
    return [...new Set(list)];
  }

  time(): { timestamp: string; recordedAt: Instant } {
    const timestamp = this.text('timestamp');
    const recordedAt = parseTimestamp(timestamp);
    if (recordedAt === null)
      throw new FieldError(
        'timestamp is not a real time of the form YYYY-MM-DDThh:mm:ss[.f][Z|±hh:mm]',
      );
    return { timestamp, recordedAt };
  }
}

function identity(name: string, value: string): string {
  if (value === '') throw new FieldError(`${name} is empty`);
  if (value.includes('\0')) throw new FieldError(`${name} has a NUL`);
  if (value.length * 3 > MAX_IDENTITY_BYTES && Buffer.byteLength(value) > MAX_IDENTITY_BYTES)
    throw new FieldError(`${name} is longer than ${MAX_IDENTITY_BYTES} bytes`);
  return value;
}

/** The value of a member's raw text; undefined when it is absent or one of Python's three literals. */
function parseValue(raw: string | undefined): unknown {
  if (raw === undefined) return undefined;
  if (raw.startsWith('"')) return parseString(raw);
  try {
    return JSON.parse(raw);
  } catch {
    // Only NaN and the infinities get here, and no parsed member takes them.
    return Number.NaN;
  }
}

function fieldInvalid(detail: string): Refusal {
  return { code: 'RECORD_FIELD_INVALID', detail };
}
