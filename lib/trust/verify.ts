import { openEnvelope } from './envelope.ts';
import type { VerifyingKey } from './keys.ts';
import { MAX_LINE_BYTES, type Line } from './lines.ts';
import { parseRecord, type LineageRecord } from './record.ts';
import { isRefusal, type Refusal, type Rejection } from './rejection.ts';
import { verifyEnvelope } from './signature.ts';

/** Where a record's envelope can be read again. */
export interface Location {
  /** URI of the object, its version included. */
  readonly source: string;
  readonly line: number;
  readonly offset: number;
  readonly length: number;
}

/** A record whose signature holds. */
export interface VerifiedRecord {
  readonly record: LineageRecord;
  readonly kid: string;
  readonly location: Location;
}

/** One line's way from bytes to a verified record, or to the first reason against it. */
export function verifyLine(
  line: Line,
  source: string,
  keys: readonly VerifyingKey[],
): VerifiedRecord | Rejection {
  const result = verifyBytes(line.bytes, keys);
  if (isRefusal(result)) return { line: line.number, ...result };
  const { number, offset, length } = line;
  return { ...result, location: { source, line: number, offset, length } };
}

function verifyBytes(
  bytes: Uint8Array | null,
  keys: readonly VerifyingKey[],
): Omit<VerifiedRecord, 'location'> | Refusal {
  if (bytes === null)
    return {
      code: 'LINE_TOO_LONG',
      detail: `the line is longer than the limit (${MAX_LINE_BYTES} bytes unless configured)`,
    };
  const envelope = openEnvelope(bytes);
  if (isRefusal(envelope)) return envelope;
  const verified = verifyEnvelope(envelope, keys);
  if (isRefusal(verified)) return verified;
  const record = parseRecord(verified);
  if (isRefusal(record)) return record;
  return { record, kid: verified.kid };
}
