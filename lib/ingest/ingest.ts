import { PoisonObjectError } from '../errors.ts';
import type { Known, LogName, LogProgress, SourceObject } from '../graph/write/object-progress.ts';
import type { StoredObject } from '../object/stored.ts';
import { archiveDamaged, type Archive } from './archive.ts';
import {
  formatJudged,
  judge,
  parseJudged,
  verdictOf,
  type IngestOptions,
  type Judged,
  type JudgedBefore,
  type Options,
  type TimedOptions,
  type Verdict,
} from './judge.ts';
import {
  receiptOf,
  receiptOfAbandoned,
  receiptOfDone,
  receiptOfUnreadable,
  type Receipt,
} from './receipt.ts';
import type { Stores } from './stores.ts';
import { formatVerdict, parseVerdict, type Rules } from './verdict.ts';
import { writeLog, type Unfinished } from './write-log.ts';

/**
 * Verifies the whole object, archives its log, then writes it in batches; a delivery again goes on
 * where the last one ended, and of a log that is in the graph already nothing is written, whatever
 * its name.
 */
export async function ingestObject(
  object: StoredObject,
  stores: Stores,
  options: TimedOptions,
): Promise<Receipt | Unfinished>;
export async function ingestObject(
  object: StoredObject,
  stores: Stores,
  options: IngestOptions,
): Promise<Receipt>;
export async function ingestObject(
  object: StoredObject,
  stores: Stores,
  options: Options,
): Promise<Receipt | Unfinished> {
  // Where the store names versions, what the graph knows spares the reading.
  const known = object.uri === null ? null : await stores.sink.known(object.uri);
  if (known !== null && object.uri !== null) {
    const end = await goOn(object.uri, known, stores, options);
    if (end !== null) return end;
  }
  try {
    return await begin(object, known?.judged ?? null, stores, options);
  } catch (error) {
    if (!(error instanceof PoisonObjectError) || object.uri === null) throw error;
    const refused = receiptOfUnreadable(object.uri, object.identity().bytes, error);
    await stores.sink.record({ ...object.identity(), ...NOTHING_JUDGED }, 'rejected', error);
    return refused;
  }
}

/**
 * Of an object that is not there any more: what the graph knows of it; one whose log is archived is
 * finished from there, and any other is refused whole.
 */
export async function ingestDeparted(
  uri: string,
  stores: Stores,
  options: Options,
  why: PoisonObjectError,
): Promise<Receipt | Unfinished> {
  const known = await stores.sink.known(uri);
  const end = await goOn(uri, known, stores, options);
  if (end !== null) return end;
  if (known.status !== null)
    await stores.sink.record({ uri, sha256: null, bytes: 0, ...NOTHING_JUDGED }, 'rejected', why);
  return receiptOfUnreadable(uri, null, why);
}

const NOTHING_JUDGED = { lines: 0, rejected: 0, rejections: [], seal: null } as const;

/** Of an object that was judged before, the end of it; null where it is still to be read. */
async function goOn(
  uri: string,
  known: Known,
  stores: Stores,
  options: Options,
): Promise<Receipt | Unfinished | null> {
  const { object: source, status } = known;
  if (status === 'abandoned') return receiptOfAbandoned(uri, known);
  if (source === null) return null;
  if (status === 'accepted' || status === 'partial') return receiptOfDone(source, known);
  return status === 'writing' ? finish(source, known, stores, options) : null;
}

/** First reading, archive, graph. */
async function begin(
  object: StoredObject,
  known: string | null,
  stores: Stores,
  options: Options,
): Promise<Receipt | Unfinished> {
  const { sink, archive } = stores;
  const from = parseJudged(known, options);
  const judged = await measure(options, 'verify', () => judge(object, options, from));
  const identity = object.identity();
  const { uri, bytes } = identity;
  // An archive takes minutes for a large log: it is begun with time, and no line is verified again for it.
  const isLate = hasGotOn(judged, from) && options.isTimeUp?.() === true;
  if (!judged.isWhole || (isLate && object.uri !== null)) {
    await sink.pause({ uri, bytes }, formatJudged(judged, options));
    return { object: uri, status: 'verifying', line: judged.next.number - 1 };
  }
  const named = verdictOf(judged, options);
  const before = await acceptedBefore(named, identity.sha256, archive, options);
  const verdict = before?.verdict ?? named;
  const { status, lines, rejectedTotal: rejected, rejected: rejections } = verdict;
  const source = { ...identity, lines, rejected, rejections, seal: verdict.seal };
  if (status === 'rejected' || status === 'empty') {
    await sink.record(source, status);
    return receiptOf(source, verdict, { accepted: 0, duplicate: 0 });
  }
  // A local file's name is known only now.
  const end = object.uri === null ? await goOn(uri, await sink.known(uri), stores, options) : null;
  if (end !== null) return end;
  const log = { log: shaOf(source), parked: verdict.parked };
  const progress = await sink.log(log);
  if (progress?.isDone === true) {
    await sink.carry(source, log, status === 'partial' ? status : 'accepted');
    return receiptOf(source, verdict, await sink.known(uri));
  }
  const under = { ...options, ...before?.options };
  const text = formatVerdict(log, verdict, under);
  const version = await archive.put(object, identity, { name: log, text, tree: verdict.tree });
  return write(source, { ...log, version }, verdict, progress, stores, under);
}

/**
 * Of a log that is refused for what its keys may not sign now, and was accepted whole and archived before:
 * the verdict of then. So neither a redelivery nor a lost database loses what a later change of the key
 * ring would not let in any more. Null of any other.
 */
async function acceptedBefore(
  named: Verdict,
  log: string | null,
  archive: Archive,
  { keys }: Options,
): Promise<{ readonly verdict: Verdict; readonly options: Rules['options'] } | null> {
  const { status, rejected, rejectedTotal } = named;
  if (status !== 'rejected' || log === null) return null;
  if (!rejected.every(({ code }) => code === 'KEY_NOT_ALLOWED')) return null;
  const text = await archive.verdict({ log, parked: null });
  const rules = text === null ? null : parseVerdict(text);
  if (rules === null) return null;
  const { circumstances } = rules;
  const kids = new Set(keys.map(({ kid }) => kid));
  const options = { ...rules.options, keys: rules.options.keys.filter(({ kid }) => kids.has(kid)) };
  // Of what is behind the refusals that are kept, nothing tells that a key of today signed it.
  const isAllToday = options.keys.length === rules.options.keys.length;
  if (!isAllToday && rejectedTotal > rejected.length) return null;
  const reading = { signers: null, kept: null } as const;
  const none = { rejectedTotal: 0, rejected: [], parked: null } as const;
  const verdict = { ...named, status: 'accepted', ...none, circumstances, ...reading } as const;
  return { verdict, options };
}

function hasGotOn(judged: Judged, before: JudgedBefore | null): boolean {
  const hashed = before?.hash?.bytes ?? 0;
  return judged.next.number !== before?.next.number || judged.hash?.bytes !== hashed;
}

/** Of an object whose writing has begun: by the archive's log and verdict, whatever became of the object and its key. */
async function finish(
  source: SourceObject,
  known: Known,
  stores: Stores,
  options: Options,
): Promise<Receipt | Unfinished> {
  const { lines, rejected: rejectedTotal, rejections: rejected, seal } = source;
  const { parked } = known;
  const status = parked === null ? 'accepted' : 'partial';
  const log = { log: shaOf(source), parked };
  const text = await stores.archive.verdict(log);
  const rules = text === null ? null : parseVerdict(text);
  if (rules === null)
    return abandon(source.uri, stores, archiveDamaged('its verdict is missing or unreadable'));
  const { circumstances } = rules;
  const judged = { status, lines, rejectedTotal, rejected, parked, circumstances } as const;
  const verdict = { ...judged, seal, signers: null, kept: null, tree: null };
  const progress = await stores.sink.log(log);
  return write(source, log, verdict, progress, stores, { ...options, ...rules.options });
}

async function write(
  source: SourceObject,
  log: LogName,
  verdict: Verdict,
  progress: LogProgress | null,
  stores: Stores,
  options: Options,
): Promise<Receipt | Unfinished> {
  try {
    const totals = await measure(options, 'write', () =>
      writeLog({ source, log, verdict, progress }, stores, options),
    );
    return 'line' in totals ? totals : receiptOf(source, verdict, totals);
  } catch (error) {
    if (!(error instanceof PoisonObjectError)) throw error;
    const why = error.code === 'ARCHIVE_DAMAGED' ? error : archiveDamaged(error.message);
    return abandon(source.uri, stores, why);
  }
}

async function abandon(uri: string, { sink }: Stores, why: PoisonObjectError): Promise<Receipt> {
  await sink.abandon(uri, why);
  const known = await sink.known(uri);
  // What was never begun is not in the graph at all.
  if (known.status !== 'abandoned') throw why;
  return receiptOfAbandoned(uri, known);
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
