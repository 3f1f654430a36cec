import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../../lib/local/free-port.ts';
import { tlogFolder } from '../../lib/local/tlog-folder.ts';
import { append } from '../../lib/tlog/append.ts';
import { keepTlog } from '../../lib/tlog/keep.ts';
import { parseNote } from '../../lib/tlog/note.ts';
import { readHead, readTile } from '../../lib/tlog/open-tlog.ts';
import { openCheckpoint, parsePolicy } from '../../lib/tlog/policy.ts';
import { atPath } from '../../lib/tlog/store.ts';
import { tileHashes } from '../../lib/tlog/tiles.ts';
import { tlogProofText, verifyTlogProof } from '../../lib/tlog/tlog-proof.ts';
import { EMPTY_ROOT, inclusionProof } from '../../lib/tlog/tree.ts';
import { goTools, HAS_GO } from '../support/go.ts';
import { MemoryTlog, testSigner } from '../support/memory-tlog.ts';
import { ProofMaker } from '../support/proofs.ts';

const run = promisify(execFile);
const now = (): Date => new Date();
const signer = testSigner('custody.example/verified');
const children: ChildProcess[] = [];

let bin: string;
let folder: string;

/** What Tessera's fsck says: it exits 0 when it fails, too, and hangs on damage where few workers share the work. */
async function tesseraSays(log: string): Promise<string> {
  const flags = ['-N=8', '-ui=false', '-logtostderr'];
  const argv = [`-storage_url=file://${log}/`, `-public_key=${folder}/vkey`, ...flags];
  const ended = await run(join(bin, 'fsck'), argv, { timeout: 60_000 }).catch(
    (error: unknown) => error as { stderr: string },
  );
  return ended.stderr;
}

/** A file and a proof beside it, as spicy takes them: without the first line. */
async function putProof(name: string, leaf: string, proof: string): Promise<string> {
  const file = join(folder, 'spicy', name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, leaf);
  await writeFile(`${file}.spicy`, proof.slice(proof.indexOf('\n') + 1));
  return file;
}

async function doesSpicyAccept(files: readonly string[], vkey = signer.key.vkey): Promise<boolean> {
  return run(join(bin, 'spicy'), ['-verify', vkey, ...files]).then(
    ({ stderr }) => stderr.includes('verified'),
    () => false,
  );
}

describe.runIf(HAS_GO)('other people’s tools', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'custody-verifiers-'));
    await writeFile(join(folder, 'vkey'), `${signer.key.vkey}\n`);
    bin = await goTools('.custody/e2e/go', [
      'github.com/transparency-dev/tessera/cmd/fsck@v1.0.4',
      'filippo.io/torchwood/cmd/spicy@v0.6.1',
      'filippo.io/torchwood/cmd/litewitness@v0.6.1',
    ]);
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  test('Tessera’s fsck finds the log whole after each batch, and a damaged one damaged', async () => {
    const log = join(folder, 'log');
    const store = tlogFolder(log);
    let count = 0;
    for (const more of [1, 4, 250, 2, 300]) {
      for (let at = 0; at < more; at += 1) await store.submit(Buffer.from(`leaf ${(count += 1)}`));
      const mine = signer.fork();
      while ((await append(store, mine, { now })).isMore) continue;
      const { checkpoint } = await readHead(store, signer.key);
      const root = checkpoint.root.toString('base64');
      expect(checkpoint.size).toBe(count);
      expect(await tesseraSays(log)).toContain(
        `Successfully fsck'd log with size ${count} and root ${root}`,
      );
    }
    const tile = join(log, 'tile/0/001');
    const bytes = await readFile(tile);
    bytes[9] = (bytes[9] ?? 0) ^ 1;
    await writeFile(tile, bytes);
    expect(await tesseraSays(log)).not.toContain('Successfully');
  });

  test('wherever the appender is killed, Tessera’s fsck finds the log whole when the next one has run', async () => {
    for (let at = 0, isKilled = true; isKilled; at += 1) {
      const [tlog, mine] = [new MemoryTlog(), signer.fork()];
      for (let leaf = 0; leaf < 255; leaf += 1) tlog.submit(`leaf ${leaf}`);
      await append(tlog.store(), mine, { now });
      for (const leaf of ['a', 'b', 'c']) tlog.submit(leaf);
      const fault = at % 2 === 0 ? 'effect-lost' : 'reply-lost';
      isKilled = await append(tlog.store({ at, fault }), mine, { now }).then(
        () => false,
        () => true,
      );
      await append(tlog.store(), mine, { now });
      const log = join(folder, `killed-${at}`);
      for (const [path, bytes] of [
        ...tlog.files,
        ['checkpoint', tlog.checkpointBytes()] as const,
      ]) {
        await mkdir(dirname(join(log, path)), { recursive: true });
        await writeFile(join(log, path), bytes ?? '');
      }
      expect(await tesseraSays(log)).toContain("Successfully fsck'd log with size 258 and root");
      await rm(log, { recursive: true });
    }
  });

  test('spicy accepts the same proofs, and no mutation but another spelling of base64; this verifier none', async () => {
    const [tlog, mine] = [new MemoryTlog(), signer.fork()];
    const leaves = Array.from({ length: 700 }, (_, at) => `leaf ${at}`);
    for (const leaf of leaves) tlog.submit(leaf);
    await append(tlog.store(), mine, { now });
    const store = tlog.store();
    const { checkpoint } = await readHead(store, signer.key);
    const note = (tlog.checkpointBytes() ?? '').toString();
    const read = tileHashes(checkpoint.size, (tile) => readTile(store, tile));
    const policy = parsePolicy(Buffer.from(`log ${signer.key.vkey}\nquorum none\n`));
    if ('problem' in policy) throw new Error(policy.problem);
    // Leaves come in the order in which they wait, by their hash.
    const ordered: string[] = [];
    for (const leaf of leaves) {
      const at = String(tlog.files.get(atPath(tlogName(leaf))));
      ordered[(JSON.parse(at) as { index: number }).index] = leaf;
    }
    const proofOf = async (at: number): Promise<[string, string]> => {
      const proof = await inclusionProof(at, checkpoint.size, read);
      const text = tlogProofText({ extra: null, index: at, proof, checkpoint: note });
      return [ordered[at] ?? '', text];
    };
    const files: string[] = [];
    for (let at = 0; at < 700; at += 1) {
      const [leaf, proof] = await proofOf(at);
      expect(verifyTlogProof(proof, Buffer.from(leaf), policy)).toMatchObject({ index: at });
      files.push(await putProof(`p${at}`, leaf, proof));
    }
    expect(await doesSpicyAccept(files)).toBe(true);
    const differ: string[] = [];
    for (let round = 0; round < 300; round += 1) {
      const [leaf, proof] = await proofOf(randomInt(700));
      const changed = Buffer.from(proof);
      // Of the first line spicy sees nothing.
      const at = 23 + randomInt(changed.length - 23);
      changed[at] = (changed[at] ?? 0) ^ (1 << randomInt(8));
      const text = changed.toString();
      const ours = !('problem' in verifyTlogProof(text, Buffer.from(leaf), policy));
      const theirs = await doesSpicyAccept([await putProof(`m${round}`, leaf, text)]);
      // Go reads base64 whose last bits are not zero: another spelling of the same bytes.
      if (ours || (theirs && spelled(text) !== proof))
        differ.push(`${at}: ours ${ours}, theirs ${theirs}`);
    }
    expect(differ).toEqual([]);
  });

  test('litewitness cosigns each checkpoint, and nothing of a log that was set back', async () => {
    const { url, vkey } = await startLitewitness();
    const store = tlogFolder(join(folder, 'witnessed'));
    const mine = signer.fork();
    const lines = [`log ${signer.key.vkey}`, `witness W ${vkey} ${url}`, 'quorum W'];
    await mkdir(join(folder, 'witnessed'), { recursive: true });
    await writeFile(join(folder, 'witnessed/policy'), lines.join('\n'));
    const policy = parsePolicy(Buffer.from(lines.join('\n')));
    if ('problem' in policy) throw new Error(policy.problem);
    const old: Buffer[] = [];
    for (const count of [1, 5, 260]) {
      for (let at = 0; at < count; at += 1) await store.submit(Buffer.from(`${count}/${at}`));
      const { problems } = await keepTlog(store, mine, { now });
      expect(problems).toEqual([]);
      const kept = await store.checkpoint();
      const note = parseNote(kept?.bytes ?? Buffer.alloc(0));
      if ('problem' in note) throw new Error(note.problem);
      expect(openCheckpoint(note, policy)).toMatchObject({ isQuorum: true });
      old.push(Buffer.from(`${note.text}\n${note.signatures[0]?.line ?? ''}`));
    }
    const { tag } = await readHead(store, signer.key);
    expect(await store.replaceCheckpoint(old[1] ?? Buffer.alloc(0), tag)).toBe(true);
    const { cosigning } = await keepTlog(store, mine, { now });
    expect(cosigning?.answers).toEqual([
      { witness: 'W', problem: 'it has cosigned 266 leaves, and the log has 6' },
    ]);
  });

  test('spicy finds the receipt of a proof in the tlog, and none that is another', async () => {
    const maker = new ProofMaker();
    await maker.bring([
      [40, 0],
      [40, 1],
      [40, 5],
      [40, 30],
      [40, 70],
    ]);
    const { vkey } = maker.tlogSigner.key;
    for (const id of [maker.inferences[0], maker.inferences[50], maker.inferences.at(-1)]) {
      const proof = await maker.chain(id ?? '');
      const { receipt = '', tlogProof = '' } = proof.receipts[0] ?? {};
      const own = await putProof('receipt', receipt, tlogProof);
      expect(await doesSpicyAccept([own], vkey)).toBe(true);
      const other = await putProof('receipt', receipt.replace('accepted', 'Accepted'), tlogProof);
      expect(await doesSpicyAccept([other], vkey)).toBe(false);
    }
  });
});

/** With each line of base64 as it should be. */
function spelled(text: string): string {
  return text.replaceAll(/^[A-Za-z0-9+/]{43}=$/gm, (line) =>
    Buffer.from(line, 'base64').toString('base64'),
  );
}

function tlogName(leaf: string): string {
  const bytes = Buffer.from(leaf);
  return createHash('sha256').update(bytes).digest('hex');
}

/** A real witness on loopback, which knows the log. Its own tool for that does not build. */
async function startLitewitness(): Promise<{ url: string; vkey: string }> {
  const [socket, key, db] = ['s', 'key', 'db'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  children.push(spawn('ssh-agent', ['-a', socket, '-D'], { stdio: 'ignore' }));
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  for (let tries = 0; ; tries += 1) {
    const isAdded = await run('ssh-add', [key], { env }).then(
      () => true,
      () => false,
    );
    if (isAdded) break;
    if (tries > 100) throw new Error('ssh-agent took no key');
    await pause(100);
  }
  const [, fingerprint = ''] = (await run('ssh-keygen', ['-lf', key])).stdout.split(' ');
  const database = new DatabaseSync(db);
  database.exec(`CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL);
    CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin));`);
  database
    .prepare('INSERT INTO log VALUES (?, 0, ?)')
    .run(signer.key.name, EMPTY_ROOT.toString('base64'));
  database.prepare('INSERT INTO key VALUES (?, ?)').run(signer.key.name, signer.key.vkey);
  database.close();
  const [port] = await freePorts(
    { kind: 'witness', wanted: 0, usual: 0 },
    { kind: 'spare', wanted: 0, usual: 0 },
  );
  const argv = [
    '-name=witness.example/lite',
    `-db=${db}`,
    `-ssh-agent=${socket}`,
    `-listen=127.0.0.1:${port}`,
    `-key=${fingerprint}`,
  ];
  const witness = spawn(join(bin, 'litewitness'), argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(witness);
  let said = '';
  witness.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  while (!said.includes('msg=listening')) await once(witness.stderr, 'data');
  const url = `http://127.0.0.1:${port}`;
  await fetch(url).catch(() => pause(1_000));
  return { url, vkey: /vkey=(\S+)/.exec(said)?.[1] ?? '' };
}
