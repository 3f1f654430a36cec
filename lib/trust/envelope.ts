import { whyNoObject, whyNotBase64, whyNotJson, whyNotUtf8 } from './explain-text.ts';
import { memberOf, scanObject } from './json.ts';
import { MAX_LINE_BYTES, type Line } from './lines.ts';
import type { Refusal } from './rejection.ts';

/** The one version of envelope and record that is read. */
export const SCHEMA_VERSION = '1.1';

/** An envelope of the right shape; nothing in it is trusted yet. */
export interface Envelope {
  readonly signedData: string;
  readonly signature: Uint8Array;
}

const MEMBERS = ['schema_version', 'signed_data', 'signature'];

// A byte order mark is no white space of JSON: keep it, so that it is refused.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads a line's bytes as an envelope, or says why they are none, in the order of docs/envelope.md, E-2 and E-3. */
export function openEnvelope(bytes: Line['bytes']): Envelope | Refusal {
  if (bytes === null)
    return {
      code: 'LINE_TOO_LONG',
      detail: `the line is longer than the limit (${MAX_LINE_BYTES} bytes unless configured)`,
    };
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return { code: 'LINE_NOT_UTF8', detail: `the line ${whyNotUtf8(bytes)}` };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message would quote the line.
    return { code: 'LINE_NOT_JSON', detail: `the line ${whyNotJson(text)}` };
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    return invalid(`the line ${whyNoObject(text)}`);
  // Duplicates alone hide from the parsed value: look at what the text has.
  const members = scanObject(text);
  if (Array.isArray(members) && new Set(members.map(({ name }) => name)).size !== members.length)
    return invalid('a member of the envelope occurs twice');
  const version = memberOf(value, 'schema_version');
  if (typeof version !== 'string') return invalid('schema_version is missing or not a string');
  if (version !== SCHEMA_VERSION)
    return {
      code: 'SCHEMA_VERSION_UNSUPPORTED',
      detail: `the envelope's schema_version is not "${SCHEMA_VERSION}"`,
    };
  const signedData = memberOf(value, 'signed_data');
  const signature = memberOf(value, 'signature');
  if (typeof signedData !== 'string') return invalid('signed_data is missing or not a string');
  if (typeof signature !== 'string') return invalid('signature is missing or not a string');
  // Too deep to scan means a member that is no string, which none of the three is.
  if (!Array.isArray(members) || members.length !== MEMBERS.length)
    return invalid('the envelope has a member besides schema_version, signed_data and signature');
  // Encoding would fold it into U+FFFD, and the signature would hold for another text.
  if (!signedData.isWellFormed()) return invalid('signed_data has a lone surrogate');
  // Node's decoder also takes url-safe, unpadded and broken base64: only what encodes back is canonical.
  const decoded = Buffer.from(signature, 'base64');
  if (decoded.toString('base64') !== signature)
    return { code: 'SIGNATURE_INVALID', detail: `the signature ${whyNotBase64(signature)}` };
  return { signedData, signature: decoded };
}

function invalid(detail: string): Refusal {
  return { code: 'ENVELOPE_INVALID', detail };
}
