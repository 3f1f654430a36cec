import { openEnvelope, type Envelope } from './envelope.ts';
import type { VerifyingKey } from './keys.ts';
import { MAX_LINE_BYTES, type Line } from './lines.ts';
import { parseRecord, type LineageRecord } from './record.ts';
import { isRefusal, type Refusal, type Rejection } from './rejection.ts';
import { recallEnvelope, verifyEnvelope, type VerifiedEnvelope } from './signature.ts';

/** Where a record's envelope can be read again. */
export interface Location {
  /** Lower-case hex SHA-256 of the log's bytes as stored. */
  readonly log: string;
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
  log: string,
  keys: readonly VerifyingKey[],
): VerifiedRecord | Rejection {
  return readLine(line, log, (envelope) => verifyEnvelope(envelope, keys));
}

/**
 * The record of a line that {@link verifyLine} has accepted with this key. The caller has proven that
 * the line's bytes are the same ones still.
 */
export function recallLine(line: Line, log: string, kid: string): VerifiedRecord | Rejection {
  return readLine(line, log, (envelope) => recallEnvelope(envelope, kid));
}

type Verify = (envelope: Envelope) => VerifiedEnvelope | Refusal;

function readLine(line: Line, log: string, verify: Verify): VerifiedRecord | Rejection {
  const result = readBytes(line.bytes, verify);
  if (isRefusal(result)) return { line: line.number, ...result };
  const { number, offset, length } = line;
  return { ...result, location: { log, line: number, offset, length } };
}

function readBytes(
  bytes: Uint8Array | null,
  verify: Verify,
): Omit<VerifiedRecord, 'location'> | Refusal {
  if (bytes === null)
    return {
      code: 'LINE_TOO_LONG',
      detail: `the line is longer than the limit (${MAX_LINE_BYTES} bytes unless configured)`,
    };
  const envelope = openEnvelope(bytes);
  if (isRefusal(envelope)) return envelope;
  const verified = verify(envelope);
  if (isRefusal(verified)) return verified;
  const record = parseRecord(verified);
  if (isRefusal(record)) return record;
  return { record, kid: verified.kid };
}
