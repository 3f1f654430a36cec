import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { TransientError } from '../errors.ts';
import { failureCode } from './failure-code.ts';

/** Tells people: a topic of SNS by its ARN. */
export interface Topic {
  /** {@link TransientError} when it could not be sent. */
  tell(subject: string, message: string): Promise<void>;
}

/** SNS takes a subject of at most 100 characters, and a message of at most 256 KiB. */
const MAX_SUBJECT = 100;

export function snsTopic(arn: string, client = new SNSClient({ maxAttempts: 4 })): Topic {
  return {
    async tell(subject, message) {
      const input = { TopicArn: arn, Subject: subject.slice(0, MAX_SUBJECT), Message: message };
      await client.send(new PublishCommand(input)).catch((error: unknown) => {
        const code = failureCode(error);
        throw new TransientError('TOPIC_FAILED', `the topic took no message (${code})`, {
          cause: error,
        });
      });
    },
  };
}
