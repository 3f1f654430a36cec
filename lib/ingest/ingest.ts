import { pathToFileURL } from 'node:url';
import { PoisonObjectError } from '../errors.ts';
import type { Batch, Progress, SourceObject, Totals } from '../graph/writer.ts';
import type { SourceFile } from '../object/file.ts';
import type { VerifyingKey } from '../trust/keys.ts';
import { LineFramer, type Line } from '../trust/lines.ts';
import type { LineageRecord } from '../trust/record.ts';
import { isRefusal, type Rejection } from '../trust/rejection.ts';
import { recallLine, verifyLine, type VerifiedRecord } from '../trust/verify.ts';

/** What ingestion needs of a graph; lib/graph/writer.ts states the promises. */
export interface GraphSink {
  progress(uri: string): Promise<Progress>;
  apply(batch: Batch): Promise<Totals>;
  record(object: SourceObject, status: 'rejected' | 'empty'): Promise<void>;
}

export interface IngestOptions {
  readonly keys: readonly VerifyingKey[];
  /** `reject`: one bad line and nothing is written. `quarantine`: see docs/envelope.md, E-20. */
  readonly onBadLine: 'reject' | 'quarantine';
  readonly maxLineBytes?: number;
}

/** What became of an object and of each of its lines: lines = accepted + duplicate + rejectedTotal + withheld. */
export interface Receipt {
  readonly object: string;
  readonly status: 'accepted' | 'partial' | 'rejected' | 'empty';
  readonly lines: number;
  readonly accepted: number;
  readonly duplicate: number;
  /** Good lines of a rejected object. */
  readonly withheld: number;
  readonly rejectedTotal: number;
  /** The first {@link MAX_REJECTIONS}. */
  readonly rejected: readonly Rejection[];
  /** Null where the object could not be read to its end. */
  readonly bytes: number | null;
  readonly sha256: string | null;
  /** Why nothing of the object could be read, where that is so. */
  readonly problem?: string;
}

/** A log that can't be read as it is gets a receipt like any other bad log; other failures pass through. */
export async function refusing(path: string, act: () => Promise<Receipt>): Promise<Receipt> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof PoisonObjectError) return unreadable(path, error);
    throw error;
  }
}

/** Refused whole, without a verdict on any line. */
function unreadable(path: string, { message }: PoisonObjectError): Receipt {
  return {
    object: pathToFileURL(path).href,
    status: 'rejected',
    lines: 0,
    accepted: 0,
    duplicate: 0,
    withheld: 0,
    rejectedTotal: 0,
    rejected: [],
    bytes: null,
    sha256: null,
    problem: message,
  };
}

const MAX_REJECTIONS = 100;
/** The white space of JSON that a line can hold. */
const BLANK = new Set([0x20, 0x09, 0x0d]);
const MAX_IN_FLIGHT = 2;
const BATCH_RECORDS = 1_000;
const BATCH_BYTES = 1024 * 1024;

/** Checks a whole object without a database: the verdict that {@link ingestFile} would give an empty graph. */
export async function verifyFile(file: SourceFile, options: IngestOptions): Promise<Receipt> {
  // Without a database the log itself is all there is to find duplicates by. 32 bytes a record, as
  // binary text, in place of 64 hex digits: some 100 MB for a million lines.
  const digests = new Set<string>();
  const verdict = await judge(file, options, ({ digest }) =>
    digests.add(Buffer.from(digest, 'hex').toString('latin1')),
  );
  const good = verdict.lines - verdict.rejectedTotal;
  const isKept = verdict.status === 'accepted' || verdict.status === 'partial';
  return receipt(file, verdict, {
    accepted: isKept ? digests.size : 0,
    duplicate: isKept ? good - digests.size : 0,
  });
}

/**
 * Verifies the whole object, then writes it in batches; a delivery again goes on where the last one
 * ended, and of an object that is in the graph already nothing is written.
 */
export async function ingestFile(
  file: SourceFile,
  sink: GraphSink,
  options: IngestOptions,
): Promise<Receipt> {
  const verdict = await judge(file, options);
  const identity = file.identity();
  const object: SourceObject = {
    ...identity,
    lines: verdict.lines,
    rejected: verdict.rejectedTotal,
    rejections: verdict.rejected,
  };
  if (verdict.status === 'rejected' || verdict.status === 'empty') {
    await sink.record(object, verdict.status);
    return receipt(file, verdict, { accepted: 0, duplicate: 0 });
  }
  const before = await sink.progress(identity.uri);
  if (before.status === 'accepted' || before.status === 'partial')
    return receipt(file, verdict, {
      accepted: 0,
      duplicate: verdict.lines - verdict.rejectedTotal,
    });
  return receipt(file, verdict, await write(file, verdict, sink, object, before, options));
}

interface Verdict {
  readonly status: Receipt['status'];
  readonly lines: number;
  readonly rejectedTotal: number;
  readonly rejected: readonly Rejection[];
  readonly signers: Signers;
}

/**
 * Which key made each line's signature, a byte a line: what the second reading need not find out
 * again, since it proves that it reads the same bytes.
 */
class Signers {
  readonly #kids: string[] = [];
  #byLine = new Uint8Array(1_024);
  #lines = 0;

  /** The next line's; null for a refused one. */
  push(kid: string | null): void {
    if (kid !== null && !this.#kids.includes(kid)) this.#kids.push(kid);
    if (this.#lines === this.#byLine.length) {
      const grown = new Uint8Array(this.#lines * 2);
      grown.set(this.#byLine);
      this.#byLine = grown;
    }
    this.#byLine[this.#lines] = kid === null ? 0 : this.#kids.indexOf(kid) + 1;
    this.#lines += 1;
  }

  /** Of the line of that number; null for a refused one. */
  of(line: number): string | null {
    return this.#kids[(this.#byLine[line - 1] ?? 0) - 1] ?? null;
  }
}

async function judge(
  file: SourceFile,
  options: IngestOptions,
  onGood: (record: LineageRecord) => void = () => undefined,
): Promise<Verdict> {
  let lines = 0;
  let rejectedTotal = 0;
  let isParkable = true;
  const rejected: Rejection[] = [];
  const signers = new Signers();
  for await (const chunk of linesOf(file, options)) {
    for (const line of chunk) {
      const result = verifyLine(line, '', options.keys);
      lines += 1;
      if (isRefusal(result)) {
        rejectedTotal += 1;
        if (rejected.length < MAX_REJECTIONS) rejected.push(result);
        isParkable &&= mayBeParked(line, result);
        signers.push(null);
      } else {
        signers.push(result.kid);
        onGood(result.record);
      }
    }
  }
  const good = lines - rejectedTotal;
  const isPartial = options.onBadLine === 'quarantine' && isParkable && good > 0;
  const refused = isPartial ? 'partial' : 'rejected';
  const status = lines === 0 ? 'empty' : rejectedTotal === 0 ? 'accepted' : refused;
  return { status, lines, rejectedTotal, rejected, signers };
}

/**
 * True for what quarantine sets aside. Never a line that whoever can write to the bucket could have
 * damaged to make one chosen record disappear (docs/envelope.md, E-20).
 */
function mayBeParked({ bytes, terminated }: Line, { code }: Rejection): boolean {
  if (code.startsWith('RECORD_')) return true;
  if (code !== 'LINE_NOT_JSON') return false;
  return !terminated || bytes?.every((byte) => BLANK.has(byte)) === true;
}

async function* linesOf(file: SourceFile, { maxLineBytes }: IngestOptions): AsyncGenerator<Line[]> {
  const framer = new LineFramer(maxLineBytes);
  for await (const chunk of file.read()) yield framer.push(chunk);
  yield framer.end();
}

async function write(
  file: SourceFile,
  { status, signers }: Verdict,
  sink: GraphSink,
  object: SourceObject,
  before: Progress,
  options: IngestOptions,
): Promise<Totals> {
  const final = status === 'partial' ? status : 'accepted';
  let records: VerifiedRecord[] = [];
  let bytes = 0;
  let afterLine = 0;
  let throughLine = 0;
  // Two batches are on their way while the next one is read.
  const inFlight: Promise<Totals>[] = [];
  const send = async (last: boolean): Promise<void> => {
    if (inFlight.length >= MAX_IN_FLIGHT) await inFlight.shift();
    const applied = sink.apply({
      object,
      afterLine,
      throughLine,
      records,
      final: last ? final : null,
    });
    afterLine = throughLine;
    // It is awaited before the next batch; until then a failure is not unhandled.
    applied.catch(() => undefined);
    inFlight.push(applied);
    records = [];
    bytes = 0;
  };
  try {
    for await (const chunk of linesOf(file, options)) {
      for (const line of chunk) {
        const isFull = records.length >= BATCH_RECORDS || bytes + line.length > BATCH_BYTES;
        if (isFull && records.length > 0) await send(false);
        throughLine = line.number;
        const kid = signers.of(line.number);
        if (kid === null || line.number <= before.linesDone) continue;
        const result = recallLine(line, object.uri, kid);
        if (isRefusal(result)) throw new Error(`line ${line.number} was accepted and is not now`);
        records.push(result);
        bytes += line.length;
      }
    }
    await send(true);
    let totals: Totals = before;
    for (const applied of inFlight) totals = await applied;
    return totals;
  } finally {
    // Whoever hears that the ingest failed may close the database: nothing is still being written.
    await Promise.allSettled(inFlight);
  }
}

function receipt(file: SourceFile, verdict: Verdict, totals: Totals): Receipt {
  const { uri, bytes, sha256 } = file.identity();
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
