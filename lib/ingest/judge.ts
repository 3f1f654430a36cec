import { createHash } from 'node:crypto';
import type { KeptRejection } from '../graph/source-object.ts';
import type { Seal } from '../graph/write/object-progress.ts';
import { isHashState, type HashState, type LogHash } from '../object/log-hash.ts';
import { isTreeState, LogTree, type TreeIndex, type TreeState } from '../object/log-tree.ts';
import type { StoredObject } from '../object/stored.ts';
import { explained } from '../trust/explain-signature.ts';
import { memberOf } from '../trust/json.ts';
import { isRevoked, type Circumstances } from '../trust/key-policy.ts';
import type { VerifyingKey } from '../trust/keys.ts';
import type { Line, Place } from '../trust/lines.ts';
import { PassageFramer, type Passage } from '../trust/passage.ts';
import { isRefusal, isRejection, type Rejection } from '../trust/rejection.ts';
import type { SignatureThread } from '../trust/signature-thread.ts';
import { Signers } from '../trust/signers.ts';
import { verifyLines, type VerifiedRecord } from '../trust/verify.ts';
import { VERSION } from '../version.ts';
import { ahead } from './ahead.ts';
import { isSpent, withinLines } from './budget.ts';
import { Kept } from './kept.ts';

/** What becomes of an object. */
export type Outcome = 'accepted' | 'partial' | 'rejected' | 'empty' | 'abandoned';

export interface IngestOptions {
  readonly keys: readonly VerifyingKey[];
  /** `reject`: one bad line and nothing is written. `quarantine`: see docs/envelope.md, E-20. */
  readonly onBadLine: 'reject' | 'quarantine';
  readonly maxLineBytes?: number;
  readonly maxLines?: number;
  /** Bytes of a log's lines up to which their records are kept, and not read again to be written. */
  readonly maxKeptBytes?: number;
  /** Of a thread that checks the signatures of the first reading, with the same keys, and is ended with it. */
  readonly startThread?: () => SignatureThread;
  /** Milliseconds since 1970, asked once for each reading; Custody's own clock where there is none. */
  readonly clock?: () => number;
  /** Where the log came, for what keys may sign there; where it is not given, what the object is read from. */
  readonly address?: string;
  /** Told how long each of the two readings took. */
  readonly onRead?: (reading: 'verify' | 'write', milliseconds: number) => void;
}

export interface TimedOptions extends IngestOptions {
  /** From when it is true, an object whose store names its version is left {@link Unfinished}. */
  readonly isTimeUp: () => boolean;
}

export type Options = IngestOptions & Partial<TimedOptions>;

/** So many are held while another thread checks their signatures. */
const PASSAGES_AHEAD = 4;
const MAX_REJECTIONS = 100;
/** Of those: explaining a signature costs as much as checking it once more. */
const MAX_EXPLAINED = 20;
/** A log of no more bytes, unpacked, is read and its tree made anew for a proof. */
const MAX_UNINDEXED_BYTES = 1024 ** 2;
/** The white space of JSON that a line can hold. */
const BLANK = new Set([0x20, 0x09, 0x0d]);

export interface Verdict {
  readonly status: Exclude<Outcome, 'abandoned'>;
  readonly lines: number;
  readonly rejectedTotal: number;
  readonly rejected: readonly KeptRejection[];
  /** Names the lines that quarantine set aside: another set has another name; null for none. */
  readonly parked: string | null;
  /** Where the log came, and when it was judged: what its keys may sign depends on that. */
  readonly circumstances: Circumstances;
  /** Null where this reading did not judge all lines: each is then verified again before it is written. */
  readonly signers: Signers | null;
  /** A record of every line, in order; null where that was too much to keep, or a line was refused. */
  readonly kept: readonly VerifiedRecord[] | null;
  readonly seal: Seal | null;
  /** Of a log that is large, for its archive; null where that has it already. */
  readonly tree: TreeIndex | null;
}

/** What is known of the lines before `next`. */
export interface Judged {
  readonly next: Place;
  readonly rejectedTotal: number;
  readonly rejected: readonly Rejection[];
  /** A hash over the place and code of each refusal; empty before the first. */
  readonly refusals: string;
  readonly isParkable: boolean;
  readonly isWhole: boolean;
  readonly circumstances: Circumstances;
  readonly signers: Signers | null;
  readonly kept: Verdict['kept'];
  readonly kids: readonly string[];
  readonly tree: LogTree;
  /** Of the bytes so far, from the second delivery on; null in the first, whose hash can't be saved. */
  readonly hash: HashState | null;
}

/** A {@link Judged} between two deliveries; `under` names what the judgement rests on. */
export interface JudgedBefore extends Omit<
  Judged,
  'isWhole' | 'circumstances' | 'signers' | 'kept' | 'tree'
> {
  readonly tree: TreeState;
  readonly under: string;
}

/** What {@link parseJudged} reads in the next delivery. */
export function formatJudged(judged: Judged, options: IngestOptions): string {
  const { next, rejectedTotal, rejected, refusals, isParkable, hash, kids, tree } = judged;
  const state: JudgedBefore = {
    next,
    rejectedTotal,
    rejected,
    refusals,
    isParkable,
    hash,
    kids,
    tree: tree.state(),
    under: restsOn(options, judged.circumstances.now),
  };
  return JSON.stringify(state);
}

/** Null where nothing was judged yet, or under other keys or limits, or before one of the keys was revoked. */
export function parseJudged(text: string | null, options: IngestOptions): JudgedBefore | null {
  if (text === null) return null;
  const state: unknown = JSON.parse(text);
  const under = restsOn(options, nowOf(options));
  return isJudgedBefore(state) && state.under === under ? state : null;
}

function nowOf({ clock = Date.now }: IngestOptions): number {
  return clock();
}

function isJudgedBefore(value: unknown): value is JudgedBefore {
  const next = memberOf(value, 'next');
  const rejected = memberOf(value, 'rejected');
  const [hash, kids] = [memberOf(value, 'hash'), memberOf(value, 'kids')];
  return (
    typeof memberOf(next, 'number') === 'number' &&
    typeof memberOf(next, 'offset') === 'number' &&
    typeof memberOf(value, 'rejectedTotal') === 'number' &&
    Array.isArray(rejected) &&
    rejected.every(isRejection) &&
    typeof memberOf(value, 'refusals') === 'string' &&
    typeof memberOf(value, 'isParkable') === 'boolean' &&
    (hash === null || isHashState(hash)) &&
    Array.isArray(kids) &&
    kids.every((kid) => typeof kid === 'string') &&
    isTreeState(memberOf(value, 'tree')) &&
    typeof memberOf(value, 'under') === 'string'
  );
}

function restsOn({ keys, onBadLine, maxLineBytes }: IngestOptions, now: number): string {
  const known = keys.map(({ kid, policy }) => {
    const said = createHash('sha256').update(JSON.stringify(policy)).digest('hex');
    return `${kid} ${said} ${isRevoked(policy, now) ? 'revoked' : ''}`;
  });
  return [onBadLine, maxLineBytes ?? 'default', ...known.sort()].join(' ');
}

/** Judges every line from `before` on, or as many as there is time for. */
export async function judge(
  object: StoredObject,
  options: Options,
  before: JudgedBefore | null,
  onGood: (verified: VerifiedRecord) => void = () => undefined,
): Promise<Judged> {
  let rejectedTotal = before?.rejectedTotal ?? 0;
  let isParkable = before?.isParkable ?? true;
  let refusals = before?.refusals ?? '';
  const rejected: Rejection[] = [...(before?.rejected ?? [])];
  const signers = new Signers();
  const tree = new LogTree(before?.tree);
  const keeping = new Kept(options.maxKeptBytes, object.bytes);
  const circumstances = { address: options.address ?? object.address, now: nowOf(options) };
  const hash = before === null ? undefined : await object.resumedHash(before.hash);
  const lines = new Lines(object, options, before?.next, hash);
  const isDone = (): boolean =>
    isSpent(rejectedTotal, options.onBadLine === 'reject' || !isParkable);
  await using thread = options.startThread?.();
  const begin = async (passage: Passage): Promise<void> => {
    if (thread !== undefined && !isDone()) await signers.ahead(passage, thread);
  };
  for await (const passage of ahead(lines, begin, thread === undefined ? 1 : PASSAGES_AHEAD)) {
    tree.add(passage.lines);
    if (isDone()) continue;
    for (const [line, result] of verifyLines(passage, '', options.keys, signers, circumstances)) {
      if (!isRefusal(result)) {
        onGood(result);
        keeping.add(result);
        continue;
      }
      rejectedTotal += 1;
      refusals = createHash('sha256')
        .update(`${refusals} ${line.number} ${result.code}`)
        .digest('hex');
      const explain = rejected.length < MAX_EXPLAINED;
      if (rejected.length < MAX_REJECTIONS)
        rejected.push(explain ? explained(line, result, options.keys) : result);
      isParkable &&= mayBeParked(line, result);
      if (isDone()) break;
    }
  }
  const { next, isCutShort } = lines;
  const judged = { next, rejectedTotal, rejected, refusals, isParkable, isWhole: !isCutShort };
  const kids = [...new Set([...(before?.kids ?? []), ...signers.kids])].sort();
  const proven = { kids, tree };
  const state = hash?.state() ?? null;
  const kept = keeping.take(next.number - 1);
  const mine = before === null ? signers : null;
  return { ...judged, ...proven, circumstances, signers: mine, kept, hash: state };
}

export function verdictOf(judged: Judged, { onBadLine }: IngestOptions): Verdict {
  const { next, rejectedTotal, rejected, refusals, isParkable } = judged;
  const { circumstances, signers, kept, kids } = judged;
  const lines = next.number - 1;
  const isPartial = onBadLine === 'quarantine' && isParkable && lines > rejectedTotal;
  const refused = isPartial ? 'partial' : 'rejected';
  const status = lines === 0 ? 'empty' : rejectedTotal === 0 ? 'accepted' : refused;
  const parked = status === 'partial' ? refusals : null;
  const seal = { root: judged.tree.root(), kids, custody: VERSION };
  const tree = next.offset > MAX_UNINDEXED_BYTES ? judged.tree.index() : null;
  const read = { circumstances, signers, kept, seal, tree };
  return { status, lines, rejectedTotal, rejected, parked, ...read };
}

/**
 * True for what quarantine sets aside. Never a line that whoever can write to the bucket could have
 * damaged to make one chosen record disappear (docs/envelope.md, E-20).
 */
export function mayBeParked({ bytes, terminated }: Line, { code }: Rejection): boolean {
  if (code.startsWith('RECORD_') || code === 'KEY_NOT_ALLOWED') return true;
  if (code !== 'LINE_NOT_JSON') return false;
  return !terminated || bytes?.every((byte) => BLANK.has(byte)) === true;
}

/** An object's lines, chunk by chunk, until the time is up. */
export class Lines implements AsyncIterable<Passage> {
  readonly #framer: PassageFramer;
  readonly #object: StoredObject;
  readonly #hash: LogHash | undefined;
  readonly #isTimeUp: () => boolean;
  readonly #maxLines: number | undefined;
  #isCutShort = false;

  /** `hash` takes in the bytes, where another delivery has read some of them. */
  constructor(
    object: StoredObject,
    { maxLineBytes, maxLines, isTimeUp }: Options,
    from?: Place,
    hash?: LogHash,
  ) {
    this.#object = object;
    this.#hash = hash;
    this.#maxLines = maxLines;
    this.#framer = new PassageFramer(maxLineBytes, from);
    // Without a name for the version nobody could go on with it.
    this.#isTimeUp = object.uri === null || isTimeUp === undefined ? () => false : isTimeUp;
  }

  /** Where the next line begins. */
  get next(): Place {
    return this.#framer.place;
  }

  /** The time was up before the object's end. */
  get isCutShort(): boolean {
    return this.#isCutShort;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Passage> {
    let isFirst = true;
    for await (const chunk of this.#object.read(this.#framer.place.offset, this.#hash)) {
      // Whatever the time, each reading gets on by a chunk.
      this.#isCutShort = !isFirst && this.#isTimeUp();
      if (this.#isCutShort) return;
      isFirst = false;
      const passage = this.#framer.push(chunk);
      withinLines(this.#framer.place.number - 1, this.#maxLines);
      yield passage;
    }
    const last = this.#framer.end();
    withinLines(this.#framer.place.number - 1, this.#maxLines);
    yield last;
  }
}
