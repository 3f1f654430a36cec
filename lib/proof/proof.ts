import { memberOf } from '../trust/json.ts';

/** What a proof was asked for; its first record is that. */
export type Asked =
  | { readonly inference: string }
  | { readonly dataset: string }
  | { readonly model: string; readonly commit: string }
  | { readonly digest: string };

/** One envelope, and its place in the tree over its log's lines. */
export interface ProvenRecord {
  /** The line as it stands in the log, without CR and LF. */
  readonly envelope: string;
  /** Of the key that signed it. */
  readonly kid: string;
  /** From 1. */
  readonly line: number;
  /** From the line's sibling up, base64 (RFC 6962, 2.1.1). */
  readonly path: readonly string[];
  /** The place of its log's receipt in {@link Proof.receipts}, from 0. */
  readonly receipt: number;
}

/** A receipt, to the byte, and that it is a leaf of the tlog. */
export interface ProvenReceipt {
  readonly receipt: string;
  /** The text of a c2sp.org/tlog-proof. */
  readonly tlogProof: string;
}

/** All that it takes to check a record, and what it rests on, without asking anybody (docs/proof.md). */
export interface Proof {
  readonly format: typeof FORMAT;
  readonly asked: Asked;
  /** What was asked for first; each other is named by one before it. */
  readonly records: readonly ProvenRecord[];
  /** Public keys, PEM. */
  readonly keys: readonly string[];
  readonly receipts: readonly ProvenReceipt[];
}

const FORMAT = 'custody-proof/1';

/** A proof of ten thousand datasets takes some 30 MB. */
const MAX_PROOF_BYTES = 64 * 1024 ** 2;

export function proofOf(of: Omit<Proof, 'format'>): Proof {
  const { asked, records, keys, receipts } = of;
  return {
    format: FORMAT,
    asked: askedOf(asked),
    records: records.map(({ envelope, kid, line, path, receipt }) => ({
      envelope,
      kid,
      line,
      path,
      receipt,
    })),
    keys,
    receipts: receipts.map(({ receipt, tlogProof }) => ({ receipt, tlogProof })),
  };
}

/** The one spelling of a proof: what else might be read in two ways is none. */
export function spellProof(proof: Proof): string {
  return `${JSON.stringify(proof)}\n`;
}

/** Null for bytes that are not a proof in its one spelling. */
export function parseProof(bytes: Uint8Array): Proof | null {
  if (bytes.length > MAX_PROOF_BYTES) return null;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isProof(value)) return null;
  const proof = proofOf(value);
  const spelled = spellProof(proof);
  return spelled.isWellFormed() && Buffer.from(spelled).equals(bytes) ? proof : null;
}

function isProof(value: unknown): value is Proof {
  const [records, receipts] = [memberOf(value, 'records'), memberOf(value, 'receipts')];
  return (
    memberOf(value, 'format') === FORMAT &&
    isAsked(memberOf(value, 'asked')) &&
    isListOf(isProvenRecord)(records) &&
    isListOf(isText)(memberOf(value, 'keys')) &&
    isListOf(isProvenReceipt)(receipts)
  );
}

function isAsked(value: unknown): value is Asked {
  const has = (name: string): boolean => isText(memberOf(value, name));
  return has('inference') || has('dataset') || (has('model') && has('commit')) || has('digest');
}

/** Its own members alone, in their order. */
function askedOf(asked: Asked): Asked {
  if ('inference' in asked) return { inference: asked.inference };
  if ('dataset' in asked) return { dataset: asked.dataset };
  if ('digest' in asked) return { digest: asked.digest };
  return { model: asked.model, commit: asked.commit };
}

function isProvenRecord(value: unknown): value is ProvenRecord {
  return (
    isText(memberOf(value, 'envelope')) &&
    isText(memberOf(value, 'kid')) &&
    isPlace(memberOf(value, 'line')) &&
    isListOf(isText)(memberOf(value, 'path')) &&
    isPlace(memberOf(value, 'receipt'))
  );
}

function isProvenReceipt(value: unknown): value is ProvenReceipt {
  return isText(memberOf(value, 'receipt')) && isText(memberOf(value, 'tlogProof'));
}

function isListOf<T>(isOne: (value: unknown) => value is T): (value: unknown) => value is T[] {
  return (value): value is T[] => Array.isArray(value) && value.every(isOne);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isPlace(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
