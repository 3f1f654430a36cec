import { audit } from '../lib/audit/audit.ts';
import { bucketEvidence } from '../lib/aws/evidence-store.ts';
import { bucketArchive } from '../lib/aws/log-archive.ts';
import { s3Client } from '../lib/aws/s3-object.ts';
import { scheduledHandler } from '../lib/aws/scheduled-handler.ts';
import { openMigrated } from '../lib/aws/secret.ts';
import { openTelemetry } from '../lib/aws/telemetry.ts';
import { stack } from '../lib/config.ts';
import { keepAudit } from '../lib/graph/write/audit.ts';
import { once } from '../lib/once.ts';

const { evidenceBucket, neo4jSecretArn } = stack(process.env, ['evidenceBucket', 'neo4jSecretArn']);
const telemetry = openTelemetry();
const s3 = s3Client();
const archive = bucketArchive(s3, evidenceBucket);
const store = bucketEvidence(s3, evidenceBucket);
const database = once(() => openMigrated(neo4jSecretArn));

/** Compares the graph with the archived logs, from where the last run ended; repairs nothing. */
export const handler = scheduledHandler('audit', telemetry, async (isTimeUp) => {
  const graph = await database();
  const found = await audit({ graph, archive, store, isTimeUp });
  await keepAudit(graph, found);
  const { complete, pass, logs, entities, relationships, unsettled } = found;
  const differences = found.differences.length;
  telemetry.count('GraphDifferences', differences);
  telemetry.count('AuditsComplete', complete ? 1 : 0);
  const counts = { pass, complete, ...logs, entities, relationships, unsettled, differences };
  telemetry.info('audit.done', counts);
  return counts;
});
