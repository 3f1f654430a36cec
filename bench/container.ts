// A container of the bundled `ingest`: works off the events that come on stdin.
import { argv, stdin } from 'node:process';
import { memberOf } from '../lib/trust/json.ts';

const isHandler = (value: unknown): value is (event: unknown, context: object) => unknown =>
  typeof value === 'function';

const handler = memberOf(await import(argv[2] ?? ''), 'handler');
if (!isHandler(handler)) throw new Error('this is no bundle of a function');
let text = '';
for await (const chunk of stdin) text += String(chunk);
const events: unknown = JSON.parse(text);
if (!Array.isArray(events)) throw new Error('the events are no list');
for (const event of events) {
  const failures = memberOf(
    await handler(event, { getRemainingTimeInMillis: () => 900_000 }),
    'batchItemFailures',
  );
  if (!Array.isArray(failures) || failures.length > 0)
    throw new Error(`messages failed: ${JSON.stringify(failures)}`);
}
process.exit(0);
