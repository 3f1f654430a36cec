import * as z from 'zod';

/** What `/v1/log/checkpoint` answers as JSON. */
export const checkpointAnswer = z.object({
  origin: z.string().describe('The name of the log'),
  size: z.number().int().describe('Leaves of the log'),
  root: z.string().describe('Of the RFC 6962 tree over them, base64'),
  at: z.iso.datetime().describe('When the checkpoint was put there'),
  signatures: z
    .array(z.object({ name: z.string(), id: z.string().regex(/^[0-9a-f]{8}$/) }))
    .describe(
      'Whose lines stand under it: the log’s, then those of witnesses. None is verified here',
    ),
  checkpoint: z.string().describe('The signed note itself (c2sp.org/tlog-checkpoint)'),
});
