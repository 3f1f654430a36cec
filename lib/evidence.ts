import { createHash } from 'node:crypto';
import { hasCode, PoisonObjectError } from './errors.ts';
import type { ArchivedSigning } from './graph/signing.ts';
import type { StoredObject } from './object/stored.ts';
import { openEnvelope } from './trust/envelope.ts';
import type { VerifyingKey } from './trust/keys.ts';
import { isRefusal } from './trust/rejection.ts';
import { verifyEnvelope } from './trust/signers.ts';

/** What stands where a record's envelope is said to stand. */
export interface FoundEnvelope {
  /**
   * `verified`: the very record, and its signature holds now. `key-unknown`: the very record, of a key
   * that is not configured here. `differs`: something else. `gone`: nothing, the log is not there.
   * The last two mean that the archive itself was touched.
   */
  readonly status: 'verified' | 'key-unknown' | 'differs' | 'gone';
  /** The line, of the very record only. */
  readonly envelope: string | null;
  readonly key: { readonly kid: string; readonly pem: string } | null;
}

/**
 * Reads the envelope of a record's signing again and verifies it on the spot; rejects when the archive
 * fails, and with the reason of `signal` when that comes first.
 */
export type ReadEnvelope = (
  digest: string,
  signing: ArchivedSigning,
  signal?: AbortSignal,
) => Promise<FoundEnvelope>;

/** What evidence needs of the archive. */
export interface ArchivedLogs {
  /** Opens a log by the SHA-256 of its bytes as stored; null where it is not there. */
  open(sha256: string, version: string | null): Promise<StoredObject | null>;
}

export function envelopeReader(
  archive: ArchivedLogs,
  keys: () => Promise<readonly VerifyingKey[]>,
): ReadEnvelope {
  return async (digest, signing, signal) => {
    const bytes = await lineAt(archive, signing, signal);
    if (bytes === null) return { status: 'gone', envelope: null, key: null };
    const envelope = openEnvelope(bytes);
    if (isRefusal(envelope)) return { status: 'differs', envelope: null, key: null };
    const key = (await keys()).find(({ kid }) => kid === signing.kid);
    const verified = verifyEnvelope(envelope, key === undefined ? [] : [key]);
    const text = bytes.toString('utf8');
    if (!isRefusal(verified) && key !== undefined && verified.digest === digest)
      return { status: 'verified', envelope: text, key: { kid: key.kid, pem: key.pem } };
    const found = createHash('sha256').update(envelope.signedData, 'utf8').digest('hex');
    if (key === undefined && found === digest)
      return { status: 'key-unknown', envelope: text, key: null };
    return { status: 'differs', envelope: null, key: null };
  };
}

/** The bytes of an archived line; null where they are not there. Rejects with the reason of `signal` when that comes first. */
export async function lineAt(
  archive: ArchivedLogs,
  { log, version, offset, length }: Pick<ArchivedSigning, 'log' | 'version' | 'offset' | 'length'>,
  signal?: AbortSignal,
): Promise<Buffer | null> {
  const parts: Uint8Array[] = [];
  let left = length;
  try {
    const object = await archive.open(log, version);
    if (object === null) return null;
    for await (const chunk of object.read(offset, undefined, signal)) {
      signal?.throwIfAborted();
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
