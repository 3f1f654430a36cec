import type { Batch, Progress, SourceObject, Totals } from '../graph/writer.ts';
import type { SourceFile } from '../object/file.ts';
import type { VerifyingKey } from '../trust/keys.ts';
import { LineFramer, type Line } from '../trust/lines.ts';
import type { LineageRecord } from '../trust/record.ts';
import { isRefusal, type Rejection } from '../trust/rejection.ts';
import { verifyLine, type VerifiedRecord } from '../trust/verify.ts';

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
  /** Of an object whose records need no more memory than this, they are kept and it is read once. */
  readonly keptBytes?: number;
  /** Called now and then with the lines that are done. */
  readonly onProgress?: (lines: number) => void;
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
  readonly bytes: number;
  readonly sha256: string;
}

const MAX_REJECTIONS = 100;
/** The white space of JSON that a line can hold. */
const BLANK = new Set([0x20, 0x09, 0x0d]);
const BATCH_RECORDS = 1_000;
const BATCH_BYTES = 1024 * 1024;
/** The default of {@link IngestOptions.keptBytes}. */
const KEPT_BYTES = 8 * 1024 * 1024;
/** What a line costs in memory besides its own length, so that a log of empty lines is bounded too. */
const RECORD_BYTES = 512;

/** Checks a whole object without a database: the verdict that {@link ingestFile} would give an empty graph. */
export async function verifyFile(file: SourceFile, options: IngestOptions): Promise<Receipt> {
  // Without a database the log itself is all there is to find duplicates by. 32 bytes a record, as
  // binary text, in place of 64 hex digits: some 100 MB for a million lines.
  const digests = new Set<string>();
  const verdict = await judge(file, { ...options, keptBytes: 0 }, ({ digest }) =>
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
  const judged =
    verdict.kept === null
      ? verified(file, identity.uri, options)
      : verdict.kept.map((one) => withSource(one, identity.uri));
  return receipt(file, verdict, await write(judged, sink, object, verdict.status, before));
}

interface Verdict {
  readonly status: Receipt['status'];
  readonly lines: number;
  readonly rejectedTotal: number;
  readonly rejected: readonly Rejection[];
  /** Every line's verdict, of a small object; null where it has to be read again. */
  readonly kept: readonly Judged[] | null;
}

interface Judged {
  readonly line: Pick<Line, 'number' | 'length'>;
  readonly result: VerifiedRecord | Rejection;
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
  const keptBytes = options.keptBytes ?? KEPT_BYTES;
  let kept: Judged[] | null = [];
  let bytes = 0;
  for await (const { line, result } of verified(file, '', options)) {
    lines += 1;
    bytes += line.length + RECORD_BYTES;
    if (bytes > keptBytes) kept = null;
    kept?.push({ line: { number: line.number, length: line.length }, result });
    if (isRefusal(result)) {
      rejectedTotal += 1;
      if (rejected.length < MAX_REJECTIONS) rejected.push(result);
      isParkable &&= mayBeParked(line, result);
    } else onGood(result.record);
  }
  const good = lines - rejectedTotal;
  const isPartial = options.onBadLine === 'quarantine' && isParkable && good > 0;
  const refused = isPartial ? 'partial' : 'rejected';
  const status = lines === 0 ? 'empty' : rejectedTotal === 0 ? 'accepted' : refused;
  return { status, lines, rejectedTotal, rejected, kept };
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

async function* verified(
  file: SourceFile,
  source: string,
  { keys, maxLineBytes, onProgress }: IngestOptions,
): AsyncGenerator<{ line: Line; result: VerifiedRecord | Rejection }> {
  const framer = new LineFramer(maxLineBytes);
  for await (const chunk of file.read()) {
    const lines = framer.push(chunk);
    for (const line of lines) yield { line, result: verifyLine(line, source, keys) };
    const last = lines.at(-1);
    if (last !== undefined) onProgress?.(last.number);
  }
  for (const line of framer.end()) yield { line, result: verifyLine(line, source, keys) };
}

/** The object's own name is known only when all of it has been read. */
function withSource({ line, result }: Judged, source: string): Judged {
  if (isRefusal(result)) return { line, result };
  return { line, result: { ...result, location: { ...result.location, source } } };
}

async function write(
  judged: Iterable<Judged> | AsyncIterable<Judged>,
  sink: GraphSink,
  object: SourceObject,
  final: 'accepted' | 'partial',
  before: Progress,
): Promise<Totals> {
  let records: VerifiedRecord[] = [];
  let bytes = 0;
  let throughLine = 0;
  // One batch is on its way while the next one is read and verified.
  let inFlight: Promise<Totals> = Promise.resolve(before);
  const send = async (last: boolean): Promise<void> => {
    await inFlight;
    inFlight = sink.apply({ object, throughLine, records, final: last ? final : null });
    // It is awaited before the next batch; until then a failure is not unhandled.
    inFlight.catch(() => undefined);
    records = [];
    bytes = 0;
  };
  try {
    for await (const { line, result } of judged) {
      if (
        records.length >= BATCH_RECORDS ||
        (records.length > 0 && bytes + line.length > BATCH_BYTES)
      )
        await send(false);
      throughLine = line.number;
      if (isRefusal(result) || line.number <= before.linesDone) continue;
      records.push(result);
      bytes += line.length;
    }
    await send(true);
    return await inFlight;
  } finally {
    // Whoever hears that the ingest failed may close the database: nothing is still being written.
    await inFlight.catch(() => undefined);
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
