import type { Circumstances } from './key-policy.ts';
import type { VerifyingKey } from './keys.ts';
import type { LineageRecord } from './lineage-record.ts';
import type { Line } from './lines.ts';
import type { Passage } from './passage.ts';
import { parseRecord } from './record.ts';
import { isRefusal, type Refusal, type Rejection } from './rejection.ts';
import type { Signers, VerifiedEnvelope } from './signers.ts';

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

/**
 * Each line's way from bytes to a verified record that its key may sign there and then, or to the first
 * reason against it. What `signers` has verified in an earlier reading costs no signature.
 */
export function* verifyLines(
  passage: Passage,
  log: string,
  keys: readonly VerifyingKey[],
  signers: Signers,
  circumstances: Circumstances,
): Generator<readonly [Line, VerifiedRecord | Rejection]> {
  for (const [line, envelope] of signers.verify(passage, keys)) {
    const result = recordOf(line, log, envelope);
    yield [line, isRefusal(result) ? result : allowed(result, keys, circumstances)];
  }
}

/** What a key may sign is asked last, of a record that nothing else is wrong with. */
function allowed(
  verified: VerifiedRecord,
  keys: readonly VerifyingKey[],
  circumstances: Circumstances,
): VerifiedRecord | Rejection {
  const key = keys.find(({ kid }) => kid === verified.kid);
  if (key === undefined) throw new Error('a signature was verified by a key that is not there');
  const detail = key.refusal(verified.record, circumstances);
  if (detail === null) return verified;
  return { line: verified.location.line, code: 'KEY_NOT_ALLOWED', detail };
}

function recordOf(
  { number, offset, length }: Line,
  log: string,
  envelope: VerifiedEnvelope | Refusal,
): VerifiedRecord | Rejection {
  if (isRefusal(envelope)) return { line: number, ...envelope };
  const record = parseRecord(envelope);
  if (isRefusal(record)) return { line: number, ...record };
  return { record, kid: envelope.kid, location: { log, line: number, offset, length } };
}
