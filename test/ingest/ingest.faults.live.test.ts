import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { PoisonObjectError, TransientError, type PoisonCode } from '../../lib/errors.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { GraphWriter, type Batch } from '../../lib/graph/write/writer.ts';
import type { Archive } from '../../lib/ingest/archive.ts';
import { ingestDeparted, ingestObject } from '../../lib/ingest/ingest.ts';
import type { IngestOptions } from '../../lib/ingest/judge.ts';
import type { GraphSink, Stores } from '../../lib/ingest/stores.ts';
import { storedFile } from '../../lib/object/file.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { localStores } from '../support/local-stores.ts';
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
  rmSync(join(folder, 'archive'), { recursive: true, force: true });
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
    known: (uri) => writer.known(uri),
    log: (name) => writer.log(name),
    carry: (object, name, status) => writer.carry(object, name, status),
    record: (object, status) => writer.record(object, status),
    pause: (object, judged) => writer.pause(object, judged),
    abandon: (uri, problem) => writer.abandon(uri, problem),
    passOver: (names) => writer.passOver(names),
    async apply(batch) {
      await before(batch, count);
      count += 1;
      return writer.apply(batch);
    },
  };
}

const stores = (sink: GraphSink = new GraphWriter(graph)): Stores =>
  localStores(graph, folder, sink);

const CHANGES = [
  ['an altered line', (file: string) => writeFileSync(file, log.replace('i002400', 'i002401'))],
  ['a line more', (file: string) => appendFileSync(file, lineOf(LINES))],
  [
    'a line less',
    (file: string) => writeFileSync(file, log.slice(0, log.lastIndexOf('\n', log.length - 2) + 1)),
  ],
] as const;

test.each(CHANGES)(
  '%s between the reading and the archive ends the ingest, and nothing is archived or written',
  async (_, change) => {
    const sink = watched(() => undefined);
    const changing: GraphSink = {
      ...sink,
      log(name) {
        change(path);
        return sink.log(name);
      },
    };
    await expect(ingestObject(storedFile(path), stores(changing), options)).rejects.toMatchObject({
      code: 'OBJECT_CHANGED',
    });
    expect(await graphSnapshot(graph)).toEqual([]);
    expect(existsSync(join(folder, 'archive')) ? readdirSync(join(folder, 'archive')) : []).toEqual(
      [],
    );
  },
);

test.each(CHANGES)(
  '%s in the archive while the log is read again ends the object as abandoned, and no byte that was not judged is written',
  async (_, change) => {
    const archived = join(folder, 'archive', createHash('sha256').update(log).digest('hex'));
    const sink = watched(() => change(archived));
    const again = { ...options, maxKeptBytes: 0 };
    const receipt = await ingestObject(storedFile(path), stores(sink), again);
    expect(receipt).toMatchObject({ status: 'abandoned', problemCode: 'ARCHIVE_DAMAGED' });
    expect((await graphSnapshot(graph)).join('\n')).not.toContain('i002500');
    expect(receipt.accepted + receipt.withheld).toBe(LINES);
  },
);

test.each([
  ['all records are kept', log, {}, 0],
  ['more is verified than may be kept', log, { maxKeptBytes: 1_000 }, 1],
  ['a line is set aside', `${log}\n`, { onBadLine: 'quarantine' }, 1],
] as const)(
  'where %s the graph is the same, and the log is read again only where it must be',
  async (_, text, how, times) => {
    await ingestObject(storedFile(path), stores(), options);
    const expected = await graphSnapshot(graph);
    await wipe(graph);
    writeFileSync(path, text);
    const { sink, archive } = stores();
    const opened: string[] = [];
    const open: Archive['open'] = (sha256, version) => {
      opened.push(sha256);
      return archive.open(sha256, version);
    };
    const watching = { sink, archive: { ...archive, open } };
    const receipt = await ingestObject(storedFile(path), watching, { ...options, ...how });
    expect(receipt).toMatchObject({ accepted: LINES, duplicate: 0 });
    expect(await graphSnapshot(graph)).toEqual(expected);
    expect(opened).toHaveLength(times);
  },
);

test('a log whose records are kept is left when the time is up, and goes on from there', async () => {
  let isUp = false;
  const slow = watched(() => void (isUp = true));
  const timed = { ...options, isTimeUp: () => isUp };
  const first = await ingestObject(storedFile(path), stores(slow), timed);
  expect(first).toMatchObject({ status: 'writing', line: 1_500 });
  const receipt = await ingestObject(storedFile(path), stores(), options);
  expect(receipt).toMatchObject({ status: 'accepted', accepted: LINES, duplicate: 0 });
});

test('when an ingest fails, none of its batches is still being written', async () => {
  let writing = 0;
  const writer = new GraphWriter(graph);
  const sink: GraphSink = {
    ...watched(() => undefined),
    async apply(batch) {
      writing += 1;
      try {
        if (batch.afterLine > 0) throw new TransientError('DATABASE_UNREACHABLE', 'lost');
        return await writer.apply(batch);
      } finally {
        writing -= 1;
      }
    },
  };
  await expect(ingestObject(storedFile(path), stores(sink), options)).rejects.toThrow('lost');
  expect(writing).toBe(0);
});

test('a log whose key was taken away while it was written is finished by the verdict in the archive', async () => {
  const lost = watched((_, nth) => {
    if (nth === 1) throw new TransientError('DATABASE_UNREACHABLE', 'lost');
  });
  await expect(ingestObject(storedFile(path), stores(lost), options)).rejects.toThrow('lost');
  const sha256 = createHash('sha256').update(log).digest('hex');
  const uri = `${pathToFileURL(path).href}?sha256=${sha256}`;
  rmSync(path);
  const gone = new PoisonObjectError('OBJECT_GONE', 'the object is not there any more');
  const others = { ...options, keys: [testKey().key] };
  const receipt = await ingestDeparted(uri, stores(), others, gone);
  expect(receipt).toMatchObject({ status: 'accepted', accepted: LINES, duplicate: 0 });
});

test.each([0, 1, 2])(
  'a break-off before batch %i is made good by the redelivery, each line counted once',
  async (at) => {
    const lost = watched((_, nth) => {
      if (nth === at) throw new TransientError('DATABASE_UNREACHABLE', 'lost');
    });
    await expect(ingestObject(storedFile(path), stores(lost), options)).rejects.toThrow('lost');
    const applied: number[] = [];
    const receipt = await ingestObject(
      storedFile(path),
      stores(watched((batch) => void applied.push(batch.records.length))),
      options,
    );
    expect(receipt).toMatchObject({ status: 'accepted', accepted: LINES, duplicate: 0 });
    // What was written already is not sent again.
    expect(applied.reduce((sum, count) => sum + count, 0)).toBe(LINES - at * 1_000);
  },
);

test('gzip that unpacks beyond the limit, is cut off, or is not what its name says is refused', async () => {
  const gz = join(folder, 'log.jsonl.gz');
  const plain = stores();
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
  const writer = stores();
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
  expect(await ingestObject(storedFile(gz), stores(), options)).toMatchObject({
    status: 'accepted',
    lines: 2,
  });
});
