import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { bucketReceipts } from '../lib/aws/bucket-receipts.ts';
import { awsKeySources } from '../lib/aws/key-sources.ts';
import { bucketArchive } from '../lib/aws/log-archive.ts';
import { sqsQueue } from '../lib/aws/queue.ts';
import { s3Client, s3Object } from '../lib/aws/s3-object.ts';
import { openMigrated } from '../lib/aws/secret.ts';
import { objectJournal, openTelemetry } from '../lib/aws/telemetry.ts';
import { timeLimit } from '../lib/aws/time-limit.ts';
import { ingestSettings } from '../lib/config.ts';
import { GraphWriter } from '../lib/graph/write/writer.ts';
import { deliverAll, deliverEvent, type Inbox, type Open } from '../lib/ingest/delivery.ts';
import { loadKeys } from '../lib/keys.ts';
import { once } from '../lib/once.ts';

const settings = ingestSettings(process.env);
const telemetry = openTelemetry();
const journal = objectJournal(telemetry);
const queue = sqsQueue(settings.queueUrl);
const s3 = s3Client();
const receipts = bucketReceipts(s3, settings.evidenceBucket);
/** S3 answers only when it has copied: up to 5 GiB at once. */
const COPY_MS = 300_000;
const archive = bucketArchive(s3, settings.evidenceBucket, { copying: s3Client(COPY_MS) });

/** Made once a container; what fails is tried again with the next message. */
const keys = once(() => loadKeys(settings.keys, awsKeySources));
const graph = once(() => openMigrated(settings.neo4jSecretArn));
const sink = once(async () => new GraphWriter(await graph(), settings.payload));

const open: Open = async () => ({
  source: settings,
  open: (name, onRead) => s3Object(s3, name, { onRead }),
  stores: { sink: await sink(), archive },
  receipts,
  options: { keys: await keys(), onBadLine: settings.onBadLine },
});

/** Messages of SQS; a single event, sent here by hand, is worked off too and fails the call where it fails. */
export const handler = async (
  event: SQSEvent | { Records?: undefined },
  context: Context,
): Promise<SQSBatchResponse | undefined> => {
  const inbox: Inbox = { queue, journal, isTimeUp: timeLimit(context) };
  try {
    if (event.Records?.[0]?.eventSource !== 'aws:sqs') {
      await deliverEvent(event, inbox, open);
      return undefined;
    }
    const messages = event.Records.map(({ messageId, receiptHandle, body, attributes }) => ({
      messageId,
      receiptHandle,
      body,
      receiveCount: Number(attributes.ApproximateReceiveCount),
    }));
    telemetry.count('Retries', messages.filter(({ receiveCount }) => receiveCount > 1).length);
    const failed = await deliverAll(messages, inbox, open);
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  } finally {
    telemetry.flush();
  }
};
