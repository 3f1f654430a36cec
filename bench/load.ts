/**
 * The `ingest` function under load: a thousand objects of a hundred lines at once, and one object of
 * 1 GB, over a stub of S3 on this machine into the embedded Neo4j. `node bench/load.ts [objects] [megabytes]`.
 */
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGraph } from '../lib/graph/connection.ts';
import { database } from '../lib/graph/database.ts';
import { migrate } from '../lib/graph/schema.ts';
import { startNeo4j } from '../lib/local/neo4j.ts';
import { signRecord } from '../lib/trust/sign.ts';
import { ingestEnvironment, notification, sqsEvent } from '../test/support/lambda.ts';
import { StubAws } from '../test/support/stub-aws.ts';

const [objects = 1_000, megabytes = 1_000] = process.argv.slice(2).map(Number);
const LINES = 100;
const CONTAINERS = 4;
const MESSAGES = 10;

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'custody-load-'));
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const neo4j = await startNeo4j({ home: '.custody/bench-neo4j', boltPort: 0 });
const graph = openGraph(neo4j);
const aws = await StubAws.start();
try {
  execFileSync(process.execPath, [join(root, 'scripts/build.ts'), '--out', folder], { cwd: root });
  await migrate(graph);
  await wiped();
  console.log(
    `${objects} objects of ${LINES} lines, ${CONTAINERS} containers, ${MESSAGES} messages an invocation`,
  );
  const messages = Array.from({ length: objects }, (_, index) =>
    dropped(`small/${index}.jsonl`, logOf(privateKey, index * LINES, LINES, 'x')),
  );
  console.log('signed');
  const start = performance.now();
  const queue = Array.from({ length: Math.ceil(messages.length / MESSAGES) }, (_, index) =>
    messages.slice(index * MESSAGES, (index + 1) * MESSAGES),
  );
  await Promise.all(
    Array.from({ length: CONTAINERS }, (_, index) =>
      invoked(queue.filter((__, at) => at % CONTAINERS === index)),
    ),
  );
  report('small', objects * LINES, start);

  const lines = Math.round((megabytes * 1_000_000) / 8_192);
  // Longer than a string can be.
  const parts: Buffer[] = [];
  const input = 'y'.repeat(7_580);
  for (let at = 0; at < lines; at += 1_000)
    parts.push(Buffer.from(logOf(privateKey, 10_000_000 + at, Math.min(1_000, lines - at), input)));
  const large = Buffer.concat(parts);
  const message = dropped('large.jsonl', large);
  console.log(`one object of ${Math.round(large.length / 1e6)} MB, ${lines} lines of about 8 KB`);
  const begun = performance.now();
  await invoked([[message]]);
  report('large', lines, begun);
} finally {
  await aws.close();
  await graph.close();
  await neo4j.stop({ now: true });
  rmSync(folder, { recursive: true });
}

function logOf(key: KeyObject, from: number, count: number, input: string): string {
  return Array.from({ length: count }, (_, index) => {
    const id = `i${from + index}`;
    const model = `m${(from + index) % 100}`;
    const of = {
      type: 'inference',
      id,
      model_name: model,
      input,
      timestamp: '2026-01-01T00:00:00Z',
    };
    return `${signRecord(JSON.stringify(of), key, 'digest')}\n`;
  }).join('');
}

function dropped(key: string, text: string | Uint8Array): string {
  return notification('logs', key, aws.put(`logs/${key}`, text));
}

/** A container of its own, in a process of its own, that works off batches of messages. */
async function invoked(batches: readonly (readonly string[])[]): Promise<void> {
  const events = JSON.stringify(batches.map((bodies) => sqsEvent(bodies, 1)));
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'container.ts'), join(folder, 'ingest.mjs')],
    {
      env: {
        PATH: process.env['PATH'] ?? '',
        ...ingestEnvironment(aws, neo4j, publicPem),
        POWERTOOLS_LOG_LEVEL: 'ERROR',
        POWERTOOLS_METRICS_DISABLED: 'true',
      },
      stdio: ['pipe', 'inherit', 'inherit'],
    },
  );
  child.stdin.end(events);
  const code = await new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`a container ended with ${code}`);
}

function report(name: string, lines: number, start: number): void {
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `${name}: ${lines} lines in ${seconds.toFixed(1)} s, ${Math.round(lines / seconds)} lines/s`,
  );
}

async function wiped(): Promise<void> {
  await graph[database].run(
    'MATCH (n) WHERE NOT n:Schema AND NOT n:WriteLock CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS',
  );
}
