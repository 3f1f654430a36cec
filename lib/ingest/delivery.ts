import { PoisonObjectError, TransientError } from '../errors.ts';
import { whyNoLog } from '../object/log-name.ts';
import { s3Name, s3Uri, type S3Name } from '../object/s3-name.ts';
import type { StoredObject } from '../object/stored.ts';
import { ingestDeparted, ingestObject } from './ingest.ts';
import type { IngestOptions } from './judge.ts';
import { continuation, noticesOf } from './notice.ts';
import type { Receipt } from './receipt.ts';
import type { Stores } from './stores.ts';
import type { Unfinished } from './write-log.ts';

/** A message of the queue, as far as it matters here. */
export interface Message {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  /** How often it was received, this time included. */
  readonly receiveCount: number;
}

/** What deliveries need of the queue they come from. */
export interface Queue {
  send(body: string): Promise<void>;
  /** Has a failed message come again after so many seconds. Never rejects: without it the queue's own time-out holds. */
  retryIn(receiptHandle: string, seconds: number): Promise<void>;
}

/** Where receipts are kept for whoever dropped the objects. */
export interface Receipts {
  /** Resolves to the receipt's key. Nothing that was written before is overwritten. */
  put(receipt: Receipt): Promise<string>;
}

/** Where what happened is told; numbers and names only, never a record's content. */
export interface Journal {
  told(outcome: Receipt | Unfinished, numbers: Readonly<Record<string, number>>): void;
  /** Acknowledged without being read. */
  passedOver(event: string, name?: S3Name): void;
  /** Not read either: by its name it can't be a log. */
  noLog(name: S3Name, why: string): void;
  failed(error: unknown, message: Pick<Message, 'messageId' | 'receiveCount'>): void;
}

/** Where messages come from, and go when they are to come again. */
export interface Inbox {
  readonly queue: Queue;
  readonly journal: Journal;
  /** Then no further work is begun, and what is open is handed on in a message of its own. */
  readonly isTimeUp: () => boolean;
}

/** What reading and writing objects takes; asked for only when there is an object. */
export type Open = () => Promise<Omit<Delivery, keyof Inbox>>;

export interface Delivery extends Inbox {
  /** Objects elsewhere are not read. */
  readonly source: { readonly bucket: string; readonly prefix: string };
  readonly open: (name: S3Name, onRead: (bytes: number) => void) => Promise<StoredObject>;
  readonly stores: Stores;
  readonly receipts: Receipts;
  readonly options: IngestOptions;
}

const FIRST_RETRY_SECONDS = 20;
const LAST_RETRY_SECONDS = 900;

/**
 * Works off the messages one after the other, as many as there is time for; resolves to the ids of
 * those that are to come again.
 * A failure of `open` is one of the message that needed it: it comes again soon, and not only after
 * the queue's own time-out, as when the whole invocation fails.
 */
export async function deliverAll(
  messages: readonly Message[],
  inbox: Inbox,
  open: Open,
): Promise<readonly string[]> {
  const { queue, journal, isTimeUp } = inbox;
  const failed: string[] = [];
  for (const message of messages) {
    // A new message of the same text would have lost its age, and how often it came.
    if (isTimeUp()) {
      await queue.retryIn(message.receiptHandle, 0);
      failed.push(message.messageId);
      continue;
    }
    try {
      await deliver(parseBody(message.body), inbox, open);
    } catch (error) {
      journal.failed(error, message);
      await queue.retryIn(message.receiptHandle, waitAfter(error, message.receiveCount));
      failed.push(message.messageId);
    }
  }
  return failed;
}

/** Works off one event that came by hand and not through the queue, so that its sender hears of a failure. */
export async function deliverEvent(event: unknown, inbox: Inbox, open: Open): Promise<void> {
  try {
    await deliver(event, inbox, open);
  } catch (error) {
    inbox.journal.failed(error, { messageId: 'none', receiveCount: 1 });
    // The runtime logs what it is thrown; the error itself may quote a record.
    throw new TransientError(
      'INVOCATION_FAILED',
      'the event was not worked off; the log before this line says why',
    );
  }
}

/**
 * Works off all objects that one message names. What is wrong with the data ends in a receipt; it
 * rejects when a dependency failed, or when the message can't be understood.
 */
async function deliver(message: unknown, inbox: Inbox, open: Open): Promise<void> {
  const notices = noticesOf(message);
  if (notices === null)
    throw new PoisonObjectError(
      'MESSAGE_UNKNOWN',
      'the message is no notification of S3 or EventBridge',
    );
  for (const notice of notices) {
    // S3 sends its test event as soon as the stack is made, when there may be no database yet.
    if (notice.kind === 'passing') inbox.journal.passedOver(notice.event);
    else await take(notice.name, { ...(await open()), ...inbox });
  }
}

async function take(name: S3Name, delivery: Delivery): Promise<void> {
  const { source, stores, options, journal, receipts, queue, isTimeUp } = delivery;
  if (name.bucket !== source.bucket || !name.key.startsWith(source.prefix)) {
    journal.passedOver('elsewhere', name);
    return;
  }
  // The folder of the prefix was chosen by who deployed this, as that of a bucket on a laptop is.
  const why = whyNoLog(name.key.slice(source.prefix.lastIndexOf('/') + 1));
  if (why !== null) {
    // By its name alone: of what it holds nothing is known.
    await stores.sink.passOver([{ uri: s3Uri({ bucket: name.bucket, key: name.key }), why }]);
    journal.noLog(name, why);
    return;
  }
  if (isTimeUp()) {
    await queue.send(continuation(name));
    return;
  }
  const numbers: Record<string, number> = {};
  const onRead = (reading: 'verify' | 'write', milliseconds: number): void => {
    numbers[`${reading}Milliseconds`] = milliseconds;
  };
  const onBytes = (bytes: number): void => {
    numbers['bytesRead'] = bytes;
  };
  const timed = { ...options, onRead, isTimeUp };
  let outcome: Receipt | Unfinished;
  let uri = s3Uri(name);
  try {
    const object = await delivery.open(name, onBytes);
    uri = object.uri ?? uri;
    outcome = await ingestObject(object, stores, timed);
  } catch (error) {
    if (!(error instanceof PoisonObjectError)) throw error;
    // It was deleted or overwritten before it was opened.
    outcome = await ingestDeparted(uri, stores, timed, error);
  }
  if ('line' in outcome) await queue.send(continuation(s3Name(outcome.object) ?? name));
  else await receipts.put(outcome);
  // What was put over it may have been announced by the same message.
  if ('problemCode' in outcome && outcome.problemCode === 'OBJECT_OVERWRITTEN')
    await queue.send(continuation({ bucket: name.bucket, key: name.key }));
  journal.told(outcome, numbers);
}

function parseBody(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** What nobody here can mend goes to the dead-letter queue without delay. */
function waitAfter(error: unknown, receiveCount: number): number {
  if (error instanceof PoisonObjectError) return 0;
  return Math.min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (receiveCount - 1));
}
