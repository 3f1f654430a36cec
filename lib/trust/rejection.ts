import { memberOf } from './json.ts';

/** Every reason a line can be refused for; the list is closed (docs/envelope.md, section 5). */
export const REJECTION_CODES = [
  'LINE_TOO_LONG',
  'LINE_NOT_UTF8',
  'LINE_NOT_JSON',
  'ENVELOPE_INVALID',
  'SCHEMA_VERSION_UNSUPPORTED',
  'SIGNATURE_INVALID',
  'RECORD_NOT_JSON',
  'RECORD_TYPE_UNKNOWN',
  'RECORD_FIELD_INVALID',
  'KEY_NOT_ALLOWED',
] as const;

export type RejectionCode = (typeof REJECTION_CODES)[number];

/** Why bytes were refused, before it is known on which line they stood. */
export interface Refusal {
  readonly code: RejectionCode;
  /** One sentence for whoever wrote the log; never any of the line's content. */
  readonly detail: string;
}

/** A refused line: bad data is a value, never an exception. */
export interface Rejection extends Refusal {
  /** From 1. */
  readonly line: number;
}

/** True for what a {@link Rejection} became as JSON. */
export function isRejection(value: unknown): value is Rejection {
  return (
    typeof memberOf(value, 'line') === 'number' &&
    REJECTION_CODES.some((code) => code === memberOf(value, 'code')) &&
    typeof memberOf(value, 'detail') === 'string'
  );
}

/** True for a refusal, false for what was made of good bytes. */
export function isRefusal(value: object): value is Refusal {
  return 'code' in value && 'detail' in value;
}
