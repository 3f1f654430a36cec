import { PoisonObjectError } from '../errors.ts';
import type { LogName } from '../graph/write/object-progress.ts';
import type { TreeIndex } from '../object/log-tree.ts';
import type { Identity, StoredObject } from '../object/stored.ts';

/** Where accepted logs are kept, named by the SHA-256 of their bytes, out of reach of whoever brings them. */
export interface Archive {
  /**
   * Opens a log; null where it is not there. `version` is what {@link put} answered: a later object of
   * that name, or a deletion, then hides nothing.
   */
  readonly open: (sha256: string, version?: string | null) => Promise<StoredObject | null>;
  /**
   * Resolves when the log and its verdict are there for good, to the log's version where the archive
   * has versions. Nothing is ever overwritten; what is there already is not copied again. Rejects, and
   * leaves no log that is not of that name, where the object was changed since it was read; with
   * {@link PoisonObjectError} where it is gone.
   */
  readonly put: (
    object: StoredObject,
    identity: Identity,
    verdict: VerdictText,
  ) => Promise<string | null>;
  /** Its files by name, with when they were put there, in milliseconds since 1970; in no order. */
  readonly list: () => AsyncIterable<{ readonly name: string; readonly at: number }>;
  /** The text that stands there for the log and what was set aside of it; null for none. */
  readonly verdict: (name: LogName) => Promise<string | null>;
  /**
   * The text of the log's {@link TreeIndex}, which stands there where it is large; null for none. It is
   * to be believed only as far as it makes the root that a receipt names.
   */
  readonly treeIndex: (sha256: string) => Promise<string | null>;
}

/** What was judged of a log, for whoever finishes or audits it; lib/ingest/verdict.ts reads and writes it. */
export interface VerdictText {
  readonly name: LogName;
  readonly text: string;
  readonly tree: TreeIndex | null;
}

/** The archive was touched by others, or has lost something: only an operator can mend that. */
export function archiveDamaged(what: string): PoisonObjectError {
  return new PoisonObjectError('ARCHIVE_DAMAGED', `the archive is damaged: ${what}`);
}

/** As does the index of its tree. */
export function treeFile(sha256: string): string {
  return `${sha256}.tree.json`;
}

/** A verdict stands beside its log. */
export function verdictFile({ log, parked }: LogName): string {
  return parked === null ? `${log}.verdict.json` : `${log}.${parked}.verdict.json`;
}

const VERDICT = /^([0-9a-f]{64})(?:\.([0-9a-f]{64}))?\.verdict\.json$/;

/** The log and what was set aside of it, from {@link verdictFile}; null for any other file. */
export function verdictName(file: string): LogName | null {
  const [, log, parked = null] = VERDICT.exec(file) ?? [];
  return log === undefined ? null : { log, parked };
}
