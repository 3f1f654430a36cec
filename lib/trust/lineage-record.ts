import type { Instant } from './timestamp.ts';

interface Signed {
  /** As signed; {@link Instant} is what it means. */
  readonly timestamp: string;
  readonly recordedAt: Instant;
  /** Lower-case hex SHA-256 of the signed text. */
  readonly digest: string;
}

export interface DatasetRecord extends Signed {
  readonly type: 'dataset';
  readonly hash: string;
  readonly path: string;
  readonly description: string;
}

export interface ModelRecord extends Signed {
  readonly type: 'model';
  readonly name: string;
  /** "N/A" where the record names none. */
  readonly commit: string;
  /** Raw JSON text, as signed. */
  readonly hyperparameters: string;
  /** Raw JSON text, as signed. */
  readonly environment: string;
  /** Each once, in the record's order. */
  readonly datasetHashes: readonly string[];
}

export interface InferenceRecord extends Signed {
  readonly type: 'inference';
  /** `sha256:<digest>` where the record names none. */
  readonly id: string;
  readonly modelName: string;
  readonly commit: string | null;
  /** Raw JSON text, as signed. */
  readonly input: string;
  /** Raw JSON text, as signed. */
  readonly output: string;
}

/** What a verified line says. */
export type LineageRecord = DatasetRecord | ModelRecord | InferenceRecord;
