import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { audit } from '../../lib/audit/audit.ts';
import { repair } from '../../lib/audit/repair.ts';
import type { EvidenceStore } from '../../lib/audit/store.ts';
import { keepWaiver } from '../../lib/audit/waivers.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import { ingestObject } from '../../lib/ingest/ingest.ts';
import { folderEvidence } from '../../lib/local/evidence-store.ts';
import { localArchive } from '../../lib/local/log-archive.ts';
import { storedFile } from '../../lib/object/file.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { atDepth } from '../support/depth.ts';
import { editByHand } from '../support/graph-edits.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { randomObjects, type RandomObject } from '../support/random-records.ts';
import { recordText } from '../support/record-text.ts';
import { graphSnapshot, placesOf, wipe } from '../support/snapshot.ts';
import { testKey } from '../support/test-key.ts';

let graph: Graph;
let folder: string;
let store: EvidenceStore;
const keys = [testKey(), testKey()];
beforeAll(() => {
  graph = openGraph(neo4jLogin);
});
afterAll(() => graph.close());
beforeEach(async () => {
  await wipe(graph);
  folder = mkdtempSync(join(tmpdir(), 'custody-audit-'));
  store = folderEvidence(folder);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const archive = () => localArchive(join(folder, 'archive'));
const options = () => ({ graph, archive: archive(), store, payload: 'inline' as const });

let logs = 0;

/** Signs an object's records and brings them the way every log comes. */
async function bring({ records }: Pick<RandomObject, 'records'>): Promise<void> {
  const path = join(folder, `log-${(logs += 1)}.jsonl`);
  const lines = records.map(({ record, kid }) => {
    const key = keys[kid === 'kid-0' ? 0 : 1] ?? testKey();
    return `${signRecord(recordText(record), key.privateKey, 'digest')}\n`;
  });
  writeFileSync(path, lines.join(''));
  const stores = { sink: new GraphWriter(graph), archive: archive() };
  const receipt = await ingestObject(storedFile(path), stores, {
    keys: keys.map(({ key }) => key),
    onBadLine: 'reject',
  });
  expect(receipt.status).toBe('accepted');
}

const SOUND = { complete: true, differences: [], unsettled: 0 };

const SETS = atDepth(40);

test(
  `of ${SETS} untouched graphs of random records the audit names nothing, and compares all of it`,
  { timeout: 1_800_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(randomObjects, async (objects) => {
        await wipe(graph);
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
        for (const object of objects) await bring(object);
        expect(await audit(options())).toMatchObject(SOUND);
      }),
      { numRuns: SETS, endOnFailure: true },
    );
  },
);

const EDITS = atDepth(200);

test(
  `each of ${EDITS} edits by hand is named, nothing else is, and a repair brings the graph back`,
  { timeout: 1_800_000 },
  async () => {
    const rich = fc.sample(randomObjects, 60).toSorted((a, b) => b.flat().length - a.flat().length);
    let made = 0;
    let seed = Math.floor(Math.random() * 2 ** 31);
    const pick = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
      return Math.floor((seed / 0x80000000) * below);
    };
    for (const objects of rich) {
      if (made >= EDITS) break;
      await wipe(graph);
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      for (const object of objects) await bring(object);
      const before = await graphSnapshot(graph);
      const places = await placesOf(graph);
      expect(await audit(options())).toMatchObject(SOUND);
      for (let tried = 0; tried < 12 && made < EDITS; tried += 1) {
        const edit = await editByHand(graph, pick);
        if (edit === null) continue;
        made += 1;
        const found = await audit(options());
        const named = JSON.stringify([edit, found.differences], null, 1);
        expect(found.differences, named).not.toEqual([]);
        for (const difference of found.differences) {
          const said = JSON.stringify(difference);
          const isNear = edit.near.some((name) => said.includes(JSON.stringify(name).slice(1, -1)));
          expect(isNear, JSON.stringify([edit.what, difference, named])).toBe(true);
        }
        await repair(found.differences, options(), () => undefined);
        let after = await audit(options());
        // What a thing rested on may itself have been taken out with another: once more.
        if (after.differences.length > 0) {
          await repair(after.differences, options(), () => undefined);
          after = await audit(options());
        }
        expect(after, named).toMatchObject(SOUND);
        expect(await graphSnapshot(graph), named).toEqual(before);
        expect((await placesOf(graph)).length).toBe(places.length);
      }
    }
    expect(made).toBe(EDITS);
  },
);

test(
  'an audit beside ingest names nothing, and one after it compares all',
  { timeout: 600_000 },
  async () => {
    const objects = fc.sample(randomObjects, atDepth(60)).flat();
    let isBringing = true;
    const bringing = Promise.all(
      [0, 1].map(async (half) => {
        for (const [index, object] of objects.entries())
          if (index % 2 === half) await bring(object);
      }),
    ).finally(() => (isBringing = false));
    for (let audits = 0; isBringing || audits === 0; audits += 1) {
      const { differences } = await audit(options());
      expect(differences).toEqual([]);
    }
    await bringing;
    expect(await audit(options())).toMatchObject(SOUND);
  },
);

test(
  'an audit that is killed at any write, or whose time is up, goes on and names the same',
  { timeout: 600_000 },
  async () => {
    for (const object of fc.sample(randomObjects, 4).flat()) await bring(object);
    await graph[database].run("CREATE (:Dataset {hash: 'nobody', path: 'p'})");
    const { differences } = await audit(options());
    expect(differences).toMatchObject([{ kind: 'dataset', identity: ['nobody'], what: 'node' }]);
    for (let nth = 1; nth < 20; nth += 3) {
      rmSync(join(folder, 'audit'), { recursive: true });
      let writes = 0;
      const dying: EvidenceStore = {
        ...store,
        write: (name, bytes) =>
          (writes += 1) === nth ? Promise.reject(new Error('killed')) : store.write(name, bytes),
      };
      for (let turn = 0; ; turn += 1) {
        let asked = 0;
        const isTimeUp = (): boolean => (asked += 1) > 3;
        const found = await audit({ ...options(), store: dying, isTimeUp }).catch(() => null);
        if (found?.complete === true) {
          expect(found.differences).toEqual(differences);
          break;
        }
        expect(turn).toBeLessThan(100);
      }
    }
  },
);

test('a log that the archive lacks is named, and then nothing is repaired', async () => {
  for (const object of fc.sample(randomObjects, 1).flat()) await bring(object);
  expect(await audit(options())).toMatchObject(SOUND);
  const [log = ''] = readdirSync(join(folder, 'archive')).filter((name) => name.length === 64);
  rmSync(join(folder, 'archive', log));
  const { differences } = await audit(options());
  expect(differences).toMatchObject([{ kind: 'log', identity: [log], what: 'archive' }]);
  await expect(repair(differences, options(), () => undefined)).rejects.toThrow(
    'nothing was repaired',
  );
});

test('a waiver that nobody made is named, and so is one that is gone', async () => {
  const made = {
    key: 'model-without-dataset:{"kind":"model"}',
    who: 'w',
    why: 'y',
    until: '2030-01-01T00:00:00.000Z',
    madeAt: '2026-01-01T10:00:00.120Z',
  };
  await keepWaiver(store, made);
  await graph[database].run("CREATE (:Waiver {key: 'nobody', who: 'x'})");
  const { differences } = await audit(options());
  expect(new Set(differences.map(({ identity }) => identity[0]))).toEqual(
    new Set([made.key, 'nobody']),
  );
  await repair(differences, options(), () => undefined);
  expect(await audit(options())).toMatchObject(SOUND);
});
