import { spellReceipt } from '../lib/ingest/receipt.ts';
import { LogTree } from '../lib/object/log-tree.ts';
import { linePath } from '../lib/proof/line-path.ts';
import { proofOf, spellProof } from '../lib/proof/proof.ts';
import { verifyProof } from '../lib/proof/verify-proof.ts';
import { append } from '../lib/tlog/append.ts';
import { parsePolicy } from '../lib/tlog/policy.ts';
import { LineFramer } from '../lib/trust/lines.ts';
import { signRecord } from '../lib/trust/sign.ts';
import { logInMemory, ProofMaker } from '../test/support/proofs.ts';

// A proof of one line of a million, in a tlog of so many leaves: its size beyond the envelope, and the
// time it takes to find the path with the index of the log's tree, and to check it.
const LINES = Number(process.argv[2] ?? 1_000_000);
const LEAVES = Number(process.argv[3] ?? 9_000);
const ROUNDS = 101;

const maker = new ProofMaker();
const { privateKey, key, publicPem } = maker.signer;
const record = { type: 'dataset', hash: 'd', path: 'p', timestamp: '2026-01-01T00:00:00Z' };
const envelope = signRecord(JSON.stringify(record), privateKey, 'max');
const line = Math.floor(LINES / 3);
const other = `${'x'.repeat(300)}\n`;
const bytes = Buffer.concat([
  Buffer.from(other.repeat(line - 1)),
  Buffer.from(`${envelope}\n`),
  Buffer.from(other.repeat(LINES - line)),
]);
const tree = new LogTree();
const framer = new LineFramer();
for (let at = 0; at < bytes.length; at += 262_144)
  tree.add(framer.push(bytes.subarray(at, at + 262_144)));
const receipt = spellReceipt({
  object:
    's3://lineage-logs-111122223333/team-a/2026/11/28/records.jsonl?versionId=3HL4kqtJvjVBH40Nrjfkd',
  status: 'accepted',
  lines: LINES,
  accepted: LINES,
  duplicate: 0,
  withheld: 0,
  rejectedTotal: 0,
  rejected: [],
  bytes: bytes.length,
  sha256: 'a'.repeat(64),
  root: tree.root(),
  kids: [key.kid],
  custody: '0.1.0',
});
maker.tlog.submit(receipt);
for (let leaf = 1; leaf < LEAVES; leaf += 1) maker.tlog.submit(`{"type":"receipt","n":${leaf}}`);
await append(maker.tlog.store(), maker.tlogSigner, { now: () => new Date() });

const log = logInMemory(bytes);
const index = JSON.stringify(tree.index());
const medianOf = async (act: () => unknown): Promise<number> => {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = performance.now();
    await act();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[(ROUNDS - 1) / 2] ?? 0;
};
const found = await linePath(log, index, line);
const path = (found?.path ?? []).map((hash) => hash.toString('base64'));
const tlogProof = await maker.tlogProof(receipt);
const proven = { envelope, kid: key.kid, line, path, receipt: 0 };
const proof = proofOf({
  asked: { dataset: 'd' },
  records: [proven],
  keys: [publicPem],
  receipts: [{ receipt, tlogProof }],
});
const file = Buffer.from(spellProof(proof));
const policy = parsePolicy(Buffer.from(maker.policy));
if ('problem' in policy) throw new Error(policy.problem);
const checked = verifyProof(file, policy);
if ('problem' in checked) throw new Error(checked.problem);
const finding = await medianOf(() => linePath(log, index, line));
const checking = await medianOf(() => verifyProof(file, policy));
console.log(
  `line ${line} of ${LINES}, leaf of ${LEAVES}: ${file.length} bytes, of which envelope ${envelope.length}, its path ${path.join('","').length}, receipt ${receipt.length}, tlog-proof ${tlogProof.length}, key ${publicPem.length}`,
);
console.log(
  `index ${index.length} bytes; path found in ${finding.toFixed(2)} ms, proof checked in ${checking.toFixed(2)} ms (medians of ${ROUNDS})`,
);
