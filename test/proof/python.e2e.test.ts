import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spellProof } from '../../lib/proof/proof.ts';
import { verifyProof } from '../../lib/proof/verify-proof.ts';
import { parsePolicy, type Policy } from '../../lib/tlog/policy.ts';
import { atDepth } from '../support/depth.ts';
import { mutated, ProofMaker } from '../support/proofs.ts';
import { pythonTools } from '../support/python.ts';

const maker = new ProofMaker();
const folder = mkdtempSync(join(tmpdir(), 'custody-'));
const policyFile = join(folder, 'policy');
let python: string;
let policy: Policy;
let proofs: readonly Buffer[];

beforeAll(async () => {
  python = join(
    await pythonTools(resolve('.custody/proofs-venv'), ['cryptography==48.0.0']),
    'python',
  );
  await maker.bring([
    [40, 0],
    [40, 1],
    [40, 5],
    [40, 30],
    [40, 70],
  ]);
  writeFileSync(policyFile, maker.policy);
  const read = parsePolicy(Buffer.from(maker.policy));
  if ('problem' in read) throw new Error(read.problem);
  policy = read;
  const chains = await Promise.all(maker.inferences.map((id) => maker.chain(id)));
  proofs = chains.map((proof) => Buffer.from(spellProof(proof)));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What the verifier in Python says of each. */
async function pythonSays(files: readonly Buffer[]): Promise<readonly string[]> {
  const verifier = spawn(python, ['test/proof/verify_proof.py', policyFile], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  verifier.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise((done) => verifier.on('close', done));
  for (const file of files) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(file.length);
    verifier.stdin.write(Buffer.concat([length, file]));
  }
  verifier.stdin.end();
  expect(await ended).toBe(0);
  return said.trimEnd().split('\n');
}

test('a verifier in Python, written from docs/proof.md, accepts every proof', async () => {
  const all = Array.from(
    { length: atDepth(10_000) },
    (_, nth) => proofs[nth % proofs.length] ?? Buffer.alloc(0),
  );
  expect(new Set(await pythonSays(all))).toEqual(new Set(['ok']));
  for (const proof of proofs) expect(verifyProof(proof, policy)).not.toHaveProperty('problem');
});

test('of proofs with a change anywhere it refuses the same as ours does', async () => {
  const random = (below: number): number => Math.floor(Math.random() * below);
  const all = Array.from({ length: atDepth(10_000) }, (_, nth) =>
    mutated(proofs[nth % proofs.length] ?? Buffer.alloc(0), random),
  );
  const python = await pythonSays(all);
  expect(python).toHaveLength(all.length);
  for (const [nth, file] of all.entries()) {
    const ours = verifyProof(file, policy);
    const text = `${file.toString('utf8')}\n${python[nth]}\n${JSON.stringify('problem' in ours ? ours : 'ok')}`;
    expect(python[nth] === 'ok', text).toBe(!('problem' in ours));
  }
});
