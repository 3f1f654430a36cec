import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { openGraph } from '../../lib/graph/connection.ts';
import type { KeyPolicy } from '../../lib/trust/key-policy.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { custody as run, type Ended } from '../support/custody.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { wipe } from '../support/snapshot.ts';
import { testKey, type TestKey } from '../support/test-key.ts';

// The two runbooks of docs/operations.md, step by step, on one machine.
const graph = openGraph(neo4jLogin);
const [old, next] = [testKey(), testKey()];
let folder = '';
beforeEach(async () => {
  await wipe(graph);
  folder = mkdtempSync(join(tmpdir(), 'custody-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
afterAll(() => graph.close());

function custody(...args: string[]): Promise<Ended> {
  return run(args, { cwd: folder, env: { CUSTODY_KEYS: 'ring:ring.json' } });
}

function ring(...keys: readonly (readonly [TestKey, KeyPolicy])[]): void {
  const entries = keys.map(([{ publicPem }, policy]) => ({ source: publicPem, ...policy }));
  writeFileSync(join(folder, 'ring.json'), JSON.stringify({ keys: entries }));
}

function log(name: string, signer: TestKey, ...records: readonly object[]): string {
  const lines = records.map((of) => signRecord(JSON.stringify(of), signer.privateKey, 'digest'));
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
  return name;
}

const model = (commit: string, timestamp: string): object => {
  return { type: 'model', model_name: 'm', git_commit: commit, timestamp };
};
const inference = (id: string, timestamp: string): object => {
  return { type: 'inference', id, model_name: 'm', git_commit: 'one', timestamp };
};
const dated = (name: string, more: KeyPolicy = {}): KeyPolicy => ({ name, ...more });

test('a key is rotated: both sign for a while, then the old one is for older times alone, and what it signed stays', async () => {
  ring([old, dated('2025')]);
  expect(
    (await custody('ingest', log('a.jsonl', old, model('one', '2025-06-01T00:00:00Z')))).exit,
  ).toBe(0);
  // 1. The new key beside the old one, which ends with the year.
  const ends = { notAfter: '2025-12-31T23:59:59.999999999Z' };
  ring([old, dated('2025', ends)], [next, dated('2026', { notBefore: '2026-01-01T00:00:00Z' })]);
  const late = log('late.jsonl', old, inference('i1', '2025-12-31T23:59:59Z'));
  const good = log('b.jsonl', next, model('two', '2026-01-02T00:00:00Z'));
  expect((await custody('ingest', late, good)).exit).toBe(0);
  // 2. The old one is not taken for what is new, nor the new one for what is old; both by their names.
  const wrong = log('c.jsonl', old, model('three', '2026-01-02T00:00:00Z'));
  const early = log('d.jsonl', next, model('three', '2025-06-02T00:00:00Z'));
  const refused = await custody('ingest', wrong, early);
  expect(refused.exit).toBe(1);
  expect(refused.out).toContain('KEY_NOT_ALLOWED: the key “2025” signs nothing of a time after');
  expect(refused.out).toContain('KEY_NOT_ALLOWED: the key “2026” signs nothing of a time before');
  const verified = await custody('verify', wrong, early);
  expect([verified.exit, verified.out]).toEqual([refused.exit, refused.out]);
  // 3. What each has signed; the first version by the new key is a finding, to be waived.
  const keys = await custody('keys');
  expect(keys.exit).toBe(0);
  expect(keys.out).toContain(`${old.key.kid}   expired   2025\n  2 signings in 2 logs`);
  expect(keys.out).toContain(`${next.key.kid}   valid   2026\n  1 signing in 1 log`);
  const check = await custody('check', '--rule', 'version-by-another-key');
  expect(check.out).toContain('medium  version-by-another-key: 1 of 2 model versions\n');
  expect(check.out).toContain('{"commit":"two","kind":"model","name":"m"}');
});

test('a key is compromised: nothing of it gets in, and what rests on it is told, counted and found', async () => {
  ring([old, dated('stolen')], [next, dated('safe')]);
  const honest = log('a.jsonl', old, model('one', '2025-06-01T00:00:00Z'));
  expect((await custody('ingest', honest)).exit).toBe(0);
  await new Promise((done) => setTimeout(done, 50));
  const from = new Date().toISOString();
  const thief = log(
    'b.jsonl',
    old,
    inference('i1', '2025-06-02T00:00:00Z'),
    inference('i2', '2025-06-02T00:00:00Z'),
  );
  const both = log('c.jsonl', next, inference('i2', '2025-06-02T00:00:00Z'));
  expect((await custody('ingest', thief, both)).exit).toBe(0);
  // 1. Revoked, with the time from when others may have had it.
  const revoked = {
    at: new Date().toISOString(),
    compromisedFrom: from,
    reason: 'a laptop was lost',
  };
  ring([old, dated('stolen', { revoked })], [next, dated('safe')]);
  const more = log('d.jsonl', old, inference('i3', '2025-06-01T00:00:00Z'));
  const refused = await custody('ingest', more);
  expect([refused.exit, refused.out]).toEqual([
    1,
    expect.stringContaining('KEY_NOT_ALLOWED: the key “stolen” is revoked'),
  ]);
  // What was archived before is taken in again by the verdict of then; nothing of it is new.
  copyFileSync(join(folder, thief), join(folder, 'copy.jsonl'));
  const again = await custody('ingest', 'copy.jsonl');
  expect([again.exit, again.out]).toEqual([0, expect.stringContaining('2 duplicate')]);
  // 2. What rests on it: of three signings two are in doubt, and one of those another key has signed, too.
  const keys = await custody('keys', '--json');
  expect(JSON.parse(keys.out)).toMatchObject({
    items: [
      { kid: old.key.kid, name: 'stolen', status: 'compromised', signed: { signings: 3, logs: 2 } },
      { kid: next.key.kid, status: 'valid', signed: { signings: 1 } },
    ],
  });
  const impact = await custody('impact', '--kid', old.key.kid);
  expect(impact.out).toContain('it signed 0 datasets, 1 model and 2 inferences');
  expect(impact.out).toContain('1 of those rests on compromised keys alone');
  const check = await custody('check', '--rule', 'fact-on-compromised-key');
  expect([check.exit, check.out]).toEqual([
    1,
    `high    fact-on-compromised-key: 1 of 4 signings\n          fact-on-compromised-key:{"kid":"${old.key.kid}","kind":"key"}\n`,
  ]);
  // 3. What is true of it the producer signs again with another key: the finding settles.
  expect(
    (await custody('ingest', log('e.jsonl', next, inference('i1', '2025-06-02T00:00:00Z')))).exit,
  ).toBe(0);
  const settled = await custody('check', '--rule', 'fact-on-compromised-key');
  expect([settled.exit, settled.out]).toEqual([
    0,
    'ok      fact-on-compromised-key: 0 of 5 signings, 1 settled now\n',
  ]);
});
