import { createHmac, timingSafeEqual } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import * as z from 'zod';
import { RequestError } from './problem.ts';

/** Seals places in a list, so that one comes back as it went out, to the same route with the same filters, or not at all. */
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

const MAC_BYTES = 16;

/** `purpose` names the route and its filters. */
export function cursorsFor(key: string, purpose: string): Cursors {
  const mac = (packed: Buffer): Buffer =>
    createHmac('sha256', key).update(`${purpose}\0`).update(packed).digest().subarray(0, MAC_BYTES);
  return {
    seal(place) {
      // A place may hold two names of 2,048 bytes that JSON has to escape; the address of a request has room for 8 KB.
      const packed = deflateRawSync(JSON.stringify(place));
      return Buffer.concat([mac(packed), packed]).toString('base64url');
    },
    open(cursor, place) {
      if (cursor === undefined) return null;
      const bytes = Buffer.from(cursor, 'base64url');
      const packed = bytes.subarray(MAC_BYTES);
      const isOurs =
        bytes.length > MAC_BYTES &&
        bytes.toString('base64url') === cursor &&
        timingSafeEqual(bytes.subarray(0, MAC_BYTES), mac(packed));
      const opened = isOurs
        ? place.safeParse(JSON.parse(inflateRawSync(packed).toString('utf8')))
        : null;
      if (opened?.success !== true)
        throw new RequestError(
          'CURSOR_INVALID',
          'This cursor was not made for this question. Ask again without it.',
        );
      return opened.data;
    },
  };
}
