/** A file of a store, as it is listed. */
export interface StoredName {
  readonly name: string;
  /** When it was put there, in milliseconds since 1970, by the store's own clock. */
  readonly at: number;
}

/**
 * Where the audit keeps what it must not learn from the graph, and where waivers stand beside it: the
 * evidence bucket, or the folder `.custody`.
 */
export interface EvidenceStore {
  /** A file, whole; null where there is none of that name. */
  readonly read: (name: string) => Promise<Uint8Array | null>;
  /** Resolves when the file has these bytes for every later reader; a reader beside it sees these or the ones before, whole. */
  readonly write: (name: string, bytes: Uint8Array) => Promise<void>;
  /** All files whose names begin like this, in no order. */
  readonly list: (prefix: string) => AsyncIterable<StoredName>;
}
