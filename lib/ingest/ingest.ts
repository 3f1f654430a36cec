import { PoisonObjectError } from '../errors.ts';
import type {
  Applied,
  Known,
  LogName,
  LogProgress,
  SourceObject,
} from '../graph/write/object-progress.ts';
import type { Batch } from '../graph/write/writer.ts';
import type { StoredObject } from '../object/stored.ts';
import {
  formatJudged,
  judge,
  parseJudged,
  verdictOf,
  type IngestOptions,
  type Judged,
  type Options,
  type TimedOptions,
  type Verdict,
} from './judge.ts';
import { receiptOf, receiptOfDone, receiptOfUnreadable, type Receipt } from './receipt.ts';
import { writeLog, type Unfinished } from './write-log.ts';

/** What ingestion needs of a graph; lib/graph/write/writer.ts states the promises. */
export interface GraphSink {
  known(uri: string): Promise<Known>;
  log(log: LogName): Promise<LogProgress | null>;
  apply(batch: Batch, isTimeUp?: () => boolean): Promise<Applied>;
  carry(object: SourceObject, log: LogName, status: 'accepted' | 'partial'): Promise<void>;
  record(
    object: SourceObject,
    status: 'rejected' | 'empty',
    why?: PoisonObjectError,
  ): Promise<void>;
  pause(object: Pick<SourceObject, 'uri' | 'bytes'>, judged: string): Promise<void>;
  abandon(uri: string, why: PoisonObjectError): Promise<void>;
}

/** Checks a whole object without a database: the verdict that {@link ingestObject} would give an empty graph. */
export async function verifyObject(object: StoredObject, options: IngestOptions): Promise<Receipt> {
  // Without a database the log itself is all there is to find duplicates by: the same text by the same
  // key. Binary text in place of hex digits: some 130 MB for a million lines.
  const signings = new Set<string>();
  const verdict = verdictOf(
    await judge(object, options, null, ({ record, kid }) =>
      signings.add(Buffer.from(record.digest + kid.slice(0, 16), 'hex').toString('latin1')),
    ),
    options,
  );
  const good = verdict.lines - verdict.rejectedTotal;
  const isKept = verdict.status === 'accepted' || verdict.status === 'partial';
  return receiptOf(object.identity(), verdict, {
    accepted: isKept ? signings.size : 0,
    duplicate: isKept ? good - signings.size : 0,
  });
}

/**
 * Verifies the whole object, then writes its log in batches; a delivery again goes on where the last
 * one ended, and of a log that is in the graph already nothing is written, whatever its name.
 */
export async function ingestObject(
  object: StoredObject,
  sink: GraphSink,
  options: TimedOptions,
): Promise<Receipt | Unfinished>;
export async function ingestObject(
  object: StoredObject,
  sink: GraphSink,
  options: IngestOptions,
): Promise<Receipt>;
export async function ingestObject(
  object: StoredObject,
  sink: GraphSink,
  options: Options,
): Promise<Receipt | Unfinished> {
  // Where the store names versions, what the graph knows spares the reading.
  const known = object.uri === null ? null : await sink.known(object.uri);
  const stored = known?.object ?? null;
  if (known !== null && stored !== null) {
    if (isDone(known)) return receiptOfDone(stored, known);
    if (known.status === 'writing')
      return write(object, stored, verdictBefore(stored, known), sink, options);
  }
  let judged: Judged;
  try {
    judged = await measure(options, 'verify', () =>
      judge(object, options, parseJudged(known?.judged ?? null, options)),
    );
  } catch (error) {
    if (!(error instanceof PoisonObjectError) || object.uri === null) throw error;
    const refused = receiptOfUnreadable(object.uri, object.identity().bytes, error);
    await sink.record(sourceObject(object, refused), 'rejected', error);
    return refused;
  }
  const { uri, bytes } = object.identity();
  if (!judged.isWhole) {
    await sink.pause({ uri, bytes }, formatJudged(judged, options));
    return { object: uri, status: 'verifying', line: judged.next.number - 1 };
  }
  const verdict = verdictOf(judged, options);
  const source = sourceObject(object, verdict);
  if (verdict.status === 'rejected' || verdict.status === 'empty') {
    await sink.record(source, verdict.status);
    return receiptOf(source, verdict, { accepted: 0, duplicate: 0 });
  }
  // A local file's name is known only now.
  const before = known ?? (await sink.known(uri));
  if (before.object !== null && isDone(before)) return receiptOfDone(before.object, before);
  return write(object, source, verdict, sink, options);
}

/**
 * Of an object that is not there any more: what the graph knows of it, else refused whole. One that
 * was brought in part stays {@link PoisonObjectError}, since no receipt would be true of it.
 */
export async function receiptOfDeparted(
  uri: string,
  sink: GraphSink,
  error: PoisonObjectError,
): Promise<Receipt> {
  const known = await sink.known(uri);
  if (known.object !== null && isDone(known)) return receiptOfDone(known.object, known);
  if (known.status === 'writing') {
    await sink.abandon(uri, error);
    throw error;
  }
  return receiptOfUnreadable(uri, null, error);
}

function isDone({ status }: Known): boolean {
  return status === 'accepted' || status === 'partial';
}

/** Of an object whose writing has begun: what was judged of it then. */
function verdictBefore(
  { lines, rejected: rejectedTotal, rejections: rejected }: SourceObject,
  { parked }: Known,
): Verdict {
  const status = parked === null ? 'accepted' : 'partial';
  return { status, lines, rejectedTotal, rejected, parked, signers: null };
}

/** The log on its way to the graph, unless it is there already. */
async function write(
  object: StoredObject,
  source: SourceObject,
  verdict: Verdict,
  sink: GraphSink,
  options: Options,
): Promise<Receipt | Unfinished> {
  const log = { log: shaOf(source), parked: verdict.parked };
  const progress = await sink.log(log);
  if (progress?.isDone === true) {
    const status = verdict.status === 'partial' ? 'partial' : 'accepted';
    await sink.carry(source, log, status);
    const known = await sink.known(source.uri);
    return receiptOf(source, verdict, known);
  }
  const totals = await measure(options, 'write', () =>
    writeLog(object, { source, log, verdict, progress }, sink, options),
  );
  return 'line' in totals ? totals : receiptOf(source, verdict, totals);
}

function shaOf({ uri, sha256 }: SourceObject): string {
  if (sha256 === null) throw new Error(`the bytes of ${uri} were not read to their end`);
  return sha256;
}

async function measure<T>(
  { onRead }: Options,
  reading: 'verify' | 'write',
  act: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  try {
    return await act();
  } finally {
    onRead?.(reading, performance.now() - start);
  }
}

function sourceObject(
  object: StoredObject,
  { lines, rejectedTotal, rejected }: Pick<Verdict, 'lines' | 'rejectedTotal' | 'rejected'>,
): SourceObject {
  return { ...object.identity(), lines, rejected: rejectedTotal, rejections: rejected };
}
