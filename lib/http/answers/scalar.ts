import * as z from 'zod';

export const count = z.number().int().nonnegative();

export const instant = z.string().describe('RFC 3339, UTC, to the nanosecond');

export const recorded = z
  .boolean()
  .describe('False where records refer to it, and none describes it');

export const contents = z
  .object({
    count,
    digests: z
      .array(z.string())
      .optional()
      .describe(
        'A record of each, for /v1/evidence, at most ten; of an inference it takes the permission payload:read',
      ),
  })
  .nullable()
  .describe(
    'Where records say different things of it, how many; the rest of the answer is what the latest says. Null where all say the same',
  );

/** Beside a time as signed. */
export const offsetSigned = z
  .literal(false)
  .optional()
  .describe(
    'false where no offset was signed with the time, which was read as UTC; else not there',
  );

/** Of an item of a list. */
export const contentCount = z
  .object({
    count,
    isCut: z
      .boolean()
      .describe('True where at least so many: not all of its records were compared'),
  })
  .optional()
  .describe(
    'Where records say different things of it, or may, how many; the rest is what the latest says',
  );

/** Whatever was signed there: of what kind it is, nobody has promised. */
export const signedJson = z
  .unknown()
  .describe('The signed text where that is JSON, else {"text":"…"}');
