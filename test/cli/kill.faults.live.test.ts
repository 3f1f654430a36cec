import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { openGraph } from '../../lib/graph/connection.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import { ingestObject } from '../../lib/ingest/ingest.ts';
import type { Receipt } from '../../lib/ingest/receipt.ts';
import { storedFile } from '../../lib/object/file.ts';
import { custody, startCustody } from '../support/custody.ts';
import { lineageLog } from '../support/lineage-log.ts';
import { localStores } from '../support/local-stores.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { graphSnapshot, wipe } from '../support/snapshot.ts';
import { testKey } from '../support/test-key.ts';

const LINES = 6_000;
const folder = mkdtempSync(join(tmpdir(), 'custody-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pair = testKey();

test(
  'an ingest that is killed again and again ends, redelivered, in the graph of one that was left alone',
  { timeout: 900_000 },
  async () => {
    const path = join(folder, 'log.jsonl');
    writeFileSync(path, lineageLog(pair.privateKey, LINES - 4));
    writeFileSync(join(folder, 'k.pem'), pair.publicPem);
    const graph = openGraph(neo4jLogin);

    await wipe(graph);
    await ingestObject(storedFile(path), localStores(graph, folder), {
      keys: [pair.key],
      onBadLine: 'reject',
    });
    const undisturbed = await graphSnapshot(graph);
    await wipe(graph);

    const ingest = ['ingest', '--json', '--key', 'k.pem', path];
    const object = storedFile(path);
    for await (const chunk of object.read()) expect(chunk.length).toBeGreaterThan(0);
    const writer = new GraphWriter(graph);
    const { uri, sha256 } = object.identity();
    const progress = async (): Promise<{ linesDone: number; status: string | null }> => {
      const log = await writer.log({ log: sha256 ?? '', parked: null });
      return { linesDone: log?.linesDone ?? 0, status: (await writer.known(uri)).status };
    };

    // Killed as soon as one more batch is in, so that every batch boundary sees a kill.
    let kills = 0;
    for (let seen = -1; (await progress()).status !== 'accepted' && kills < 40;) {
      const child = startCustody(ingest, { cwd: folder });
      const exit = once(child, 'exit');
      const isOver = (): boolean => child.exitCode !== null;
      while (!isOver()) {
        const { linesDone } = await progress();
        if (linesDone > seen) {
          seen = linesDone;
          if (linesDone > 0) break;
        }
        await pause(10);
      }
      if (!isOver()) {
        child.kill('SIGKILL');
        kills += 1;
      }
      await exit;
    }
    expect(kills).toBeGreaterThanOrEqual(4);

    const { exit: code, out } = await custody(ingest, { cwd: folder });
    expect(code).toBe(0);
    const { objects } = JSON.parse(out) as { objects: Receipt[] };
    expect((objects[0]?.accepted ?? 0) + (objects[0]?.duplicate ?? 0)).toBe(LINES);
    expect(await progress()).toEqual({ status: 'accepted', linesDone: LINES });
    expect(await writer.known(uri)).toMatchObject({ accepted: LINES, duplicate: 0 });
    expect(await graphSnapshot(graph)).toEqual(undisturbed);
    await graph.close();
  },
);
