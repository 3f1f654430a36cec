import * as z from 'zod';
import { TransientError } from '../../errors.ts';
import { parseCheckpoint, type Checkpoint } from '../../tlog/checkpoint.ts';
import { parseNote, type Note } from '../../tlog/note.ts';
import { checkpointAnswer } from '../answers/checkpoint.ts';
import { RequestError } from '../problem.ts';
import { route, type Route, type RouteContext } from '../route.ts';

/** The media type of a checkpoint as it is kept (c2sp.org/tlog-tiles). */
const TEXT = 'text/plain';

export const CHECKPOINT_ROUTES: readonly Route[] = [
  route({
    path: '/v1/log/checkpoint',
    resource: 'evidence',
    summary:
      'The newest checkpoint of the tlog; as text/plain the signed note alone, for tools that verify it',
    parameters: z.object({}),
    answer: checkpointAnswer,
    async handle(context) {
      const { note, checkpoint, text, time } = await read(context);
      const signatures = note.signatures.map(({ name, id }) => ({
        name,
        id: id.toString(16).padStart(8, '0'),
      }));
      const { origin, size, root } = checkpoint;
      const told = { origin, size, root: root.toString('base64'), at: time.toISOString() };
      return { ...told, signatures, checkpoint: text };
    },
    other: {
      mediaType: TEXT,
      async handle(context) {
        const { text } = await read(context);
        const headers = {
          'content-type': `${TEXT}; charset=utf-8`,
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        };
        return { status: 200, headers, body: text };
      },
    },
  }),
];

interface Read {
  readonly text: string;
  readonly time: Date;
  readonly note: Note;
  readonly checkpoint: Checkpoint;
}

async function read({ tlog }: RouteContext): Promise<Read> {
  const kept = await tlog.checkpoint();
  if (kept === null)
    throw new RequestError('NOT_FOUND', 'There is no checkpoint yet: nothing has been appended.');
  const note = parseNote(kept.bytes);
  const checkpoint = 'problem' in note ? null : parseCheckpoint(note.text);
  if ('problem' in note || checkpoint === null)
    throw new TransientError('TLOG_DAMAGED', 'what lies in the place of the checkpoint is none');
  return { text: kept.bytes.toString('utf8'), time: kept.time, note, checkpoint };
}
