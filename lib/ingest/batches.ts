import { stretchOf } from '../graph/stretch.ts';
import type { Applied, LogName, SourceObject } from '../graph/write/object-progress.ts';
import type { Batch } from '../graph/write/writer.ts';
import type { Line, Place } from '../trust/lines.ts';
import type { VerifiedRecord } from '../trust/verify.ts';

const MAX_IN_FLIGHT = 2;
const BATCH_RECORDS = 1_000;
const BATCH_BYTES = 1024 * 1024;

/** Cuts a log's records into batches within its stretches; two are on their way while the next one is read. */
export class Batches {
  readonly #send: (batch: Batch) => Promise<Applied>;
  readonly #object: SourceObject;
  readonly #log: LogName;
  readonly #inFlight: Promise<Applied>[] = [];
  #afterLine: number;
  #through: Place;
  #records: VerifiedRecord[] = [];
  #bytes = 0;

  /** `after` is the last line that is in the graph already, of number 0 where none is. */
  constructor(
    send: (batch: Batch) => Promise<Applied>,
    object: SourceObject,
    log: LogName,
    after: Place,
  ) {
    this.#send = send;
    this.#object = object;
    this.#log = log;
    this.#afterLine = after.number;
    this.#through = after;
  }

  /** The last line that was seen. */
  get through(): Place {
    return this.#through;
  }

  /** Moves on to a line, first sending the batch if the line no longer fits. If it has a record to write, {@link add} that next. */
  async reach({ number, offset, length }: Pick<Line, keyof Place | 'length'>): Promise<void> {
    const isFull = this.#records.length >= BATCH_RECORDS || this.#bytes + length > BATCH_BYTES;
    const isInNext = stretchOf(number) !== stretchOf(Math.max(this.#through.number, 1));
    if ((isFull || isInNext) && this.#records.length > 0) await this.#sendBatch(null);
    this.#through = { number, offset };
  }

  add(record: VerifiedRecord): void {
    this.#records.push(record);
    this.#bytes += record.location.length;
  }

  /** Sends what is left, the object's last batch where `final` says what it becomes; resolves when all are in. */
  async end(final: Batch['final']): Promise<Applied> {
    await this.#sendBatch(final);
    const applied = await Promise.all(this.#inFlight);
    const last = applied.at(-1);
    if (last === undefined) throw new Error('a batch that was sent is not on its way');
    return last;
  }

  /** Resolves when none is on its way any more, whatever became of it. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }

  async #sendBatch(final: Batch['final']): Promise<void> {
    if (this.#inFlight.length >= MAX_IN_FLIGHT) await this.#inFlight.shift();
    const applied = this.#send({
      object: this.#object,
      log: this.#log,
      afterLine: this.#afterLine,
      through: this.#through,
      records: this.#records,
      final,
    });
    // It is awaited before the next batch; until then a failure is not unhandled.
    applied.catch(() => undefined);
    this.#inFlight.push(applied);
    this.#afterLine = this.#through.number;
    this.#records = [];
    this.#bytes = 0;
  }
}
