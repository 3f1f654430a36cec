import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { EvidenceStore } from './store.ts';

/** Raised when what is kept means something else than before; an audit then begins anew. */
const EDITION = 1;

const source = z.object({
  log: z.string(),
  parked: z.string().nullable(),
  /** When the verdict was put into the archive, in milliseconds since 1970. */
  archivedAt: z.number(),
  bytes: z.number(),
  lines: z.number(),
  /** Lines that were accepted. */
  good: z.number(),
  /** Of the keys that could have signed it. */
  kids: z.array(z.string()),
  /** Of those that signed it. */
  signers: z.array(z.string()),
  /** Of the tree over its lines; null where it can't be read. */
  root: z.string().nullable(),
  /** Where the last line that was accepted begins, and its number. */
  last: z.object({ line: z.number(), offset: z.number() }),
  /** Why the log can't be held against the graph; null where it can. */
  problem: z.string().nullable(),
  /** It was in the graph whole once, or has had time enough to be. */
  isDone: z.boolean(),
});

/** A log under one verdict. */
export type Source = z.infer<typeof source>;

const difference = z.object({
  kind: z.string(),
  identity: z.array(z.string()).readonly(),
  what: z.string(),
  says: z.string(),
});

const candidate = z.object({ kind: z.string(), identity: z.array(z.string()) });

const pass = z.object({
  number: z.number(),
  startedAt: z.string(),
  /** Of the kinds in their order, the one that is gone through, and behind which of its things. */
  kind: z.number(),
  behind: z.array(z.string()),
  compared: z.record(z.string(), z.number()),
  relationships: z.number(),
  unsettled: z.number(),
  /** Inferences of which neither input nor output is stored. */
  withoutPayload: z.number(),
  /** What differed when it was met, and is looked at again. */
  candidates: z.array(candidate),
  differences: z.array(difference),
  isTooMuch: z.boolean(),
});

export type Pass = z.infer<typeof pass>;

const reading = z.object({
  log: z.string(),
  parked: z.string().nullable(),
  judged: z.string(),
  good: z.number(),
  last: z.object({ line: z.number(), offset: z.number() }),
});

const progress = z.object({
  edition: z.literal(EDITION),
  kids: z.array(z.string()),
  runs: z.array(z.object({ number: z.number(), level: z.number() })),
  /** Files of them, named by their SHA-256: what another audit writes beside this one is never taken for it. */
  sources: z.array(z.string()),
  /** A log that was left in its midst. */
  reading: reading.nullable(),
  pass: pass.nullable(),
  passes: z.number(),
});

type Progress = z.infer<typeof progress>;

const PROGRESS = 'audit/state.json';

/** In files of so many: of an archive that grows few are written again. */
const SOURCES_A_FILE = 1_000;

/** What an audit knows from the turns before, kept outside the graph, which is not to be believed. */
export class AuditState {
  readonly sources: Source[];
  readonly at: Omit<Progress, 'sources' | 'edition'>;
  readonly #store: EvidenceStore;
  readonly #written = new Set<string>();

  private constructor(store: EvidenceStore, at: AuditState['at'], sources: Source[]) {
    this.#store = store;
    this.at = at;
    this.sources = sources;
  }

  /** What was saved last; nothing of another edition, nor where `isAnew`. */
  static async load(store: EvidenceStore, isAnew: boolean): Promise<AuditState> {
    const bytes = isAnew ? null : await store.read(PROGRESS);
    const read = bytes === null ? null : progress.safeParse(jsonOf(bytes));
    if (read === null || !read.success) {
      const none = {
        kids: [],
        runs: [],
        reading: null,
        pass: null,
        passes: 0,
      };
      return new AuditState(store, none, []);
    }
    const sources: Source[] = [];
    for (const file of read.data.sources) {
      const part = await store.read(fileOf(file));
      if (part === null) return AuditState.load(store, true);
      sources.push(...z.array(source).parse(jsonOf(part)));
    }
    return new AuditState(store, read.data, sources);
  }

  /** Resolves when a later {@link load} answers all of this; what was saved before is whole until then. */
  async save(): Promise<void> {
    const files: string[] = [];
    for (const text of chunks(this.sources)) {
      const file = createHash('sha256').update(text).digest('hex');
      if (!this.#written.has(file)) await this.#store.write(fileOf(file), Buffer.from(text));
      this.#written.add(file);
      files.push(file);
    }
    const all: Progress = { ...this.at, edition: EDITION, sources: files };
    await this.#store.write(PROGRESS, Buffer.from(JSON.stringify(all)));
  }
}

function chunks(sources: readonly Source[]): string[] {
  const files = Math.ceil(sources.length / SOURCES_A_FILE);
  return Array.from({ length: files }, (_, file) =>
    JSON.stringify(sources.slice(file * SOURCES_A_FILE, (file + 1) * SOURCES_A_FILE)),
  );
}

function fileOf(file: string): string {
  return `audit/sources/${file}.json`;
}

function jsonOf(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}
