import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { TransientError, type PoisonCode } from '../../lib/errors.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { GraphWriter, type Batch } from '../../lib/graph/write/writer.ts';
import { ingestObject, type GraphSink } from '../../lib/ingest/ingest.ts';
import type { IngestOptions } from '../../lib/ingest/judge.ts';
import { storedFile } from '../../lib/object/file.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { graphSnapshot, wipe } from '../support/snapshot.ts';
import { testKey } from '../support/test-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'custody-'));
const path = join(folder, 'log.jsonl');
const { privateKey, key } = testKey();
const options: IngestOptions = { keys: [key], onBadLine: 'reject' };

const LINES = 2_500;
const lineOf = (index: number): string => {
  const id = `i${String(index).padStart(6, '0')}`;
  const record = { type: 'inference', id, model_name: 'm', timestamp: '2026-01-01T00:00:00Z' };
  return `${signRecord(JSON.stringify(record), privateKey, 'digest')}\n`;
};
const log = Array.from({ length: LINES }, (_, index) => lineOf(index)).join('');

let graph: Graph;
beforeAll(() => {
  graph = openGraph(neo4jLogin);
});
beforeEach(async () => {
  await wipe(graph);
  writeFileSync(path, log);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await graph.close();
});

/** The real writer, with something done before each of its batches. */
function watched(before: (batch: Batch, nth: number) => void | Promise<void>): GraphSink {
  const writer = new GraphWriter(graph);
  let count = 0;
  return {
    progress: (uri) => writer.progress(uri),
    record: (object, status) => writer.record(object, status),
    pause: (object, judged) => writer.pause(object, judged),
    abandon: (uri, problem) => writer.abandon(uri, problem),
    async apply(batch) {
      await before(batch, count);
      count += 1;
      return writer.apply(batch);
    },
  };
}

test.each([
  ['an altered line', () => writeFileSync(path, log.replace('i002400', 'i002401'))],
  ['a line more', () => appendFileSync(path, lineOf(LINES))],
  [
    'a line less',
    () => writeFileSync(path, log.slice(0, log.lastIndexOf('\n', log.length - 2) + 1)),
  ],
])(
  '%s between the two readings ends the ingest, and the object is not recorded as done',
  async (_, change) => {
    const file = storedFile(path);
    const writer = new GraphWriter(graph);
    const sink: GraphSink = {
      ...watched(() => undefined),
      progress: (uri) => {
        change();
        return writer.progress(uri);
      },
    };
    await expect(ingestObject(file, sink, options)).rejects.toThrow(TransientError);
    const { status } = await writer.progress(file.identity().uri);
    expect(['writing', null]).toContain(status);
  },
);

test('when an ingest fails, none of its batches is still being written', async () => {
  let writing = 0;
  const writer = new GraphWriter(graph);
  const sink: GraphSink = {
    progress: (uri) => writer.progress(uri),
    record: (object, status) => writer.record(object, status),
    pause: (object, judged) => writer.pause(object, judged),
    abandon: (uri, problem) => writer.abandon(uri, problem),
    async apply(batch) {
      writing += 1;
      appendFileSync(path, lineOf(LINES));
      const totals = await writer.apply(batch);
      writing -= 1;
      return totals;
    },
  };
  await expect(ingestObject(storedFile(path), sink, options)).rejects.toThrow(TransientError);
  expect(writing).toBe(0);
});

test.each([0, 1, 2])(
  'a break-off before batch %i is made good by the redelivery, each line counted once',
  async (at) => {
    const lost = watched((_, nth) => {
      if (nth === at) throw new TransientError('DATABASE_UNREACHABLE', 'lost');
    });
    await expect(ingestObject(storedFile(path), lost, options)).rejects.toThrow('lost');
    const applied: number[] = [];
    const receipt = await ingestObject(
      storedFile(path),
      watched((batch) => void applied.push(batch.records.length)),
      options,
    );
    expect(receipt).toMatchObject({ status: 'accepted', accepted: LINES, duplicate: 0 });
    // What was written already is not sent again.
    expect(applied.reduce((sum, count) => sum + count, 0)).toBe(LINES - at * 1_000);
  },
);

test('gzip that unpacks beyond the limit, is cut off, or is not what its name says is refused', async () => {
  const gz = join(folder, 'log.jsonl.gz');
  const plain = new GraphWriter(graph);
  const refused = async (
    code: PoisonCode,
    name: string,
    bytes: Uint8Array,
    limit?: number,
  ): Promise<void> => {
    writeFileSync(name, bytes);
    await expect(
      ingestObject(storedFile(name, { maxObjectBytes: limit ?? Infinity }), plain, options),
    ).rejects.toMatchObject({ name: 'PoisonObjectError', code });
  };
  await refused('OBJECT_TOO_LARGE', gz, gzipSync(Buffer.alloc(8 * 1024 * 1024)), 1024 * 1024);
  await refused('GZIP_DAMAGED', gz, gzipSync(log).subarray(0, 5_000));
  await refused('GZIP_MISNAMED', gz, Buffer.from(log));
  await refused('GZIP_MISNAMED', path, gzipSync(log));
  await refused('PACKING_UNSUPPORTED', path, Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0]));
  expect(await graphSnapshot(graph)).toEqual([]);
});

test('zero padding after gzip is read past, and an empty file is an empty log', async () => {
  const gz = join(folder, 'padded.jsonl.gz');
  const padded = Buffer.concat([gzipSync(lineOf(1)), Buffer.alloc(3 * 1024 * 1024)]);
  writeFileSync(gz, padded);
  const writer = new GraphWriter(graph);
  expect(await ingestObject(storedFile(gz), writer, options)).toMatchObject({
    status: 'accepted',
    lines: 1,
    bytes: padded.length,
    sha256: createHash('sha256').update(padded).digest('hex'),
  });
  writeFileSync(gz, '');
  expect(await ingestObject(storedFile(gz), writer, options)).toMatchObject({ status: 'empty' });
});

test('gzip of several members is one log', async () => {
  const gz = join(folder, 'members.jsonl.gz');
  writeFileSync(gz, Buffer.concat([gzipSync(lineOf(1)), gzipSync(lineOf(2))]));
  expect(await ingestObject(storedFile(gz), new GraphWriter(graph), options)).toMatchObject({
    status: 'accepted',
    lines: 2,
  });
});
