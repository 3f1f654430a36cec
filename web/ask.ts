/** What kept an answer away, and what whoever asked can do. */
export class AskError extends Error {
  override readonly name = 'AskError';
  readonly kind:
    | 'offline'
    | 'no-database'
    | 'too-long'
    | 'limited'
    | 'unavailable'
    | 'not-found'
    | 'forbidden'
    | 'refused'
    | 'broken';
  readonly requestId: string | null;

  constructor(kind: AskError['kind'], message: string, requestId: string | null = null) {
    super(message);
    this.kind = kind;
    this.requestId = requestId;
  }
}

const PATIENCE_MS = 20_000;

/** A number that JavaScript would write otherwise than it was signed, as 1e400 or 12345678901234567890. */
class Numeral {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** Where the API lets in only who holds a token; it lives as long as the tab shows this page. */
let token = '';

export function useToken(text: string): void {
  token = text.trim();
}

export async function ask<Answer>(
  path: string,
  parameters: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<Answer> {
  const text = await askText(path, parameters, 'application/json', signal);
  return JSON.parse(text, asWritten) as Answer;
}

export async function askText(
  path: string,
  parameters: Readonly<Record<string, string>>,
  accept: string,
  signal?: AbortSignal,
): Promise<string> {
  const query = new URLSearchParams(parameters).toString();
  const limit = AbortSignal.timeout(PATIENCE_MS);
  let response: Response;
  let text: string;
  try {
    response = await fetch(query === '' ? path : `${path}?${query}`, {
      headers: { accept, ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new AskError('offline', 'The server does not answer.');
  }
  if (!response.ok) throw problemOf(response.status, text);
  return text;
}

/** Chromium hands a reviver what stood there; without it the number is the next best. */
function asWritten(_: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  return typeof value === 'number' && source !== undefined && source !== String(value)
    ? new Numeral(source)
    : value;
}

/** By the problem’s code, where that says more than its status. */
const KINDS: Readonly<Record<string, AskError['kind']>> = {
  DATABASE_UNREACHABLE: 'no-database',
  TIME_BUDGET: 'too-long',
};

/** What kept an answer away, as the server or a gateway before it tells. */
export function problemOf(status: number, text: string): AskError {
  let code: unknown;
  let detail: unknown;
  let requestId: unknown;
  try {
    ({ code, detail, requestId } = JSON.parse(text) as Readonly<Record<string, unknown>>);
  } catch {
    // A gateway’s own page: the status has to do.
  }
  const message = typeof detail === 'string' ? detail : `The server answered with ${status}.`;
  const id = typeof requestId === 'string' ? requestId : null;
  if (status === 404) return new AskError('not-found', message, id);
  if (status === 401 || status === 403) return new AskError('forbidden', message, id);
  if (status === 429) return new AskError('limited', message, id);
  if (status === 504) return new AskError('too-long', message, id);
  if (status === 502 || status === 503) {
    const kind = typeof code === 'string' ? KINDS[code] : undefined;
    return new AskError(kind ?? 'unavailable', message, id);
  }
  return new AskError(status < 500 ? 'refused' : 'broken', message, id);
}

/** JSON to read, its numbers as they were written. */
export function pretty(value: unknown, indent = ''): string {
  if (value instanceof Numeral) return value.source;
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    const items = value.map((item: unknown) => `${deeper}${pretty(item, deeper)}`);
    return `[\n${items.join(',\n')}\n${indent}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value);
    if (members.length === 0) return '{}';
    const told = members.map(
      ([name, of]) => `${deeper}${JSON.stringify(name)}: ${pretty(of, deeper)}`,
    );
    return `{\n${told.join(',\n')}\n${indent}}`;
  }
  return JSON.stringify(value) ?? '';
}
