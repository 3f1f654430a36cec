import type { LogName, LogProgress, SourceObject, Totals } from '../graph/write/object-progress.ts';
import type { Line, Place } from '../trust/lines.ts';
import { isRefusal, type Rejection } from '../trust/rejection.ts';
import { Signers } from '../trust/signers.ts';
import { verifyLines, type VerifiedRecord } from '../trust/verify.ts';
import { archiveDamaged, type Archive } from './archive.ts';
import { Batches } from './batches.ts';
import { Lines, mayBeParked, type Options, type Verdict } from './judge.ts';
import type { Stores } from './stores.ts';

/** The time was up; what was done is in the graph, and the next delivery goes on from there. */
export interface Unfinished {
  readonly object: string;
  readonly status: 'verifying' | 'writing';
  /** The last line that is done. */
  readonly line: number;
}

/** A log that was judged, under the name that brings it. */
export interface Writing {
  readonly source: SourceObject;
  readonly log: LogName;
  readonly verdict: Verdict;
  /** Null before its first batch. */
  readonly progress: LogProgress | null;
}

/**
 * Each record of an archived log on its way to the graph, two batches at a time: what the first reading
 * has kept, or else a second reading, of the archive. {@link PoisonObjectError} where that has not the
 * log that was judged.
 */
export async function writeLog(
  writing: Writing,
  { sink, archive }: Stores,
  options: Options,
): Promise<Totals | Unfinished> {
  const { source, log, verdict, progress } = writing;
  const from = verdict.signers === null ? lastDone(progress) : undefined;
  const after = from ?? { number: 0, offset: 0 };
  const send = new Batches((batch) => sink.apply(batch, options.isTimeUp), source, log, after);
  try {
    const isCutShort =
      verdict.kept === null
        ? await sendArchived(archive, from, writing, send, options)
        : await sendKept(verdict.kept, writing, send, options);
    const applied = await send.end(isCutShort ? null : finalOf(verdict));
    if (isCutShort || applied.isOpen)
      return { object: source.uri, status: 'writing', line: send.through.number };
    return applied;
  } finally {
    // Whoever hears that the ingest failed may close the database: nothing is still being written.
    await send.settle();
  }
}

/** So many records of those that are kept, and it is asked whether the time is up. */
const KEPT_AT_ONCE = 500;

/** True where the time was up before the end. */
async function sendKept(
  kept: readonly VerifiedRecord[],
  { log, progress }: Writing,
  send: Batches,
  { isTimeUp }: Options,
): Promise<boolean> {
  const linesDone = progress?.linesDone ?? 0;
  for (const [nth, { record, kid, location }] of kept.entries()) {
    // Whatever the time, each delivery gets on by some.
    if (nth > 0 && nth % KEPT_AT_ONCE === 0 && isTimeUp?.() === true) return true;
    const { line: number, offset, length } = location;
    await send.reach({ number, offset, length });
    // The log had no name yet when the line was verified.
    if (number > linesDone) send.add({ record, kid, location: { ...location, log: log.log } });
  }
  return false;
}

/** The second reading. True where the time was up before the end. */
async function sendArchived(
  archive: Archive,
  from: Place | undefined,
  { log, verdict, progress }: Writing,
  send: Batches,
  options: Options,
): Promise<boolean> {
  const archived = await archive.open(log.log, log.version ?? progress?.version);
  if (archived === null) throw archiveDamaged('the log is missing');
  const { signers, circumstances } = verdict;
  const linesDone = progress?.linesDone ?? 0;
  const lines = new Lines(archived, options, from);
  for await (const passage of lines) {
    if (signers?.knows(passage) === false)
      throw archiveDamaged('it holds other bytes than were judged');
    const { keys } = options;
    const known = signers ?? new Signers();
    const verified = verifyLines(passage, log.log, keys, known, circumstances);
    for (const [line, result] of verified) {
      await send.reach(line);
      if (line.number > linesDone && !isSetAside(line, result, finalOf(verdict))) send.add(result);
    }
  }
  return lines.isCutShort;
}

function finalOf({ status }: Verdict): 'accepted' | 'partial' {
  return status === 'partial' ? status : 'accepted';
}

/** Where the last line that is in the graph begins: the next one is the one after it. */
function lastDone(progress: LogProgress | null): Place | undefined {
  if (progress === null || progress.offsetDone === null || progress.linesDone === 0)
    return undefined;
  return { number: progress.linesDone, offset: progress.offsetDone };
}

/** True for a line that quarantine sets aside; none other was refused when the log was judged. */
function isSetAside(
  line: Line,
  result: VerifiedRecord | Rejection,
  final: 'accepted' | 'partial',
): result is Rejection {
  if (!isRefusal(result)) return false;
  if (final === 'partial' && mayBeParked(line, result)) return true;
  throw archiveDamaged(`line ${line.number} was accepted and does not verify now`);
}
