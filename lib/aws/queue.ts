import { ChangeMessageVisibilityCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { TransientError } from '../errors.ts';
import type { Queue } from '../ingest/delivery.ts';
import { failureCode } from './failure-code.ts';

/** A queue of SQS by its URL. `send` rejects with {@link TransientError}. */
export function sqsQueue(url: string, client = new SQSClient({ maxAttempts: 4 })): Queue {
  return {
    async send(body) {
      try {
        await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body }));
      } catch (error) {
        const code = failureCode(error);
        throw new TransientError('QUEUE_FAILED', `the queue took no message (${code})`, {
          cause: error,
        });
      }
    },
    async retryIn(receiptHandle, seconds) {
      const change = new ChangeMessageVisibilityCommand({
        QueueUrl: url,
        ReceiptHandle: receiptHandle,
        VisibilityTimeout: seconds,
      });
      await client.send(change).catch(() => undefined);
    },
  };
}
