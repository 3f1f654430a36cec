import { beforeAll, expect, test } from 'vitest';
import { LogTree } from '../../lib/object/log-tree.ts';
import { linePath } from '../../lib/proof/line-path.ts';
import { parseProof, spellProof, type Proof } from '../../lib/proof/proof.ts';
import { verifyProof } from '../../lib/proof/verify-proof.ts';
import { parsePolicy, type Policy } from '../../lib/tlog/policy.ts';
import { leafHash, verifyInclusion } from '../../lib/tlog/tree.ts';
import { LineFramer } from '../../lib/trust/lines.ts';
import { atDepth } from '../support/depth.ts';
import { logInMemory, mutated, ProofMaker } from '../support/proofs.ts';

const maker = new ProofMaker();
let policy: Policy;
beforeAll(async () => {
  await maker.bring([
    [4, 0],
    [3, 40],
    [2, 700],
    [1, 1],
  ]);
  const read = parsePolicy(Buffer.from(maker.policy));
  if ('problem' in read) throw new Error(read.problem);
  policy = read;
});

const bytesOf = (proof: Proof): Buffer => Buffer.from(spellProof(proof));

test('a proof of an inference holds, and says which key signed, on which line of which log, and by what each record is named', async () => {
  const checked = verifyProof(bytesOf(await maker.chain('i2-1')), policy);
  if ('problem' in checked) throw new Error(checked.problem);
  const kid = maker.signer.key.kid;
  expect(checked.asked).toEqual({ inference: 'i2-1' });
  expect(checked.records).toMatchObject([
    { record: { type: 'inference', id: 'i2-1' }, kid, line: 4, namedBy: null },
    { record: { type: 'model', name: 'm2' }, kid, line: 2, namedBy: { record: 0, isExact: false } },
    { record: { type: 'dataset', hash: 'd2' }, line: 1, namedBy: { record: 1, isExact: true } },
  ]);
  expect(checked.records[0]?.log).toMatchObject({
    object: 's3://b/log-2.jsonl?versionId=v',
    lines: 704,
    checkpoint: { origin: 'custody.example/log', size: 4 },
    cosigned: [],
  });
});

test('every proof of every record holds, in logs of one line and of hundreds', async () => {
  for (const id of maker.inferences)
    expect(verifyProof(bytesOf(await maker.chain(id)), policy)).not.toHaveProperty('problem');
});

test.each<[string, (proof: Proof) => unknown]>([
  ['a record that nothing names', () => maker.proof({ inference: 'i0-0' }, ['i0-0', 'm1'])],
  ['another record than was asked for', () => maker.proof({ inference: 'i0-0' }, ['i0-1'])],
  [
    'a dataset before the model that names it',
    () => maker.proof({ inference: 'i0-0' }, ['i0-0', 'd0', 'm0']),
  ],
  ['no record', (proof) => ({ ...proof, records: [] })],
  ['no key', (proof) => ({ ...proof, keys: [] })],
  ['a member more', (proof) => ({ ...proof, more: 1 })],
  ['another order', ({ format, ...rest }) => ({ ...rest, format })],
])('a proof with %s is refused', async (_, change) => {
  const changed = await change(await maker.chain('i0-0'));
  const bytes = Buffer.from(`${JSON.stringify(changed)}\n`);
  expect(verifyProof(bytes, policy)).toHaveProperty('problem');
});

test('a proof has one spelling', async () => {
  const bytes = bytesOf(await maker.chain('i0-0'));
  expect(parseProof(bytes)).not.toBeNull();
  const text = bytes.toString('utf8');
  for (const other of [
    text.trim(),
    `${text}\n`,
    text.replace(',', ', '),
    ` ${text}`,
    `\uFEFF${text}`,
  ])
    expect(parseProof(Buffer.from(other))).toBeNull();
});

test('no change of a proof is accepted, but that it ends earlier and proves less', async () => {
  const proofs = await Promise.all(maker.inferences.map((id) => maker.chain(id)));
  const all = proofs.map(bytesOf);
  const random = (below: number): number => Math.floor(Math.random() * below);
  for (let nth = 0; nth < atDepth(10_000); nth += 1) {
    const bytes = all[nth % all.length] ?? Buffer.alloc(0);
    const changed = mutated(bytes, random);
    if (changed.equals(bytes)) continue;
    const checked = verifyProof(changed, policy);
    if ('problem' in checked) continue;
    // Without what comes last a proof proves less, and nothing else.
    const whole = verifyProof(bytes, policy);
    if ('problem' in whole) throw new Error(whole.problem);
    expect(whole.records.slice(0, checked.records.length)).toEqual(checked.records);
    expect(checked.records.length).toBeLessThan(whole.records.length);
  }
});

test('with an index or without, a line of a large log has a path to its root, and the index alone does not decide', async () => {
  const log = Buffer.from(Array.from({ length: 3_000 }, (_, at) => `line ${at}\n`).join(''));
  const tree = new LogTree();
  tree.add(new LineFramer().push(log));
  const root = Buffer.from(tree.root(), 'hex');
  const index = tree.index();
  const wrong = { ...index, groups: index.groups.map((of) => ({ ...of, offset: of.offset + 5 })) };
  for (const line of [1, 255, 256, 257, 2_999, 3_000]) {
    const leaf = leafHash(Buffer.from(`line ${line - 1}`));
    const isProven = async (text: string | null): Promise<boolean> => {
      const found = await linePath(logInMemory(log), text, line);
      return (
        found !== null &&
        verifyInclusion({ index: line - 1, size: 3_000, leaf, proof: found.path, root })
      );
    };
    expect(await isProven(JSON.stringify(index))).toBe(true);
    expect(await isProven(null)).toBe(true);
    // The path of the first line of a run has all but that line.
    if (line % index.linesEach !== 1) expect(await isProven(JSON.stringify(wrong))).toBe(false);
  }
  expect(await linePath(logInMemory(log), null, 3_001)).toBeNull();
  expect(await linePath(logInMemory(log), null, 0)).toBeNull();
});
