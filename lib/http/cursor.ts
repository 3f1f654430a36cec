import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import * as z from 'zod';
import { RequestError } from './problem.ts';

/**
 * Seals places in a list, so that nobody reads one, and one comes back as it went out, to the same
 * route with the same filters, or not at all.
 */
export interface Cursors {
  seal(place: unknown): string;
  /**
   * The place that a cursor seals; null without one. {@link RequestError} for everything that `seal`
   * did not make, and for a place that another release sealed in another form.
   */
  open<Place>(cursor: string | undefined, place: z.ZodType<Place>): Place | null;
}

/** A place in a list of inferences. */
export const inferencePlace = z.object({ at: z.string(), digest: z.string() });

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** `purpose` names the route and its filters. */
export function cursorsFor(key: string, purpose: string): Cursors {
  // A key for each question: what was sealed for another one does not open.
  const own = createHmac('sha256', key).update(purpose).digest();
  return {
    seal(place) {
      // A place may hold two names of 2,048 bytes that JSON has to escape; the address of a request has room for 8 KB.
      const packed = deflateRawSync(JSON.stringify(place));
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, own, nonce, { authTagLength: TAG_BYTES });
      const sealed = Buffer.concat([cipher.update(packed), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
    },
    open(cursor, place) {
      if (cursor === undefined) return null;
      const packed = unseal(own, cursor);
      const opened = packed && place.safeParse(JSON.parse(inflateRawSync(packed).toString('utf8')));
      if (opened?.success !== true)
        throw new RequestError(
          'CURSOR_INVALID',
          'This cursor was not made for this question. Ask again without it.',
        );
      return opened.data;
    },
  };
}

/** Null for what was not sealed with that key, or stands there in another spelling. */
function unseal(key: Buffer, cursor: string): Buffer | null {
  const bytes = Buffer.from(cursor, 'base64url');
  const start = NONCE_BYTES + TAG_BYTES;
  if (bytes.length <= start || bytes.toString('base64url') !== cursor) return null;
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, start));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(start)), decipher.final()]);
  } catch {
    // The only error of these two: the tag is another one.
    return null;
  }
}
