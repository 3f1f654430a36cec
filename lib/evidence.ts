import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { hasCode, PoisonObjectError } from './errors.ts';
import type { Evidence } from './graph/place.ts';
import { storedFile } from './object/file.ts';
import { s3Name, type S3Name } from './object/s3-name.ts';
import type { StoredObject } from './object/stored.ts';
import { openEnvelope } from './trust/envelope.ts';
import type { VerifyingKey } from './trust/keys.ts';
import { isRefusal } from './trust/rejection.ts';
import { verifyEnvelope } from './trust/signers.ts';

/** What stands where a record's envelope is said to stand. */
export interface FoundEnvelope {
  /**
   * `verified`: the very record, and its signature holds now. `key-unknown`: the very record, of a key
   * that is not configured here. `differs`: something else. `gone`: nothing, the object is not there.
   */
  readonly status: 'verified' | 'key-unknown' | 'differs' | 'gone';
  /** The line, of the very record only. */
  readonly envelope: string | null;
  readonly key: { readonly kid: string; readonly pem: string } | null;
}

/** Reads the envelope again and verifies it on the spot; rejects when the store fails. */
export type ReadEnvelope = (evidence: Evidence) => Promise<FoundEnvelope>;

/** Opens the version that a URI names; null for a URI that nothing here can open. */
export type OpenUri = (uri: string) => Promise<StoredObject | null>;

export function envelopeReader(
  open: OpenUri,
  keys: () => Promise<readonly VerifyingKey[]>,
): ReadEnvelope {
  return async (evidence) => {
    const bytes = await lineAt(open, evidence);
    if (bytes === null) return { status: 'gone', envelope: null, key: null };
    const envelope = openEnvelope(bytes);
    if (isRefusal(envelope)) return { status: 'differs', envelope: null, key: null };
    const key = (await keys()).find(({ kid }) => kid === evidence.kid);
    const verified = verifyEnvelope(envelope, key === undefined ? [] : [key]);
    const text = bytes.toString('utf8');
    if (!isRefusal(verified) && key !== undefined && verified.digest === evidence.digest)
      return { status: 'verified', envelope: text, key: { kid: key.kid, pem: key.pem } };
    const digest = createHash('sha256').update(envelope.signedData, 'utf8').digest('hex');
    const isSame = digest === evidence.digest;
    if (key === undefined && isSame) return { status: 'key-unknown', envelope: text, key: null };
    return { status: 'differs', envelope: null, key: null };
  };
}

/** Local files, and objects of S3 by `openS3`, where that is given. */
export function uriOpener(openS3: ((name: S3Name) => Promise<StoredObject>) | null): OpenUri {
  return async (uri) => {
    if (uri.startsWith('file:')) {
      const path = fileURLToPath(uri.split('?')[0] ?? uri);
      // What was piped in is gone, and a pipe of that name now would be waited for.
      const found = await stat(path).catch(() => null);
      return found?.isFile() === true ? storedFile(path) : null;
    }
    const name = s3Name(uri);
    if (name === null || openS3 === null) return null;
    const object = await openS3(name);
    // Without versions the address may hold another object by now.
    return object.uri === uri ? object : null;
  };
}

/** Null when it is not there. */
async function lineAt(open: OpenUri, { source, offset, length }: Evidence): Promise<Buffer | null> {
  const parts: Uint8Array[] = [];
  let left = length;
  try {
    const object = await open(source);
    if (object === null) return null;
    for await (const chunk of object.read(offset)) {
      parts.push(chunk.subarray(0, left));
      left -= Math.min(left, chunk.length);
      if (left === 0) return Buffer.concat(parts);
    }
    return null;
  } catch (error) {
    if (error instanceof PoisonObjectError || hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}
