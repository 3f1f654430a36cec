import type { LogName, LogProgress, SourceObject, Totals } from '../graph/write/object-progress.ts';
import type { StoredObject } from '../object/stored.ts';
import type { Line, Place } from '../trust/lines.ts';
import { isRefusal, type Rejection } from '../trust/rejection.ts';
import { Signers } from '../trust/signers.ts';
import { verifyLines, type VerifiedRecord } from '../trust/verify.ts';
import { archiveDamaged } from './archive.ts';
import { Batches } from './batches.ts';
import { Lines, mayBeParked, type Options, type Verdict } from './judge.ts';
import type { GraphSink } from './stores.ts';

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
 * The second reading, of the archived log: each record on its way to the graph, two batches at a time.
 * {@link PoisonObjectError} where it is not the log that was judged.
 */
export async function writeLog(
  object: StoredObject,
  { source, log, verdict: { status, signers }, progress }: Writing,
  sink: GraphSink,
  options: Options,
): Promise<Totals | Unfinished> {
  const final = status === 'partial' ? status : 'accepted';
  const linesDone = progress?.linesDone ?? 0;
  const from = signers === null ? lastDone(progress) : undefined;
  const after = from ?? { number: 0, offset: 0 };
  const send = new Batches((batch) => sink.apply(batch, options.isTimeUp), source, log, after);
  try {
    const lines = new Lines(object, options, from);
    for await (const passage of lines) {
      if (signers?.knows(passage) === false)
        throw archiveDamaged('it holds other bytes than were judged');
      const verified = verifyLines(passage, log.log, options.keys, signers ?? new Signers());
      for (const [line, result] of verified) {
        await send.reach(line);
        if (line.number > linesDone && !isSetAside(line, result, final)) send.add(result);
      }
    }
    const applied = await send.end(lines.isCutShort ? null : final);
    if (lines.isCutShort || applied.isOpen)
      return { object: source.uri, status: 'writing', line: send.through.number };
    return applied;
  } finally {
    // Whoever hears that the ingest failed may close the database: nothing is still being written.
    await send.settle();
  }
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
