import { expect, test } from 'vitest';
import { objectJournal } from '../../lib/aws/telemetry.ts';
import type { PassedOver } from '../../lib/graph/write/passed-over.ts';
import { deliverEvent, type Delivery } from '../../lib/ingest/delivery.ts';
import type { S3Name } from '../../lib/object/s3-name.ts';
import { notification } from '../support/lambda.ts';

const opened: string[] = [];
const counted: string[] = [];
const told: unknown[] = [];
const noted: PassedOver[] = [];
const journal = objectJournal({
  count: (metric) => counted.push(metric),
  milliseconds: () => undefined,
  bytes: () => undefined,
  flush: () => undefined,
  info: (event, members) => told.push([event, members]),
  warn: (event, members) => told.push([event, members]),
  error: (event) => told.push([event]),
});

/** What the keys come to, under a prefix; nothing is there to be read. */
async function deliver(keys: readonly string[], prefix = ''): Promise<void> {
  opened.length = counted.length = told.length = noted.length = 0;
  const inbox = {
    queue: { send: () => Promise.resolve(), retryIn: () => Promise.resolve() },
    journal,
    isTimeUp: () => false,
  };
  const open = ({ key }: S3Name): Promise<never> => {
    opened.push(key);
    return Promise.reject(new Error('nothing is there'));
  };
  const sink = {
    passOver: (names: readonly PassedOver[]) => Promise.resolve(noted.push(...names)),
  };
  const delivery = {
    source: { bucket: 'logs', prefix },
    open,
    stores: { sink },
  } as unknown as Delivery;
  for (const key of keys)
    await deliverEvent(JSON.parse(notification('logs', key, null)), inbox, () =>
      Promise.resolve(delivery),
    ).catch(() => undefined);
}

test('what can’t be a log by its name is not read on AWS either: it is counted, and told by its name', async () => {
  const names = ['logs/2026/', 'logs/_SUCCESS', 'photos/cat.jpg', '.hidden/a.jsonl', 'evil\n.txt'];
  await deliver(names);
  expect(opened).toEqual([]);
  expect(noted.map(({ uri }) => uri)).toEqual([
    's3://logs/logs/2026/',
    's3://logs/logs/_SUCCESS',
    's3://logs/photos/cat.jpg',
    's3://logs/.hidden/a.jsonl',
    's3://logs/evil%0A.txt',
  ]);
  expect(counted).toEqual(names.map(() => 'ObjectsPassedOver'));
  expect(told[1]).toEqual([
    'object.passedOver',
    { object: 's3://logs/logs/_SUCCESS', why: 'its name does not end in .jsonl or .jsonl.gz' },
  ]);
  expect(told.at(-1)).toMatchObject(['object.passedOver', { object: 's3://logs/evil%0A.txt' }]);
});

test('a log is read whatever the prefix that it was deployed for', async () => {
  for (const [key, prefix] of [
    ['.logs/a.jsonl', '.logs/'],
    ['x.jsonl.gz', 'x'],
  ] as const) {
    await deliver([key], prefix);
    expect(opened).toEqual([key]);
  }
});
