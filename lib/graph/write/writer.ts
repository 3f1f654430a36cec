import { setTimeout as pause } from 'node:timers/promises';
import type { ManagedTransaction } from 'neo4j-driver';
import { ConfigError, TransientError, type PoisonObjectError } from '../../errors.ts';
import type { Place } from '../../trust/lines.ts';
import type { Rejection } from '../../trust/rejection.ts';
import type { VerifiedRecord } from '../../trust/verify.ts';
import { isTaken, type Graph } from '../connection.ts';
import { database } from '../database.ts';
import { lockAlone, lockShared, SLOTS } from '../lock.ts';
import { count, flag, maybe, node, only, rows, text, word, type Row } from '../rows.ts';
import { missingSchema } from '../schema.ts';
import type { Payload } from '../settings.ts';
import { OBJECT_STATUSES, rejections, type ObjectStatus } from '../source-object.ts';
import { decide, isOf, type Changes } from './changes.ts';
import { readStored, readStoredVersions } from './read-stored.ts';
import { settle } from './settle.ts';
import { writeChanges } from './write-changes.ts';

/** An object as its `SourceObject` node describes it. */
export interface SourceObject {
  readonly uri: string;
  /** Of the bytes as stored, lower-case hex; null where no single reading saw all of them. */
  readonly sha256: string | null;
  readonly bytes: number;
  readonly lines: number;
  readonly rejected: number;
  /** The first hundred. */
  readonly rejections: readonly Rejection[];
}

/** A run of an object's lines. */
export interface Batch {
  readonly object: SourceObject;
  /** The last line of the batch before this one; 0 for the first. */
  readonly afterLine: number;
  /** The last line that this batch speaks for; its records all stand at or before it. */
  readonly through: Place;
  /** In the order of their lines. */
  readonly records: readonly VerifiedRecord[];
  /** On the object's last batch: what the object becomes. */
  readonly final: 'accepted' | 'partial' | null;
}

/** Running totals of one object, over all of its batches and all deliveries. */
export interface Totals {
  readonly accepted: number;
  readonly duplicate: number;
}

/** `isOpen`: all lines are in, and links that they make possible are still to be made. */
export interface Applied extends Totals {
  readonly isOpen: boolean;
}

export interface Progress extends Totals {
  readonly status: ObjectStatus | null;
  readonly linesDone: number;
  /** Where line `linesDone` begins; null before the first. */
  readonly offsetDone: number | null;
  /** What the graph says of the object, once it was read to its end. */
  readonly object: SourceObject | null;
  /** What {@link GraphWriter.pause} was given last. */
  readonly judged: string | null;
}

/**
 * A batch holds what it has written while it waits for the one before it, which may wait for just that,
 * over other objects' batches too: a circle that the database can't see. A batch takes a tenth of this.
 */
const PATIENCE_MS = 5_000;

const OPEN_OBJECT = `
MERGE (o:SourceObject {uri: $uri})
ON CREATE SET o.linesDone = 0, o.accepted = 0, o.duplicate = 0, o.firstSeenAt = datetime.transaction()
SET o.status = CASE WHEN o.status IN ['accepted', 'partial'] THEN o.status ELSE 'writing' END,
  o.sha256 = $sha256, o.bytes = $bytes, o.lines = $lines, o.rejected = $rejected,
  o.rejections = $rejections, o.judged = null, o.lastSeenAt = datetime.transaction()
RETURN o.linesDone AS linesDone
`;

const MOVE_CHECKPOINT = `
MATCH (o:SourceObject {uri: $uri})
WHERE o.linesDone = $from
SET o.linesDone = $linesDone, o.offsetDone = $offsetDone, o.accepted = o.accepted + $accepted, o.duplicate = o.duplicate + $duplicate
RETURN o.linesDone AS linesDone
`;

const CLOSE_OBJECT = `
MATCH (o:SourceObject {uri: $uri})
WITH o, EXISTS { MATCH (:Relink) } AS unsettled
SET o.status = CASE WHEN unsettled OR $final IS NULL THEN o.status ELSE $final END
RETURN o.accepted AS accepted, o.duplicate AS duplicate, unsettled AS isOpen
`;

const RECORD_OBJECT = `
MERGE (o:SourceObject {uri: $uri})
ON CREATE SET o.linesDone = 0, o.accepted = 0, o.duplicate = 0, o.firstSeenAt = datetime.transaction()
SET o.lastSeenAt = datetime.transaction()
WITH o
WHERE NOT coalesce(o.status, 'empty') IN ['accepted', 'partial', 'writing']
SET o.status = $status, o.sha256 = $sha256, o.bytes = $bytes, o.lines = $lines,
  o.rejected = $rejected, o.rejections = $rejections, o.problem = $problem, o.problemCode = $problemCode,
  o.judged = null
`;

const PAUSE_OBJECT = `
MERGE (o:SourceObject {uri: $uri})
ON CREATE SET o.linesDone = 0, o.accepted = 0, o.duplicate = 0, o.firstSeenAt = datetime.transaction()
SET o.lastSeenAt = datetime.transaction()
WITH o
WHERE NOT coalesce(o.status, 'empty') IN ['accepted', 'partial', 'writing']
SET o.status = 'verifying', o.bytes = $bytes, o.judged = $judged
`;

const ABANDON_OBJECT = `
MATCH (o:SourceObject {uri: $uri})
SET o.problem = $problem, o.problemCode = $problemCode
`;

const READ_PROGRESS = `
MATCH (o:SourceObject {uri: $uri})
RETURN o.status AS status, o.linesDone AS linesDone, o.offsetDone AS offsetDone,
  o.accepted AS accepted, o.duplicate AS duplicate, o.judged AS judged,
  o {.uri, .sha256, .bytes, .lines, .rejected, .rejections} AS object
`;

const UNSEEN: Progress = {
  status: null,
  linesDone: 0,
  offsetDone: null,
  accepted: 0,
  duplicate: 0,
  object: null,
  judged: null,
};

/** Writes verified records; any number of writers, here and elsewhere, may work at once. */
export class GraphWriter {
  readonly #graph: Graph;
  readonly #payload: Payload;
  #schemaIsThere = false;
  /** The batch of each object that was sent last. */
  readonly #last = new Map<string, Turn>();
  /** The slot of the write lock that was taken last; where a writer begins is left to chance. */
  #slot = Math.floor(Math.random() * SLOTS);

  constructor(graph: Graph, payload: Payload = 'inline') {
    this.#graph = graph;
    this.#payload = payload;
  }

  /** How far an object has come; `status` is null for one never seen. */
  async progress(uri: string): Promise<Progress> {
    await this.#needSchema();
    const [row] = await this.#graph[database].read(async (tx) =>
      rows(await tx.run(READ_PROGRESS, { uri })),
    );
    if (row === undefined) return UNSEEN;
    const object = node(row, 'object');
    return {
      status: maybe(word(OBJECT_STATUSES), row, 'status'),
      linesDone: count(row, 'linesDone'),
      offsetDone: maybe(count, row, 'offsetDone'),
      accepted: count(row, 'accepted'),
      duplicate: count(row, 'duplicate'),
      judged: maybe(text, row, 'judged'),
      // Before it was read to its end there is nothing to say of it.
      object: object['lines'] === null ? null : sourceObject(object),
    };
  }

  /**
   * Applies the whole batch or none of it and moves the object's checkpoint with it. Lines before the
   * checkpoint are passed over, so applying a batch again changes nothing and counts nothing twice.
   * The next batch of an object may be sent before this one is in; it never gets in without it.
   * The object's last batch also makes the links that wait, as far as there is time.
   */
  async apply(batch: Batch, isTimeUp: () => boolean = () => false): Promise<Applied> {
    // Before anything is awaited: batches take their turns in the order in which they were sent.
    const { uri } = batch.object;
    const before = this.#last.get(uri);
    const turn = new Turn(batch.through.number, before?.expectsNewIds ?? true);
    this.#last.set(uri, turn);
    const applied = this.#applyInTurn(batch, turn, before);
    turn.follow(applied);
    try {
      let closed = await applied;
      if (batch.final === null) return closed;
      // The object counts as done only when no link that it makes possible is still open.
      for (let isFirst = true; closed.isOpen && (isFirst || !isTimeUp()); isFirst = false) {
        await settle(this.#graph, isTimeUp);
        closed = await this.#graph[database].write(async (tx) => {
          await lockAlone(tx);
          return closeObject(tx, batch);
        });
      }
      return closed;
    } catch (error) {
      this.#forget(uri, turn);
      throw error;
    } finally {
      if (batch.final !== null) this.#forget(uri, turn);
    }
  }

  /** Notes an object of which nothing was written. One whose records are in the graph keeps its status. */
  async record(
    object: SourceObject,
    status: 'rejected' | 'empty',
    why?: PoisonObjectError,
  ): Promise<void> {
    await this.#needSchema();
    await this.#graph[database].write(async (tx) => {
      await lockAlone(tx);
      await tx.run(RECORD_OBJECT, { ...objectParameters(object), ...problem(why), status });
    });
  }

  /** Notes how far the first reading of an object has come, for the delivery that goes on with it. */
  async pause({ uri, bytes }: Pick<SourceObject, 'uri' | 'bytes'>, judged: string): Promise<void> {
    await this.#needSchema();
    await this.#graph[database].write(async (tx) => {
      await lockAlone(tx);
      await tx.run(PAUSE_OBJECT, { uri, bytes: BigInt(bytes), judged });
    });
  }

  /** Notes why an object that is in the graph in part can't be finished; it stays visibly unfinished. */
  async abandon(uri: string, why: PoisonObjectError): Promise<void> {
    await this.#graph[database].write(async (tx) => {
      await tx.run(ABANDON_OBJECT, { uri, ...problem(why) });
    });
  }

  async #needSchema(): Promise<void> {
    if (this.#schemaIsThere) return;
    const missing = await missingSchema(this.#graph);
    if (missing.length > 0)
      throw new ConfigError('SCHEMA_MISSING', [
        `the database lacks ${missing.join(', ')}: run custody migrate`,
      ]);
    this.#schemaIsThere = true;
  }

  #nextSlot(): number {
    this.#slot = (this.#slot % SLOTS) + 1;
    return this.#slot;
  }

  #forget(uri: string, turn: Turn): void {
    if (this.#last.get(uri) === turn) this.#last.delete(uri);
  }

  /** Beside other writers where the batch allows it, else alone. */
  async #applyInTurn(batch: Batch, turn: Turn, before: Turn | undefined): Promise<Applied> {
    await this.#needSchema();
    // Only a writer that can't be kept waiting by this one may be waited for inside a transaction.
    await before?.isLocked;
    const isOnlyInferences = batch.records.every((record) => isOf('inference', record));
    const isNext = before?.throughLine === batch.afterLine;
    if (isNext && before.expectsNewIds && isOnlyInferences) {
      try {
        return await this.#graph[database].write((tx) => {
          turn.begin();
          return this.#addInferences(tx, batch, turn, before.isInAtOnce);
        });
      } catch (error) {
        if (isTaken(error)) turn.expectsNewIds = false;
        else if (!(error instanceof OutOfTurnError)) throw error;
        turn.begin();
      }
    }
    await before?.isOver;
    return this.#graph[database].write((tx) => {
      turn.begin();
      return this.#applyAlone(tx, batch, turn);
    });
  }

  /** The fast way: every id is new, which the constraint proves, and the object's last batch is in. */
  async #addInferences(
    tx: ManagedTransaction,
    batch: Batch,
    turn: Turn,
    isInBefore: Promise<boolean>,
  ): Promise<Applied> {
    const [, stored] = await Promise.all([
      lockShared(tx, this.#nextSlot()).then(turn.locked),
      readStoredVersions(tx, batch.records),
    ]);
    const changes = decide(batch.records, stored);
    await writeChanges(tx, changes, this.#payload);
    const isIn = await soon(isInBefore);
    if (isIn === null) turn.expectsNewIds = false;
    if (isIn !== true) throw new OutOfTurnError();
    const moved = rows(await tx.run(MOVE_CHECKPOINT, checkpoint(batch, batch.afterLine, changes)));
    if (moved.length === 0) throw new OutOfTurnError();
    return closeObject(tx, batch);
  }

  async #applyAlone(tx: ManagedTransaction, batch: Batch, turn: Turn): Promise<Applied> {
    // Sent at once and worked off in this order: nothing is read before the lock is held.
    const [, opened, stored] = await Promise.all([
      lockAlone(tx).then(turn.locked),
      tx.run(OPEN_OBJECT, objectParameters(batch.object)),
      readStored(tx, batch.records),
    ]);
    const linesDone = count(only(rows(opened)), 'linesDone');
    if (linesDone >= batch.through.number) return closeObject(tx, batch);
    if (linesDone < batch.afterLine)
      throw new TransientError(
        'BATCH_TOO_EARLY',
        `the lines before ${batch.afterLine + 1} of ${batch.object.uri} are not in the graph yet`,
      );
    const fresh = batch.records.filter(({ location }) => location.line > linesDone);
    const changes = decide(fresh, stored);
    const [, , closed] = await Promise.all([
      writeChanges(tx, changes, this.#payload),
      tx.run(MOVE_CHECKPOINT, checkpoint(batch, linesDone, changes)),
      closeObject(tx, batch),
    ]);
    return closed;
  }
}

/** Null when it takes longer than {@link PATIENCE_MS}. */
async function soon<T>(awaited: Promise<T>): Promise<T | null> {
  const timer = new AbortController();
  try {
    return await Promise.race([awaited, pause(PATIENCE_MS, null, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}

/** The checkpoint is not where this batch begins, or not soon enough: it is to be applied alone. */
class OutOfTurnError extends Error {
  override readonly name = 'OutOfTurnError';
}

/**
 * One batch on its way, as the next one of its object sees it. The next one waits for it inside a
 * transaction that holds a lock, so it must never wait for one that may in turn wait for that lock:
 * it begins when this one has its lock, and gives up when this one has to begin again.
 */
class Turn {
  readonly throughLine: number;
  /** Logs mostly bring new ids; one that has brought an old one is not expected to any more. */
  expectsNewIds: boolean;
  readonly #locked = Promise.withResolvers<void>();
  readonly #inAtOnce = Promise.withResolvers<boolean>();
  #isOver: Promise<unknown> = Promise.resolve();
  #hasBegun = false;

  constructor(throughLine: number, expectsNewIds: boolean) {
    this.throughLine = throughLine;
    this.expectsNewIds = expectsNewIds;
  }

  /** Called before each attempt; the driver makes another one after a lost connection, too. */
  begin(): void {
    if (this.#hasBegun) this.#inAtOnce.resolve(false);
    this.#hasBegun = true;
  }

  readonly locked = (): void => this.#locked.resolve();

  follow(applied: Promise<unknown>): void {
    this.#isOver = applied;
    const over = (isIn: boolean) => (): void => {
      this.#inAtOnce.resolve(isIn);
      this.locked();
    };
    applied.then(over(true), over(false));
  }

  get isLocked(): Promise<void> {
    return this.#locked.promise;
  }

  /** False when it failed or had to begin again. */
  get isInAtOnce(): Promise<boolean> {
    return this.#inAtOnce.promise;
  }

  /** Rejects with what the batch failed with. */
  get isOver(): Promise<unknown> {
    return this.#isOver;
  }
}

async function closeObject(tx: ManagedTransaction, { object, final }: Batch): Promise<Applied> {
  const closed = only(rows(await tx.run(CLOSE_OBJECT, { uri: object.uri, final })));
  return {
    accepted: count(closed, 'accepted'),
    duplicate: count(closed, 'duplicate'),
    isOpen: flag(closed, 'isOpen'),
  };
}

function sourceObject(object: Row): SourceObject {
  return {
    uri: text(object, 'uri'),
    sha256: maybe(text, object, 'sha256'),
    bytes: count(object, 'bytes'),
    lines: count(object, 'lines'),
    rejected: count(object, 'rejected'),
    rejections: rejections(object, 'rejections'),
  };
}

function checkpoint(
  { object, through }: Batch,
  from: number,
  { accepted, duplicate }: Changes,
): Row {
  return {
    uri: object.uri,
    from: BigInt(from),
    linesDone: BigInt(through.number),
    offsetDone: BigInt(through.offset),
    accepted: BigInt(accepted),
    duplicate: BigInt(duplicate),
  };
}

function problem(why?: PoisonObjectError): Row {
  return { problem: why?.message ?? null, problemCode: why?.code ?? null };
}

function objectParameters(object: SourceObject): Row {
  return {
    uri: object.uri,
    sha256: object.sha256,
    bytes: BigInt(object.bytes),
    lines: BigInt(object.lines),
    rejected: BigInt(object.rejected),
    rejections: JSON.stringify(object.rejections),
  };
}
