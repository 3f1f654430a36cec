import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { factsOf, formatFact, keyOf, keyOfLine, parseFact } from '../../lib/audit/facts.ts';
import { Runs } from '../../lib/audit/runs.ts';
import { AuditState } from '../../lib/audit/state.ts';
import type { EvidenceStore } from '../../lib/audit/store.ts';
import { takeIn } from '../../lib/audit/take-in.ts';
import { compareText } from '../../lib/graph/order.ts';
import { judge, verdictOf } from '../../lib/ingest/judge.ts';
import { formatVerdict } from '../../lib/ingest/verdict.ts';
import { folderEvidence } from '../../lib/local/evidence-store.ts';
import { localArchive } from '../../lib/local/log-archive.ts';
import { storedFile } from '../../lib/object/file.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { atDepth } from '../support/depth.ts';
import { randomObjects, type RandomObject } from '../support/random-records.ts';
import { recordText } from '../support/record-text.ts';
import { testKey } from '../support/test-key.ts';

const { key, privateKey } = testKey();
let folder: string;
let store: EvidenceStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'custody-audit-'));
  store = folderEvidence(folder);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const archive = () => localArchive(join(folder, 'archive'));

/** Archives a log as it is archived before it is written; answers its name. */
async function archived({ records }: RandomObject): Promise<string> {
  const lines = records.map(
    ({ record }) => `${signRecord(recordText(record), privateKey, 'digest')}\n`,
  );
  const path = join(folder, 'log.jsonl');
  writeFileSync(path, lines.join(''));
  const log = createHash('sha256').update(lines.join('')).digest('hex');
  const object = storedFile(path);
  const options = { keys: [key], onBadLine: 'reject' } as const;
  const verdict = verdictOf(await judge(object, options, null), options);
  const name = { log, parked: null };
  await archive().put(object, object.identity(), {
    name,
    text: formatVerdict(name, verdict, options),
    tree: verdict.tree,
  });
  return log;
}

/** All that is kept, in the order of keys, each with the log that says it. */
async function kept(): Promise<readonly string[]> {
  const state = await AuditState.load(store, false);
  const lines: string[] = [];
  let last = '';
  for await (const line of new Runs(store).from(state.at.runs, '')) {
    expect(compareText(last, keyOfLine(line))).toBeLessThanOrEqual(0);
    last = keyOfLine(line);
    const { source, ...fact } = parseFact(line, state.at.kids);
    lines.push(JSON.stringify([state.sources[source]?.log, fact]));
  }
  return lines.sort();
}

test('a fact is read as it was kept, whatever its names hold', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
      const name = text.replaceAll('\0', '-').toWellFormed();
      const [fact] = factsOf(
        {
          record: {
            type: 'inference',
            id: name,
            modelName: name,
            commit: null,
            input: name,
            output: '{}',
            timestamp: name,
            recordedAt: { epochSeconds: -1, nanoseconds: 999_999_999 },
            digest: 'ab'.repeat(32),
          },
          kid: 'k',
          location: { log: '', line: 1, offset: 0, length: 9 },
        },
        3,
      );
      if (fact === undefined) throw new Error('a record says something');
      const kids = ['another'];
      const line = formatFact(fact, kids);
      expect(parseFact(line, kids)).toEqual(fact);
      expect(keyOfLine(line)).toBe(keyOf('inference', [name]));
    }),
    { numRuns: atDepth(2_000) },
  );
});

test(
  'wherever taking in is cut off or killed, and begun again, each log is there once and whole',
  { timeout: 60_000 },
  async () => {
    const [objects = []] = fc
      .sample(fc.tuple(randomObjects, randomObjects, randomObjects, randomObjects), 1)
      .map((all) => all.flat());
    for (const object of objects) await archived(object);
    const whole = new Set<string>();
    const never = (): boolean => false;
    await takeIn(archive(), await AuditState.load(store, false), new Runs(store), never);
    const expected = await kept();
    for (const line of expected) whole.add(line);
    expect(expected.length).toBe(whole.size);
    for (let nth = 1; nth < 12; nth += 1) {
      rmSync(join(folder, 'audit'), { recursive: true });
      let writes = 0;
      const dying: EvidenceStore = {
        ...store,
        write: (name, bytes) =>
          (writes += 1) === nth ? Promise.reject(new Error('killed')) : store.write(name, bytes),
      };
      for (let turn = 0; ; turn += 1) {
        const state = await AuditState.load(dying, false);
        let asked = 0;
        const isTimeUp = (): boolean => (asked += 1) > 1;
        const taken = await takeIn(archive(), state, new Runs(dying), isTimeUp).catch(() => null);
        if (taken?.isWhole === true) break;
        expect(turn).toBeLessThan(200);
      }
      expect(await kept()).toEqual(expected);
    }
  },
);

test('a log that the archive has lost is told, and one that was changed there is not believed', async () => {
  const [[first, second] = []] = fc
    .sample(fc.tuple(randomObjects, randomObjects), 1)
    .map((all) => all.flat());
  if (first === undefined || second === undefined) return;
  const lost = await archived(first);
  const never = (): boolean => false;
  await takeIn(archive(), await AuditState.load(store, false), new Runs(store), never);
  rmSync(join(folder, 'archive', lost));
  const changed = await archived({ ...second, records: [...second.records, ...second.records] });
  writeFileSync(join(folder, 'archive', changed), 'something else\n');
  const state = await AuditState.load(store, false);
  const taken = await takeIn(archive(), state, new Runs(store), never);
  expect(taken.missing).toEqual([lost]);
  expect(state.sources.find(({ log }) => log === changed)?.problem).toMatch(/other bytes/);
});
