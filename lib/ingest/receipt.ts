import { PoisonObjectError } from '../errors.ts';
import { isLeast, withheldOf, type KeptRejection } from '../graph/source-object.ts';
import type { Known, Seal, SourceObject, Totals } from '../graph/write/object-progress.ts';
import type { Identity } from '../object/stored.ts';
import { VERSION } from '../version.ts';
import type { Outcome, Verdict } from './judge.ts';

/** What became of an object and of each of its lines: lines = accepted + duplicate + rejectedTotal + withheld. */
export interface Receipt {
  readonly object: string;
  readonly status: Outcome;
  readonly lines: number;
  readonly accepted: number;
  readonly duplicate: number;
  /** {@link withheldOf} */
  readonly withheld: number;
  readonly rejectedTotal: number;
  /** There where more lines may be refused ({@link isLeast}): those that were not judged are withheld. */
  readonly rejectedAtLeast?: true;
  /** The first hundred. */
  readonly rejected: readonly KeptRejection[];
  /** Null where the object could not be read to its end. */
  readonly bytes: number | null;
  readonly sha256: string | null;
  /** Of the RFC 6962 tree over its lines, lower-case hex (docs/proof.md); null where none was made. */
  readonly root: string | null;
  /** Of the keys whose signature held on one of its lines, sorted. */
  readonly kids: readonly string[];
  /** The version of Custody that judged it. */
  readonly custody: string;
  /** Why nothing of the object could be read, where that is so. */
  readonly problem?: string;
  /** There with `problem`. */
  readonly problemCode?: string;
}

/** The name of the receipt of an object's first, second … outcome, behind what all of them begin with. */
export function receiptName(base: string, outcome: number): string {
  return `${base}${outcome === 1 ? '' : `.${outcome}`}.json`;
}

/** True for what {@link receiptName} makes. */
export function isReceiptName(name: string, base: string): boolean {
  return name.startsWith(base) && /^(?:\.\d+)?\.json$/.test(name.slice(base.length));
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
export function receiptOfUnreadable(
  uri: string,
  bytes: number | null,
  why: PoisonObjectError,
): Receipt {
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
    ...sealed(null),
    problem: why.message,
    problemCode: why.code,
  };
}

/** Of an object whose lines are all in the graph: the same, however often it is delivered. */
export function receiptOfDone(object: SourceObject, { accepted, duplicate }: Totals): Receipt {
  const { uri, lines, rejected: rejectedTotal, rejections, bytes, sha256, seal } = object;
  const status = rejectedTotal === 0 ? 'accepted' : 'partial';
  const counts = { lines, accepted, duplicate, withheld: 0, rejectedTotal };
  return {
    object: uri,
    status,
    ...counts,
    rejected: rejections,
    bytes,
    sha256,
    ...sealed(seal),
  };
}

/** Of an object that could not be finished: what is in the graph of it stays. */
export function receiptOfAbandoned(
  uri: string,
  { object, accepted, duplicate, problem, problemCode }: Known,
): Receipt {
  const { lines = 0, rejected: rejectedTotal = 0, rejections = [] } = object ?? {};
  return {
    object: uri,
    status: 'abandoned',
    lines,
    accepted,
    duplicate,
    withheld: withheldOf({
      status: 'abandoned',
      lines,
      accepted,
      duplicate,
      rejected: rejectedTotal,
    }),
    rejectedTotal,
    rejected: rejections,
    bytes: object?.bytes ?? null,
    sha256: object?.sha256 ?? null,
    ...sealed(object?.seal ?? null),
    ...(problem === null ? {} : { problem }),
    ...(problemCode === null ? {} : { problemCode }),
  };
}

/** Of an object that was judged; throws where its lines are not all accounted for. */
export function receiptOf(
  { uri, bytes, sha256 }: Omit<Identity, 'parts'>,
  verdict: Verdict,
  totals: Totals,
): Receipt {
  const { status, lines, rejectedTotal, rejected, seal } = verdict;
  const { accepted, duplicate } = totals;
  const withheld = withheldOf({ status, lines, accepted, duplicate, rejected: rejectedTotal });
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
    ...(isLeast({ status, lines, rejected: rejectedTotal }) ? { rejectedAtLeast: true } : {}),
    rejected,
    bytes,
    sha256,
    ...sealed(seal),
  };
}

/** What nobody judged, or a release that kept no seal, has this one's version alone. */
function sealed(seal: Seal | null): Seal | Pick<Receipt, 'root' | 'kids' | 'custody'> {
  return seal ?? { root: null, kids: [], custody: VERSION };
}

/** Of a receipt's bytes: a leaf of the tlog has a length of two bytes before it (C2SP tlog-tiles). */
const MAX_RECEIPT_BYTES = 65_535;

/**
 * The bytes of a receipt: JSON in one spelling, which are kept, hashed and made a leaf of the tlog.
 * One that would be longer than a leaf may be has fewer of its rejections, from the end.
 */
export function spellReceipt(receipt: Receipt): string {
  let rejected = receipt.rejected;
  for (;;) {
    const text = JSON.stringify(inOrder({ ...receipt, rejected }));
    if (Buffer.byteLength(text) <= MAX_RECEIPT_BYTES || rejected.length === 0) return text;
    rejected = rejected.slice(0, -1);
  }
}

function inOrder({ object, status, ...rest }: Receipt): object {
  const { lines, accepted, duplicate, withheld, rejectedTotal, rejectedAtLeast } = rest;
  const { rejected, bytes, sha256, root, kids, custody, problem, problemCode } = rest;
  const counts = { lines, accepted, duplicate, withheld, rejectedTotal, rejectedAtLeast };
  const refusals = rejected.map(({ line, code, detail }) => ({ line, code, detail }));
  const content = { rejected: refusals, bytes, sha256, root, kids, custody, problem, problemCode };
  // Members that are undefined are left out.
  return { type: 'receipt', object, status, ...counts, ...content };
}
