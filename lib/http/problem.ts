import { ConfigError, OutOfTimeError, TransientError } from '../errors.ts';
import { FAILURES } from '../failures.ts';
import { json, type Answer } from './answer.ts';

/** What a caller can get wrong. */
export type RequestCode =
  | 'PARAMETER_UNKNOWN'
  | 'PARAMETER_REPEATED'
  | 'PARAMETER_INVALID'
  | 'CURSOR_INVALID'
  | 'FORBIDDEN'
  | 'HOST_REFUSED'
  | 'ROUTE_UNKNOWN'
  | 'METHOD_NOT_ALLOWED'
  | 'NOT_FOUND';

const REQUEST_ERRORS = {
  PARAMETER_UNKNOWN: { status: 400, title: 'Unknown parameter' },
  PARAMETER_REPEATED: { status: 400, title: 'Parameter given more than once' },
  PARAMETER_INVALID: { status: 400, title: 'Invalid parameter' },
  CURSOR_INVALID: { status: 400, title: 'Invalid cursor' },
  FORBIDDEN: { status: 403, title: 'Not allowed' },
  HOST_REFUSED: { status: 403, title: 'Host refused' },
  ROUTE_UNKNOWN: { status: 404, title: 'No such route' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  NOT_FOUND: { status: 404, title: 'Not found' },
} as const satisfies Record<RequestCode, { status: number; title: string }>;

const TITLES = {
  ...FAILURES.OutOfTimeError,
  ...FAILURES.TransientError,
  ...FAILURES.ConfigError,
} as const;

/** What keeps an answer away for a while: no question ends in what only commands and writers meet. */
const UNAVAILABLE = [
  'TIME_BUDGET',
  'DATABASE_UNREACHABLE',
  'DATABASE_BUSY',
  'DATABASE_LOGIN_LOCKED',
  'DATABASE_LOGIN_REFUSED',
  'DATABASE_SETTINGS_INVALID',
  'SECRET_UNREADABLE',
  'SCHEMA_MISSING',
  'SCHEMA_OTHER',
  'KEYS_UNUSABLE',
  'KMS_FAILED',
  'TLOG_FAILED',
  'TLOG_DAMAGED',
  'S3_FAILED',
  'S3_REFUSED',
  'OBJECT_CHANGED',
  'AWS_CREDENTIALS_MISSING',
] as const satisfies readonly (keyof typeof TITLES)[];

/** Every `code` that a problem document may have. */
export const PROBLEM_CODES: readonly string[] = [
  ...Object.keys(REQUEST_ERRORS),
  ...UNAVAILABLE,
  'INTERNAL',
];

/** The caller can mend it; the message is for the caller. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: RequestCode;

  constructor(code: RequestCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** RFC 9457. Of what is not the caller's doing it tells what happened, nothing of the inside; the log has the rest. */
export function problem(error: unknown, requestId: string): Answer {
  const { status, title, code, detail } = describe(error);
  const document = { type: 'about:blank', title, status, detail, code, requestId };
  const more: Record<number, Record<string, string>> = {
    405: { allow: 'GET' },
    503: { 'retry-after': '5' },
  };
  return json(status, document, { 'content-type': 'application/problem+json', ...more[status] });
}

interface Described {
  readonly status: number;
  readonly title: string;
  readonly code: string;
  readonly detail: string;
}

function describe(error: unknown): Described {
  if (error instanceof RequestError)
    return { ...REQUEST_ERRORS[error.code], code: error.code, detail: error.message };
  if (error instanceof OutOfTimeError)
    return unavailable(error, 'Ask for a smaller limit or a narrower filter.');
  if (error instanceof TransientError)
    return unavailable(error, 'Try again; if it lasts, tell the operator the requestId.');
  if (error instanceof ConfigError)
    return unavailable(error, 'It lasts until the operator mends it: tell them the requestId.');
  return INTERNAL;
}

const INTERNAL: Described = {
  status: 500,
  title: 'Internal error',
  code: 'INTERNAL',
  detail: 'Something is wrong here. Tell the operator the requestId.',
};

function unavailable(
  { code }: OutOfTimeError | TransientError | ConfigError,
  advice: string,
): Described {
  if (!UNAVAILABLE.some((known) => known === code)) return INTERNAL;
  const title = TITLES[code];
  return { status: 503, title, code, detail: `${title}. ${advice}` };
}
