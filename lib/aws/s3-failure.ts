import { PoisonObjectError, TransientError } from '../errors.ts';
import { membersOf } from '../members.ts';
import { credentialsMissing, failureCode } from './failure-code.ts';

/** Of HTTP; null where there was no answer. */
export function statusOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('$metadata' in error)) return null;
  const { httpStatusCode: status } = membersOf(error.$metadata);
  return typeof status === 'number' ? status : null;
}

/** Codes of S3 that no repetition changes: an object in an archive class, or one whose key KMS refuses. */
function isFinal(code: string, message: string): boolean {
  const isRefusedKey = code === 'AccessDenied' && message.includes('kms:');
  return code === 'InvalidObjectState' || code.startsWith('KMS.') || isRefusedKey;
}

const ARCHIVED = '; the object is archived, and has to be restored before it is dropped again';

/** What a failed request for an object means: {@link PoisonObjectError} where a repetition would not help. */
export function translate(error: unknown, address: string): Error {
  const missing = credentialsMissing(error);
  if (missing !== null) return missing;
  const status = statusOf(error);
  const code = failureCode(error);
  const message = error instanceof Error ? error.message : '';
  if (isFinal(code, message))
    return new PoisonObjectError(
      'OBJECT_UNREADABLE',
      `S3 refused: ${code}: ${message}${code === 'InvalidObjectState' ? ARCHIVED : ''}`,
      {
        cause: error,
      },
    );
  // 405 is what a version answers that is a delete marker.
  if (status === 404 || status === 405)
    return new PoisonObjectError('OBJECT_GONE', 'the object is not there any more', {
      cause: error,
    });
  if (status === 412)
    return new PoisonObjectError(
      'OBJECT_OVERWRITTEN',
      'the object was overwritten before it was read',
      {
        cause: error,
      },
    );
  if (status === 401 || status === 403)
    return new TransientError(
      'S3_REFUSED',
      `S3 refused to let ${address} be read (${code}): the role needs s3:GetObject, s3:GetObjectVersion and s3:ListBucket`,
      { cause: error },
    );
  return new TransientError(
    'S3_FAILED',
    `S3 failed while ${address} was read (${code}); it will be tried again`,
    {
      cause: error,
    },
  );
}
