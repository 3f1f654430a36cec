import type { Context } from 'aws-lambda';
import { sqsQueue } from '../lib/aws/queue.ts';
import { openMigrated } from '../lib/aws/secret.ts';
import { openTelemetry } from '../lib/aws/telemetry.ts';
import { stack } from '../lib/config.ts';
import { TransientError } from '../lib/errors.ts';
import { sweep, type Swept } from '../lib/ingest/sweep.ts';
import { once } from '../lib/once.ts';

const STOP_BEFORE_END_MS = 60_000;

const { bucket, queueUrl, neo4jSecretArn } = stack(process.env, [
  'bucket',
  'queueUrl',
  'neo4jSecretArn',
]);
const telemetry = openTelemetry();
const queue = sqsQueue(queueUrl);
const graph = once(() => openMigrated(neo4jSecretArn));

/** On a schedule: makes good what a crash left, and counts what is open. */
export const handler = async (_: unknown, context: Context): Promise<Swept> => {
  const isTimeUp = (): boolean => context.getRemainingTimeInMillis() < STOP_BEFORE_END_MS;
  try {
    const swept = await sweep(await graph(), queue, bucket, isTimeUp);
    telemetry.count('PendingLinks', swept.pendingLinks);
    telemetry.count('OpenMarkers', swept.openMarkers);
    telemetry.count('UnfinishedObjects', swept.unfinishedObjects);
    telemetry.count('ObjectsResumed', swept.resumed.length);
    telemetry.info('sweep.done', { ...swept });
    return swept;
  } catch (error) {
    telemetry.error('sweep.failed', error);
    // The runtime logs what it is thrown; the error itself may quote a record.
    throw new TransientError('the sweep was not finished; the log before this line says why');
  } finally {
    telemetry.flush();
  }
};
