import * as z from 'zod';

export const count = z.number().int().nonnegative();

export const instant = z.string().describe('RFC 3339, UTC, to the nanosecond');

/** Whatever was signed there: of what kind it is, nobody has promised. */
export const signedJson = z
  .unknown()
  .describe('The signed text where that is JSON, else {"text":"…"}');
