import { awsKeySources } from '../lib/aws/key-sources.ts';
import { kmsSigner } from '../lib/aws/kms.ts';
import { bucketArchive } from '../lib/aws/log-archive.ts';
import { putReport } from '../lib/aws/report-bucket.ts';
import { LINE_RANGE_BYTES, s3Client } from '../lib/aws/s3-object.ts';
import { scheduledHandler } from '../lib/aws/scheduled-handler.ts';
import { openMigrated } from '../lib/aws/secret.ts';
import { openTelemetry } from '../lib/aws/telemetry.ts';
import { tlogBucket } from '../lib/aws/tlog-bucket.ts';
import { snsTopic } from '../lib/aws/topic.ts';
import { reportDigest } from '../lib/compliance/digest.ts';
import { periodOfEvent } from '../lib/compliance/period.ts';
import { makeReport } from '../lib/compliance/report.ts';
import { sealReport } from '../lib/compliance/sealed-report.ts';
import { ruleSettings } from '../lib/compliance/settings.ts';
import { stack } from '../lib/config.ts';
import { envelopeReader } from '../lib/evidence.ts';
import { keyEntries } from '../lib/key-entries.ts';
import { demandReportKey, loadKeys } from '../lib/keys.ts';
import { once } from '../lib/once.ts';

const { evidenceBucket, neo4jSecretArn, topicArn, reportKey } = stack(process.env, [
  'evidenceBucket',
  'neo4jSecretArn',
  'topicArn',
  'reportKey',
]);
const settings = ruleSettings(process.env);
const telemetry = openTelemetry();
const topic = snsTopic(topicArn);
const s3 = s3Client();
const archive = bucketArchive(s3, evidenceBucket, { rangeBytes: LINE_RANGE_BYTES });
const keys = once(() => loadKeys(keyEntries(process.env), awsKeySources));
const readEnvelope = envelopeReader(archive, keys);
const tlog = tlogBucket(s3, evidenceBucket);
const graph = once(() => openMigrated(neo4jSecretArn));
const signer = once(() => kmsSigner(reportKey.replace(/^kms:/, '')));

/** Makes the report of the month before, or of the event's `from` and `to`, and keeps it, signed. */
export const handler = scheduledHandler('report', telemetry, async (isTimeUp, event) => {
  const period = periodOfEvent(event, new Date());
  const options = { period, settings, keys: await keys(), readEnvelope, tlog, isTimeUp };
  const signs = await signer();
  demandReportKey(signs.kid, options.keys);
  const report = await makeReport(await graph(), options);
  const files = await sealReport(report, signs);
  const folder = await putReport(s3, evidenceBucket, report, files);
  const { complete } = report.completeness;
  telemetry.count('ReportsMade', 1);
  telemetry.info('report.made', { folder, ...period, complete, findings: report.findings.total });
  const { subject, message } = reportDigest(report, `s3://${evidenceBucket}/${folder}`);
  await topic.tell(subject, message);
  return { folder, complete };
});
