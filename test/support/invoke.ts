// One invocation of a bundled function in a process of its own, which a test may kill.
import { argv, stdout } from 'node:process';

type Handler = (event: unknown, context: unknown) => Promise<unknown>;

const [, , bundle = '', event = ''] = argv;
const { handler } = (await import(bundle)) as { handler: Handler };
const answer = await handler(JSON.parse(event), { getRemainingTimeInMillis: () => 900_000 });
stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
