import type { ManagedTransaction } from 'neo4j-driver';
import { ConfigError, TransientError, type PoisonObjectError } from '../../errors.ts';
import type { Place } from '../../trust/lines.ts';
import type { VerifiedRecord } from '../../trust/verify.ts';
import { isTaken, type Graph } from '../connection.ts';
import { database } from '../database.ts';
import { lockAlone, lockShared, SLOTS } from '../lock.ts';
import { missingSchema } from '../schema.ts';
import type { Payload } from '../settings.ts';
import { stretchOf, type StretchName } from '../stretch.ts';
import { decide, isOf } from './changes.ts';
import {
  abandonObject,
  carryLog,
  closeLog,
  moveCheckpoint,
  openLog,
  pauseObject,
  readKnown,
  readLog,
  recordObject,
  type Applied,
  type Known,
  type LogName,
  type LogProgress,
  type SourceObject,
} from './object-progress.ts';
import { notePassedOver, type Noted, type PassedOver } from './passed-over.ts';
import { readStored, readStoredVersions } from './read-stored.ts';
import { settle } from './settle.ts';
import { Stretches } from './stretches.ts';
import { OutOfTurnError, soon, Turn, type Course } from './turn.ts';
import { writeChanges } from './write-changes.ts';

/** A run of a log's lines; its records all stand in one stretch ({@link stretchOf}). */
export interface Batch {
  readonly object: SourceObject;
  readonly log: LogName;
  /** The last line of the batch before this one; 0 for the first. */
  readonly afterLine: number;
  /** The last line that this batch speaks for; its records all stand at or before it. */
  readonly through: Place;
  /** In the order of their lines. */
  readonly records: readonly VerifiedRecord[];
  /** On the log's last batch: what the object becomes. */
  readonly final: 'accepted' | 'partial' | null;
}

/** Writes verified records; any number of writers, here and elsewhere, may work at once. */
export class GraphWriter {
  readonly #graph: Graph;
  readonly #payload: Payload;
  #schemaIsThere = false;
  /** The slot of the write lock that was taken last; where a writer begins is left to chance. */
  #slot = Math.floor(Math.random() * SLOTS);
  /** The batch of each object that was sent last. */
  readonly #last = new Map<string, Turn>();

  constructor(graph: Graph, payload: Payload = 'inline') {
    this.#graph = graph;
    this.#payload = payload;
  }

  /** What is known of an object by its name. */
  async known(uri: string): Promise<Known> {
    await this.#needSchema();
    return readKnown(this.#graph, uri);
  }

  /** How far a log has come, whatever name brought it; null where its writing never began. */
  async log(log: LogName): Promise<LogProgress | null> {
    await this.#needSchema();
    return readLog(this.#graph, log);
  }

  /** Notes that a name carries a log that is in the graph with all its lines. */
  async carry(object: SourceObject, log: LogName, status: 'accepted' | 'partial'): Promise<void> {
    await carryLog(this.#graph, object, log, status);
  }

  /** Notes an object of which nothing was written. One whose records are in the graph keeps its status. */
  async record(
    object: SourceObject,
    status: 'rejected' | 'empty',
    why: PoisonObjectError | null = null,
  ): Promise<void> {
    await this.#needSchema();
    await recordObject(this.#graph, object, status, why);
  }

  /** Notes how far the first reading of an object has come, for the delivery that goes on with it. */
  async pause(object: Pick<SourceObject, 'uri' | 'bytes'>, judged: string): Promise<void> {
    await this.#needSchema();
    await pauseObject(this.#graph, object, judged);
  }

  /** Ends an object that can't be finished; what is in the graph of it stays. False where none of that name is open. */
  async abandon(uri: string, why: PoisonObjectError): Promise<boolean> {
    return abandonObject(this.#graph, uri, why);
  }

  /** Counts names that can't be a log's, each once however often it comes. */
  async passOver(names: readonly PassedOver[]): Promise<Noted> {
    await this.#needSchema();
    return notePassedOver(this.#graph, names);
  }

  /**
   * Applies the whole batch or none of it and moves the log's checkpoint with it. Lines before the
   * checkpoint are passed over, so applying a batch again changes nothing and counts nothing twice.
   * The next batch of an object may be sent before this one is in; it never gets in without it.
   * The log's last batch also makes the links that wait, as far as there is time.
   */
  async apply(batch: Batch, isTimeUp: () => boolean = () => false): Promise<Applied> {
    // Before anything is awaited: batches take their turns in the order in which they were sent.
    const { uri } = batch.object;
    const before = this.#last.get(uri);
    const course = before?.course ?? {
      expectsNewIds: true,
      isOpen: false,
      stretches: new Stretches(this.#graph),
    };
    const turn = new Turn(batch.through.number, course);
    this.#last.set(uri, turn);
    const applied = this.#applyInTurn(batch, turn, before);
    turn.follow(applied);
    try {
      let closed = await applied;
      course.isOpen = true;
      if (batch.final === null) return closed;
      // The log counts as done only when no link that it makes possible is still open.
      for (let isFirst = true; closed.isOpen && (isFirst || !isTimeUp()); isFirst = false) {
        await settle(this.#graph, isTimeUp, batch.log.log);
        closed = await this.#graph[database].write(async (tx) => {
          await lockAlone(tx);
          return closeLog(tx, uri, batch.log, batch.final);
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
    if (isNext && turn.course.expectsNewIds && isOnlyInferences) {
      try {
        await needStretches(batch, turn.course);
        return await this.#graph[database].write((tx) => {
          turn.begin();
          return this.#addInferences(tx, batch, turn, before.isInAtOnce);
        });
      } catch (error) {
        if (isTaken(error)) turn.course.expectsNewIds = false;
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

  /** The fast way: every id is new, which the constraint proves, and the log's last batch is in. */
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
    // Two records of one id within the batch: whether the id is new, no constraint tells then.
    if (changes.changedInferences.length > 0) throw new OutOfTurnError();
    const written = writeChanges(tx, changes, stretchOfBatch(batch), this.#payload);
    // Mostly the one before is in by now: what has to wait for it then goes with the rest.
    const isIn = await Promise.race([isInBefore, written.then(() => soon(isInBefore))]);
    if (isIn === null) turn.course.expectsNewIds = false;
    if (isIn !== true) throw new OutOfTurnError();
    const { object, log, afterLine, through, final } = batch;
    const moving = Promise.all([
      moveCheckpoint(tx, log, afterLine, through, changes),
      closeLog(tx, object.uri, log, final),
    ]);
    // Where the rows are refused, that is what is told, and not what it did to these two.
    moving.catch(() => undefined);
    await written;
    const [isMoved, closed] = await moving;
    if (!isMoved) throw new OutOfTurnError();
    return closed;
  }

  async #applyAlone(tx: ManagedTransaction, batch: Batch, turn: Turn): Promise<Applied> {
    const { object, log, through, final } = batch;
    // Sent at once and worked off in this order: nothing is read before the lock is held.
    const [, linesDone, stored] = await Promise.all([
      lockAlone(tx).then(turn.locked),
      openLog(tx, object, log),
      readStored(tx, batch.records),
    ]);
    if (linesDone >= through.number) return closeLog(tx, object.uri, log, final);
    if (linesDone < batch.afterLine)
      throw new TransientError(
        'BATCH_TOO_EARLY',
        `the lines before ${batch.afterLine + 1} of ${object.uri} are not in the graph yet`,
      );
    const fresh = batch.records.filter(({ location }) => location.line > linesDone);
    const changes = decide(fresh, stored);
    if (changes.accepted < changes.duplicate) turn.course.expectsNewIds = false;
    const [, , closed] = await Promise.all([
      writeChanges(tx, changes, stretchOfBatch(batch), this.#payload),
      moveCheckpoint(tx, log, linesDone, through, changes),
      closeLog(tx, object.uri, log, final),
    ]);
    return closed;
  }
}

/** Before the log is there its stretches can't be; a batch without them makes its own. */
async function needStretches(batch: Batch, { isOpen, stretches }: Course): Promise<void> {
  const kids = new Set(batch.records.map(({ kid }) => kid));
  if (isOpen) await stretches.need(stretchOfBatch(batch), batch.object.lines, kids);
}

/** All records of a batch stand in one stretch; of a batch without any, whichever. */
function stretchOfBatch({ log, records, through }: Batch): StretchName {
  const first = records[0]?.location.line ?? Math.max(through.number, 1);
  const last = records.at(-1)?.location.line ?? first;
  const number = stretchOf(first);
  if (stretchOf(last) !== number) throw new Error('a batch crosses a stretch');
  return { log: log.log, number };
}
