import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { append } from '../../lib/tlog/append.ts';
import { parseCheckpoint, type Checkpoint } from '../../lib/tlog/checkpoint.ts';
import {
  cosignedText,
  cosignedTree,
  openNote,
  parseNote,
  rawEd25519,
  signatureLine,
  verifierKey,
  type VerifierKey,
} from '../../lib/tlog/note.ts';
import { openCheckpoint, parsePolicy, type Policy } from '../../lib/tlog/policy.ts';
import { EMPTY_ROOT, verifyConsistency } from '../../lib/tlog/tree.ts';
import { askWitnesses } from '../../lib/tlog/witness.ts';
import { MemoryTlog, testSigner, wrongIn } from '../support/memory-tlog.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

function witnessKey(
  name: string,
  type: 'cosignature' | 'cosignature-ml-dsa-44',
): { key: VerifierKey; line: (text: string) => string } {
  const pair =
    type === 'cosignature' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ml-dsa-44');
  const raw =
    rawEd25519(pair.publicKey) ??
    pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-1_312);
  const key = verifierKey(name, type, raw);
  if ('problem' in key) throw new Error(key.problem);
  return {
    key,
    line(text) {
      const time = BigInt(Math.floor(Date.now() / 1_000));
      const stamp = Buffer.alloc(8);
      stamp.writeBigUInt64BE(time);
      const message =
        type === 'cosignature' ? cosignedText(time, text) : (cosignedTree(name, time, text) ?? '');
      const signature = sign(null, Buffer.from(message), pair.privateKey);
      return signatureLine(key, Buffer.concat([stamp, signature]));
    },
  };
}

/** A witness by c2sp.org/tlog-witness; `answers` counts what it said, by status. */
async function witness(
  log: VerifierKey,
  { key, line }: ReturnType<typeof witnessKey>,
): Promise<{ url: string; key: VerifierKey; answers: number[] }> {
  let seen: Checkpoint = { origin: log.name, size: 0, root: EMPTY_ROOT };
  const answers: number[] = [];
  const judge = (body: string): [number, string] => {
    const blank = body.indexOf('\n\n');
    const [first = '', ...path] = body.slice(0, blank).split('\n');
    const old = Number(/^old (\d+)$/.exec(first)?.[1]);
    const note = parseNote(Buffer.from(body.slice(blank + 2)));
    if ('problem' in note || 'problem' in openNote(note, [log])) return [403, ''];
    const checkpoint = parseCheckpoint(note.text);
    if (checkpoint === null || old > checkpoint.size) return [400, ''];
    if (old !== seen.size) return [409, `${seen.size}\n`];
    const proof = path.map((hash) => Buffer.from(hash, 'base64'));
    const { size, root } = checkpoint;
    if (!verifyConsistency({ oldSize: old, oldRoot: seen.root, size, root, proof }))
      return [422, ''];
    seen = checkpoint;
    return [200, line(note.text)];
  };
  const url = await listen((body) => {
    const [status, text] = judge(body);
    answers.push(status);
    return [status, text];
  });
  return { url, key, answers };
}

async function listen(answer: (body: string) => [number, string] | null): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [status, text] = answer(Buffer.concat(chunks).toString()) ?? [0, ''];
      if (status === 0 || request.url !== '/w/add-checkpoint') return;
      response.writeHead(status, { 'content-type': 'text/x.tlog.size' });
      response.end(text);
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/w/`;
}

function policyOf(log: VerifierKey, witnesses: { key: VerifierKey; url: string }[]): Policy {
  const lines = witnesses.map(({ key, url }, at) => `witness w${at} ${key.vkey} ${url}`);
  const all = `group all all ${witnesses.map((_, at) => `w${at}`).join(' ')}`;
  const policy = parsePolicy(
    Buffer.from([`log ${log.vkey}`, ...lines, all, 'quorum all'].join('\n')),
  );
  if ('problem' in policy) throw new Error(policy.problem);
  return policy;
}

const now = (): Date => new Date();

test('witnesses of both kinds cosign each checkpoint, from the size that they have seen, and the checkpoint carries it', async () => {
  const [tlog, signer] = [new MemoryTlog(), testSigner()];
  const [one, two] = [
    await witness(signer.key, witnessKey('w.example/1', 'cosignature')),
    await witness(signer.key, witnessKey('w.example/2', 'cosignature-ml-dsa-44')),
  ];
  const policy = policyOf(signer.key, [one, two]);
  const sizes = new Map<string, number>();
  for (const count of [1, 7, 300]) {
    for (let leaf = 0; leaf < count; leaf += 1) tlog.submit(`${count}/${leaf}\n`);
    await append(tlog.store(), signer, { now });
    // A process that starts anew knows nothing, asks from 0, and is told.
    if (count === 300) sizes.clear();
    const asked = await askWitnesses(tlog.store(), signer.key, policy.witnesses, { sizes });
    expect(asked).toMatchObject({ isKept: true, answers: [{ problem: null }, { problem: null }] });
    const note = parseNote(tlog.checkpointBytes() ?? Buffer.alloc(0));
    if ('problem' in note) throw new Error(note.problem);
    expect(openCheckpoint(note, policy)).toMatchObject({
      isQuorum: true,
      checkpoint: { size: asked.size },
    });
  }
  expect(one.answers).toEqual([200, 200, 409, 200]);
  expect(two.answers).toEqual([200, 200, 409, 200]);
  const again = await askWitnesses(tlog.store(), signer.key, policy.witnesses, { sizes });
  expect(again).toMatchObject({ answers: [], isKept: false });
  expect(wrongIn(tlog, signer, [])).toEqual([]);
});

test('a witness that is down, is silent, answers nonsense, or has seen more is named, and the others are kept', async () => {
  const [tlog, signer] = [new MemoryTlog(), testSigner()];
  const good = await witness(signer.key, witnessKey('w.example/good', 'cosignature'));
  const down = await listen(() => null);
  await new Promise((done) => servers.pop()?.close(done));
  const other = (name: string): VerifierKey => witnessKey(`w.example/${name}`, 'cosignature').key;
  const strangerLine = witnessKey('w.example/stranger', 'cosignature');
  const policy = policyOf(signer.key, [
    good,
    { key: other('down'), url: down },
    { key: other('silent'), url: await listen(() => null) },
    { key: other('nonsense'), url: await listen(() => [200, 'hello\n']) },
    { key: other('ahead'), url: await listen(() => [409, '9\n']) },
    {
      key: other('wavering'),
      url: await listen((body) => [409, body.startsWith('old 0') ? '1\n' : '0\n']),
    },
    { key: other('refusing'), url: await listen(() => [403, 'no\n']) },
    { key: other('endless'), url: await listen(() => [200, 'x'.repeat(200_000)]) },
    {
      key: strangerLine.key,
      url: await listen(() => [
        200,
        strangerLine.line('other\n1\n' + EMPTY_ROOT.toString('base64') + '\n'),
      ]),
    },
  ]);
  for (const leaf of ['a', 'b']) tlog.submit(leaf);
  await append(tlog.store(), signer, { now });
  const asked = await askWitnesses(tlog.store(), signer.key, policy.witnesses, { answerMs: 2_500 });
  expect(asked.answers.map(({ problem }) => problem)).toEqual([
    null,
    'it can’t be reached (ECONNREFUSED)',
    'it did not answer in time',
    'its answer holds no cosignature of its key',
    'it has cosigned 9 leaves, and the log has 2',
    'it told another size each time',
    'it answered 403',
    'its answer has no end',
    'its answer holds no cosignature of its key',
  ]);
  expect(asked.isKept).toBe(true);
});

test('cosignatures of a checkpoint that another has followed meanwhile are let go', async () => {
  const [tlog, signer] = [new MemoryTlog(), testSigner()];
  tlog.submit('a');
  await append(tlog.store(), signer, { now });
  const { key, line } = witnessKey('w.example/slow', 'cosignature');
  const text = tlog.checkpointBytes()?.toString().split('\n\n')[0] ?? '';
  const url = await listen(() => {
    tlog.setCheckpoint(tlog.checkpointBytes());
    return [200, line(`${text}\n`)];
  });
  const policy = policyOf(signer.key, [{ key, url }]);
  const asked = await askWitnesses(tlog.store(), signer.key, policy.witnesses);
  expect(asked).toMatchObject({ isKept: false, answers: [{ problem: null }] });
});
