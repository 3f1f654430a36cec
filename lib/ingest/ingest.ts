import { PoisonObjectError, TransientError, type PoisonCode } from '../errors.ts';
import type { Applied, Batch, Progress, SourceObject, Totals } from '../graph/write/writer.ts';
import type { Identity, StoredObject } from '../object/stored.ts';
import type { Line, Place } from '../trust/lines.ts';
import { isRefusal, type Rejection } from '../trust/rejection.ts';
import { Signers } from '../trust/signers.ts';
import { verifyLines, type VerifiedRecord } from '../trust/verify.ts';
import { Batches } from './batches.ts';
import {
  formatJudged,
  judge,
  Lines,
  mayBeParked,
  parseJudged,
  verdictOf,
  type IngestOptions,
  type Judged,
  type Options,
  type Outcome,
  type TimedOptions,
  type Verdict,
} from './judge.ts';

/** What ingestion needs of a graph; lib/graph/write/writer.ts states the promises. */
export interface GraphSink {
  progress(uri: string): Promise<Progress>;
  apply(batch: Batch, isTimeUp?: () => boolean): Promise<Applied>;
  record(
    object: SourceObject,
    status: 'rejected' | 'empty',
    why?: PoisonObjectError,
  ): Promise<void>;
  pause(object: { readonly uri: string; readonly bytes: number }, judged: string): Promise<void>;
  abandon(uri: string, why: PoisonObjectError): Promise<void>;
}

/** The time was up; what was done is in the graph, and the next delivery goes on from there. */
export interface Unfinished {
  readonly object: string;
  readonly status: 'verifying' | 'writing';
  /** The last line that is done. */
  readonly line: number;
}

/** What became of an object and of each of its lines: lines = accepted + duplicate + rejectedTotal + withheld. */
export interface Receipt {
  readonly object: string;
  readonly status: Outcome;
  readonly lines: number;
  readonly accepted: number;
  readonly duplicate: number;
  /** Good lines of a rejected object. */
  readonly withheld: number;
  readonly rejectedTotal: number;
  /** The first hundred. */
  readonly rejected: readonly Rejection[];
  /** Null where the object could not be read to its end. */
  readonly bytes: number | null;
  readonly sha256: string | null;
  /** Why nothing of the object could be read, where that is so. */
  readonly problem?: string;
  /** There with `problem`. */
  readonly problemCode?: PoisonCode;
}

/** A log that can't be read as it is gets a receipt like any other bad log; other failures pass through. */
export async function refuseUnreadable(uri: string, act: () => Promise<Receipt>): Promise<Receipt> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof PoisonObjectError) return receiptOfUnreadable(uri, null, error);
    throw error;
  }
}

/** Refused whole, without a verdict on any line. */
function receiptOfUnreadable(uri: string, bytes: number | null, why: PoisonObjectError): Receipt {
  return {
    object: uri,
    status: 'rejected',
    lines: 0,
    accepted: 0,
    duplicate: 0,
    withheld: 0,
    rejectedTotal: 0,
    rejected: [],
    bytes,
    sha256: null,
    problem: why.message,
    problemCode: why.code,
  };
}

/** Checks a whole object without a database: the verdict that {@link ingestObject} would give an empty graph. */
export async function verifyObject(object: StoredObject, options: IngestOptions): Promise<Receipt> {
  // Without a database the log itself is all there is to find duplicates by. 32 bytes a record, as
  // binary text, in place of 64 hex digits: some 100 MB for a million lines.
  const digests = new Set<string>();
  const verdict = verdictOf(
    await judge(object, options, null, ({ digest }) =>
      digests.add(Buffer.from(digest, 'hex').toString('latin1')),
    ),
    options,
  );
  const good = verdict.lines - verdict.rejectedTotal;
  const isKept = verdict.status === 'accepted' || verdict.status === 'partial';
  return receipt(object.identity(), verdict, {
    accepted: isKept ? digests.size : 0,
    duplicate: isKept ? good - digests.size : 0,
  });
}

/**
 * Verifies the whole object, then writes it in batches; a delivery again goes on where the last one
 * ended, and of an object that is in the graph already nothing is written.
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
  const known = object.uri === null ? null : await sink.progress(object.uri);
  const stored = known?.object ?? null;
  if (known !== null && stored !== null && isDone(known)) return receiptOfDone(stored, known);
  if (known !== null && stored !== null && known.status === 'writing') {
    const { lines, rejected: rejectedTotal, rejections: rejected } = stored;
    const status = rejectedTotal === 0 ? 'accepted' : 'partial';
    const verdict: Verdict = { status, lines, rejectedTotal, rejected, signers: null };
    return write(object, verdict, sink, stored, known, options);
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
  const { status, rejectedTotal } = verdict;
  const source = sourceObject(object, verdict);
  if (status === 'rejected' || status === 'empty') {
    await sink.record(source, status);
    return receipt(source, verdict, { accepted: 0, duplicate: 0 });
  }
  const before = known ?? (await sink.progress(uri));
  if (isDone(before))
    return receipt(source, verdict, { accepted: 0, duplicate: verdict.lines - rejectedTotal });
  return write(object, verdict, sink, source, before, options);
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
  const known = await sink.progress(uri);
  if (known.object !== null && isDone(known)) return receiptOfDone(known.object, known);
  if (known.linesDone > 0) {
    await sink.abandon(uri, error);
    throw error;
  }
  return receiptOfUnreadable(uri, null, error);
}

type Done = Progress & { readonly status: 'accepted' | 'partial' };

function isDone(progress: Progress): progress is Done {
  return progress.status === 'accepted' || progress.status === 'partial';
}

/** The receipt of a version is the same, however often it is delivered. */
function receiptOfDone(object: SourceObject, { status, accepted, duplicate }: Done): Receipt {
  const { uri, lines, rejected: rejectedTotal, rejections, bytes, sha256 } = object;
  const counts = { lines, accepted, duplicate, withheld: 0, rejectedTotal };
  return { object: uri, status, ...counts, rejected: rejections, bytes, sha256 };
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

/** The second reading: each record on its way to the graph, two batches at a time. */
async function write(
  object: StoredObject,
  verdict: Verdict,
  sink: GraphSink,
  source: SourceObject,
  before: Progress,
  options: Options,
): Promise<Receipt | Unfinished> {
  const totals = await measure(options, 'write', () =>
    writeLines(object, verdict, sink, source, before, options),
  );
  if ('line' in totals) return totals;
  return receipt(source, verdict, totals);
}

async function writeLines(
  object: StoredObject,
  { status, signers }: Verdict,
  sink: GraphSink,
  source: SourceObject,
  before: Progress,
  options: Options,
): Promise<Totals | Unfinished> {
  const final = status === 'partial' ? status : 'accepted';
  const from = signers === null ? lastDone(before) : undefined;
  const after =
    from === undefined ? { number: 0, offset: 0 } : { ...from, number: before.linesDone };
  const batches = new Batches((batch) => sink.apply(batch, options.isTimeUp), source, after);
  try {
    const lines = new Lines(object, options, from);
    for await (const passage of lines) {
      const verified = verifyLines(passage, source.uri, options.keys, signers ?? new Signers());
      for (const [line, result] of verified) {
        await batches.reach(line);
        if (line.number > before.linesDone && !isSetAside(line, result, source.uri, final))
          batches.add(result);
      }
    }
    const applied = await batches.end(lines.isCutShort ? null : final);
    if (lines.isCutShort || applied.isOpen)
      return { object: source.uri, status: 'writing', line: batches.through.number };
    return applied;
  } finally {
    // Whoever hears that the ingest failed may close the database: nothing is still being written.
    await batches.settle();
  }
}

/** Where the last line that is in the graph begins: the next one is the one after it. */
function lastDone({ linesDone, offsetDone }: Progress): Place | undefined {
  return linesDone === 0 || offsetDone === null
    ? undefined
    : { number: linesDone, offset: offsetDone };
}

/**
 * True for a line that quarantine sets aside; {@link TransientError} where any other is refused, since
 * the first reading accepted it.
 */
function isSetAside(
  line: Line,
  result: VerifiedRecord | Rejection,
  uri: string,
  final: 'accepted' | 'partial',
): result is Rejection {
  if (!isRefusal(result)) return false;
  if (final === 'partial' && mayBeParked(line, result)) return true;
  throw new TransientError(
    'VERDICT_CHANGED',
    `line ${line.number} of ${uri} was accepted before and is not now; was a key taken away?`,
  );
}

function sourceObject(
  object: StoredObject,
  { lines, rejectedTotal, rejected }: Pick<Verdict, 'lines' | 'rejectedTotal' | 'rejected'>,
): SourceObject {
  return { ...object.identity(), lines, rejected: rejectedTotal, rejections: rejected };
}

function receipt({ uri, bytes, sha256 }: Identity, verdict: Verdict, totals: Totals): Receipt {
  const { status, lines, rejectedTotal, rejected } = verdict;
  const withheld = status === 'rejected' ? lines - rejectedTotal : 0;
  const { accepted, duplicate } = totals;
  if (accepted + duplicate + rejectedTotal + withheld !== lines)
    throw new Error(`the counts of ${uri} do not add up`);
  return {
    object: uri,
    status,
    lines,
    accepted,
    duplicate,
    withheld,
    rejectedTotal,
    rejected,
    bytes,
    sha256,
  };
}
