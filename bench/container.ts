// A container of the bundled `ingest`: works off the events that come on stdin and tells its peak memory.
import { readFileSync } from 'node:fs';
import { argv, stdin } from 'node:process';

interface Answer {
  readonly batchItemFailures: readonly unknown[];
}
type Handler = (event: unknown, context: unknown) => Promise<Answer>;

const { handler } = (await import(argv[2] ?? '')) as { handler: Handler };
let text = '';
for await (const chunk of stdin) text += String(chunk);
for (const event of JSON.parse(text) as unknown[]) {
  const { batchItemFailures } = await handler(event, { getRemainingTimeInMillis: () => 900_000 });
  if (batchItemFailures.length > 0) throw new Error(`${batchItemFailures.length} messages failed`);
}
// maxRSS of getrusage would also count what its parent held when it was forked.
const [, peak = ''] = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
console.log(`container: peak ${Math.round(Number(peak) / 1024)} MB`);
process.exit(0);
