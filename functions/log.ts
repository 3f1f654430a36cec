import { kmsTlogSigner } from '../lib/aws/kms.ts';
import { s3Client } from '../lib/aws/s3-object.ts';
import { scheduledHandler } from '../lib/aws/scheduled-handler.ts';
import { openTelemetry } from '../lib/aws/telemetry.ts';
import { tlogBucket } from '../lib/aws/tlog-bucket.ts';
import { stack } from '../lib/config.ts';
import { once } from '../lib/once.ts';
import { keepTlog } from '../lib/tlog/keep.ts';

const { evidenceBucket, tlogKey, tlogOrigin } = stack(process.env, [
  'evidenceBucket',
  'tlogKey',
  'tlogOrigin',
]);
const telemetry = openTelemetry();
const store = tlogBucket(s3Client(), evidenceBucket);
const signer = once(() => kmsTlogSigner(tlogKey.replace(/^kms:/, ''), tlogOrigin));
/** What each witness has seen, for the life of the container. */
const sizes = new Map<string, number>();

/** Brings the receipts that wait into the tlog, signs a checkpoint, and has it cosigned. */
export const handler = scheduledHandler('log', telemetry, async (isTimeUp) => {
  const signs = await signer();
  const options = { now: () => new Date(), isTimeUp, sizes };
  const { appended, cosigning, problems } = await keepTlog(store, signs, options);
  const { size, time, leaves, known, heartbeats, isMore } = appended;
  const seconds = time === null ? 0 : (Date.now() - time.getTime()) / 1_000;
  const answers = cosigning?.answers ?? [];
  telemetry.count('LeavesAppended', leaves);
  telemetry.count('CheckpointAgeSeconds', Math.max(0, Math.round(seconds)));
  telemetry.count('WitnessesMissing', answers.filter(({ problem }) => problem !== null).length);
  for (const problem of problems) telemetry.warn('log.problem', { problem });
  if (leaves + heartbeats > 0)
    telemetry.info('log.appended', {
      key: signs.key.vkey,
      size,
      leaves,
      known,
      heartbeats,
      isMore,
    });
  return { size, leaves, heartbeats };
});
