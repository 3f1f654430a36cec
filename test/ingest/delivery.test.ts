import { expect, test } from 'vitest';
import { deliverAll, type Journal, type Message } from '../../lib/ingest/delivery.ts';

const journal: Journal = {
  told: () => undefined,
  passedOver: () => undefined,
  noLog: () => undefined,
  failed: () => undefined,
};

test('messages that the time does not suffice for go back to the queue as they are, with their age and count', async () => {
  const sent: string[] = [];
  const waits: (readonly [string, number])[] = [];
  const queue = {
    send: (body: string) => Promise.resolve(void sent.push(body)),
    retryIn: (handle: string, seconds: number) =>
      Promise.resolve(void waits.push([handle, seconds])),
  };
  const messages = ['a', 'b', 'c'].map((name): Message => ({
    messageId: name,
    receiptHandle: `handle of ${name}`,
    body: JSON.stringify({ Event: 's3:TestEvent' }),
    receiveCount: 1,
  }));
  let questions = 0;
  const inbox = { queue, journal, isTimeUp: () => (questions += 1) > 1 };
  const open = (): Promise<never> => Promise.reject(new Error('nothing is to be read'));
  expect(await deliverAll(messages, inbox, open)).toEqual(['b', 'c']);
  expect(sent).toEqual([]);
  expect(waits).toEqual([
    ['handle of b', 0],
    ['handle of c', 0],
  ]);
});
