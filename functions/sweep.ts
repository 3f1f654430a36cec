import { sqsQueue } from '../lib/aws/queue.ts';
import { scheduledHandler } from '../lib/aws/scheduled-handler.ts';
import { openMigrated } from '../lib/aws/secret.ts';
import { openTelemetry } from '../lib/aws/telemetry.ts';
import { stack } from '../lib/config.ts';
import { sweep } from '../lib/ingest/sweep.ts';
import { once } from '../lib/once.ts';

const { bucket, queueUrl, neo4jSecretArn } = stack(process.env, [
  'bucket',
  'queueUrl',
  'neo4jSecretArn',
]);
const telemetry = openTelemetry();
const queue = sqsQueue(queueUrl);
const graph = once(() => openMigrated(neo4jSecretArn));

/** Makes good what a crash left, and counts what is open. */
export const handler = scheduledHandler('sweep', telemetry, async (isTimeUp) => {
  const swept = await sweep(await graph(), queue, bucket, isTimeUp);
  telemetry.count('PendingLinks', swept.pendingLinks);
  telemetry.count('OpenMarkers', swept.openMarkers);
  telemetry.count('UnfinishedObjects', swept.unfinishedObjects);
  telemetry.count('ObjectsResumed', swept.resumed.length);
  telemetry.info('sweep.done', { ...swept });
  return swept;
});
