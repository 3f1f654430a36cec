import type { Problem } from '../tlog/note.ts';
import type { Policy } from '../tlog/policy.ts';
import { parseTlogProof, verifyTlogProof, type InLog } from '../tlog/tlog-proof.ts';
import { leafHash, verifyInclusion } from '../tlog/tree.ts';
import { openEnvelope } from '../trust/envelope.ts';
import { memberOf } from '../trust/json.ts';
import { readVerifyingKey, type VerifyingKey } from '../trust/keys.ts';
import type { LineageRecord } from '../trust/lineage-record.ts';
import { parseRecord } from '../trust/record.ts';
import { isRefusal } from '../trust/rejection.ts';
import { verifyEnvelope } from '../trust/signers.ts';
import { parseProof, type Asked, type Proof, type ProvenRecord } from './proof.ts';

/** What a receipt says of its log, as far as a proof needs it. */
export interface ProvenLog extends InLog {
  readonly object: string;
  readonly sha256: string;
  readonly lines: number;
  readonly root: Buffer;
}

/** A record that somebody signed, on a line of a log whose receipt is in the tlog. */
export interface CheckedRecord {
  readonly record: LineageRecord;
  readonly kid: string;
  readonly line: number;
  readonly log: ProvenLog;
  /** Null for the first: what was asked for. Else by which record it is named, and whether with its version. */
  readonly namedBy: { readonly record: number; readonly isExact: boolean } | null;
}

/** What a proof has proven: each statement was checked, none is taken from the file. */
export interface CheckedProof {
  readonly asked: Asked;
  readonly records: readonly CheckedRecord[];
}

/**
 * Checks a proof with nothing but itself and the policy, in the order of docs/proof.md: its spelling;
 * of each receipt its place in a tlog of the policy; of each record its key, its signature, its line in
 * the tree whose root the receipt names; that the first is what was asked for, and that each other is
 * named by one before it.
 */
export function verifyProof(bytes: Uint8Array, policy: Policy): CheckedProof | Problem {
  const proof = parseProof(bytes);
  if (proof === null) return { problem: 'this is no proof of Custody in its one spelling' };
  const logs: ProvenLog[] = [];
  for (const [nth, { receipt, tlogProof }] of proof.receipts.entries()) {
    const log = checkReceipt(receipt, tlogProof, policy);
    if ('problem' in log) return { problem: `receipt ${nth + 1}: ${log.problem}` };
    logs.push(log);
  }
  const keys = readKeys(proof);
  if ('problem' in keys) return keys;
  if (!isSpare(proof))
    return { problem: 'it holds something twice, or something that no record needs' };
  const records: CheckedRecord[] = [];
  for (const [nth, proven] of proof.records.entries()) {
    const checked = checkRecord(proven, keys, logs);
    if ('problem' in checked) return { problem: `record ${nth + 1}: ${checked.problem}` };
    const namedBy = nth === 0 ? null : whoNames(checked.record, records);
    if (namedBy === undefined)
      return { problem: `record ${nth + 1}: no record before it names what it asserts` };
    if (records.some(({ record: { digest } }) => digest === checked.record.digest))
      return { problem: `record ${nth + 1}: it is there twice` };
    records.push({ ...checked, namedBy });
  }
  const [first] = records;
  if (first === undefined || !isAsked(proof.asked, first.record))
    return { problem: 'the first record is not what was asked for' };
  return { asked: proof.asked, records };
}

function checkReceipt(receipt: string, tlogProof: string, policy: Policy): ProvenLog | Problem {
  const parsed = parseTlogProof(tlogProof);
  if ('problem' in parsed) return parsed;
  // Nobody would vouch for it.
  if (parsed.extra !== null) return { problem: 'its tlog-proof has extra data' };
  const inLog = verifyTlogProof(tlogProof, Buffer.from(receipt), policy);
  if ('problem' in inLog) return inLog;
  let value: unknown;
  try {
    value = JSON.parse(receipt);
  } catch {
    return { problem: 'the leaf is no receipt' };
  }
  const [status, root] = [memberOf(value, 'status'), memberOf(value, 'root')];
  const [object, sha256] = [memberOf(value, 'object'), memberOf(value, 'sha256')];
  const lines = memberOf(value, 'lines');
  const isReceipt = memberOf(value, 'type') === 'receipt' && typeof object === 'string';
  if (!isReceipt || !isHash(sha256) || !isHash(root) || !Number.isSafeInteger(lines))
    return { problem: 'the leaf is no receipt of a log that was read' };
  if (status !== 'accepted' && status !== 'partial')
    return { problem: 'the receipt is of a log that was not accepted' };
  return { ...inLog, object, sha256, lines: Number(lines), root: Buffer.from(root, 'hex') };
}

/** True where each key and each receipt is there once, and some record needs it: a proof of the same is then mostly the same. */
function isSpare({ records, keys, receipts }: Proof): boolean {
  const isEach = (needed: readonly unknown[], there: number): boolean =>
    new Set(needed).size === there;
  return (
    new Set(receipts.map(({ receipt }) => receipt)).size === receipts.length &&
    isEach(
      records.map(({ receipt }) => receipt),
      receipts.length,
    ) &&
    isEach(
      records.map(({ kid }) => kid),
      keys.length,
    )
  );
}

function readKeys({ keys }: Proof): readonly VerifyingKey[] | Problem {
  const read: VerifyingKey[] = [];
  for (const [nth, pem] of keys.entries()) {
    const key = readVerifyingKey(pem);
    if ('problem' in key) return { problem: `key ${nth + 1}: ${key.problem}` };
    if (key.pem !== pem)
      return { problem: `key ${nth + 1}: it is not spelled as OpenSSL writes it` };
    read.push(key);
  }
  return read;
}

function checkRecord(
  { envelope, kid, line, path, receipt }: ProvenRecord,
  keys: readonly VerifyingKey[],
  logs: readonly ProvenLog[],
): Omit<CheckedRecord, 'namedBy'> | Problem {
  const [log, key] = [logs[receipt], keys.find((known) => known.kid === kid)];
  if (log === undefined) return { problem: 'its receipt is not in the proof' };
  if (key === undefined) return { problem: 'its key is not in the proof' };
  const bytes = Buffer.from(envelope);
  const opened = openEnvelope(bytes);
  if (isRefusal(opened)) return { problem: opened.detail };
  const verified = verifyEnvelope(opened, [key]);
  if (isRefusal(verified)) return { problem: 'the signature does not hold' };
  const record = parseRecord(verified);
  if (isRefusal(record)) return { problem: record.detail };
  const proof = path.map((text) => Buffer.from(text, 'base64'));
  if (proof.some((hash, nth) => hash.toString('base64') !== path[nth]))
    return { problem: 'its path is not base64' };
  const place = { index: line - 1, size: log.lines, leaf: leafHash(bytes) };
  if (!verifyInclusion({ ...place, proof, root: log.root }))
    return { problem: 'the envelope is not on that line of the log' };
  return { record, kid, line, log };
}

/** Undefined where none does; of several the first. */
function whoNames(
  record: LineageRecord,
  before: readonly CheckedRecord[],
): CheckedRecord['namedBy'] | undefined {
  const nth = before.findIndex(({ record: of }) => isNamed(record, of));
  const by = before[nth]?.record;
  if (by === undefined) return undefined;
  return { record: nth, isExact: by.type !== 'inference' || by.commit !== null };
}

function isNamed(record: LineageRecord, by: LineageRecord): boolean {
  if (record.type === 'model') {
    if (by.type === 'model') return by.name === record.name && by.commit === record.commit;
    return (
      by.type === 'inference' &&
      by.modelName === record.name &&
      (by.commit === null || by.commit === record.commit)
    );
  }
  return record.type === 'dataset' && by.type === 'model' && by.datasetHashes.includes(record.hash);
}

function isAsked(asked: Asked, record: LineageRecord): boolean {
  if ('digest' in asked) return record.digest === asked.digest;
  if ('inference' in asked) return record.type === 'inference' && record.id === asked.inference;
  if ('dataset' in asked) return record.type === 'dataset' && record.hash === asked.dataset;
  return record.type === 'model' && record.name === asked.model && record.commit === asked.commit;
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}
