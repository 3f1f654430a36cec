import { createHash } from 'node:crypto';
import { spellReceipt } from '../../lib/ingest/receipt.ts';
import { LogTree } from '../../lib/object/log-tree.ts';
import { storedObject, type StoredObject } from '../../lib/object/stored.ts';
import { linePath } from '../../lib/proof/line-path.ts';
import { proofOf, type Asked, type Proof } from '../../lib/proof/proof.ts';
import { append } from '../../lib/tlog/append.ts';
import { parseCheckpoint } from '../../lib/tlog/checkpoint.ts';
import { parseNote } from '../../lib/tlog/note.ts';
import { parseAt } from '../../lib/tlog/store.ts';
import { tileHashes, tilePath } from '../../lib/tlog/tiles.ts';
import { tlogProofText } from '../../lib/tlog/tlog-proof.ts';
import { inclusionProof } from '../../lib/tlog/tree.ts';
import { LineFramer } from '../../lib/trust/lines.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { MemoryTlog, testSigner } from './memory-tlog.ts';
import { testKey, type TestKey } from './test-key.ts';

const sha256 = (bytes: string | Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/** A log in memory, as the archive would open it. */
export function logInMemory(bytes: Buffer): StoredObject {
  async function* chunks(from: number): AsyncGenerator<Uint8Array> {
    for (let at = from; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000);
  }
  const store = { name: 'log', origin: { pipe: 'log' }, isGzip: false, uri: 'u' };
  return storedObject({ ...store, bytes: bytes.length, uriOf: () => 'u', chunks });
}

interface Signed {
  readonly log: number;
  readonly line: number;
  readonly envelope: string;
}

/** Chains of one dataset, one model and inferences over logs of several sizes, in a tlog of its own. */
export class ProofMaker {
  readonly signer: TestKey = testKey();
  readonly tlogSigner = testSigner();
  readonly tlog = new MemoryTlog();
  readonly #logs: Buffer[] = [];
  readonly #receipts: string[] = [];
  readonly #signed = new Map<string, Signed>();
  readonly inferences: string[] = [];

  get policy(): string {
    return `log ${this.tlogSigner.key.vkey}\nquorum none\n`;
  }

  /** Each log has `records` of its signed lines, and so many others in between, which nobody proves. */
  async bring(sizes: readonly (readonly [records: number, others: number])[]): Promise<void> {
    for (const [nth, [records, others]] of sizes.entries()) {
      const timestamp = '2026-01-01T00:00:00Z';
      const said = Array.from({ length: records }, (_, at) => ({
        type: 'inference',
        id: `i${nth}-${at}`,
        model_name: `m${nth}`,
        ...(at % 2 === 0 ? { git_commit: 'c' } : {}),
        input: { text: 'é “x”\u2028'.repeat(at % 5) },
        timestamp,
      }));
      const lines = [
        { type: 'dataset', hash: `d${nth}`, path: '/d', timestamp },
        {
          type: 'model',
          model_name: `m${nth}`,
          git_commit: 'c',
          dataset_hashes: [`d${nth}`],
          timestamp,
        },
        ...said,
      ].map((record) => signRecord(JSON.stringify(record), this.signer.privateKey, 'max'));
      this.inferences.push(...said.map(({ id }) => id));
      const all = [...lines, ...Array.from({ length: others }, (_, at) => `{"other":${at}}`)];
      const bytes = Buffer.from(all.join('\r\n'));
      this.#logs.push(bytes);
      for (const [at, envelope] of lines.entries()) {
        const name = at === 0 ? `d${nth}` : at === 1 ? `m${nth}` : `i${nth}-${at - 2}`;
        this.#signed.set(name, { log: nth, line: at + 1, envelope });
      }
      const tree = new LogTree();
      const framer = new LineFramer();
      tree.add([...framer.push(bytes), ...framer.end()]);
      const counts = { lines: all.length, accepted: all.length, duplicate: 0, withheld: 0 };
      const receipt = spellReceipt({
        object: `s3://b/log-${nth}.jsonl?versionId=v`,
        status: 'accepted',
        ...counts,
        rejectedTotal: 0,
        rejected: [],
        bytes: bytes.length,
        sha256: sha256(bytes),
        root: tree.root(),
        kids: [this.signer.key.kid],
        custody: '0.1.0',
      });
      this.#receipts.push(receipt);
      this.tlog.submit(receipt);
    }
    await append(this.tlog.store(), this.tlogSigner, { now: () => new Date() });
  }

  /** Of records by their names, the first of which was asked for. */
  async proof(asked: Asked, names: readonly string[]): Promise<Proof> {
    const logs: number[] = [];
    const records: Proof['records'][number][] = [];
    for (const name of names) {
      const signed = this.#signed.get(name);
      if (signed === undefined) throw new Error(`no record ${name}`);
      if (!logs.includes(signed.log)) logs.push(signed.log);
      const object = logInMemory(this.#logs[signed.log] ?? Buffer.alloc(0));
      const found = await linePath(object, null, signed.line);
      const path = (found?.path ?? []).map((hash) => hash.toString('base64'));
      const { envelope, line } = signed;
      const receipt = logs.indexOf(signed.log);
      records.push({ envelope, kid: this.signer.key.kid, line, path, receipt });
    }
    const receipts = await Promise.all(
      logs.map(async (log) => {
        const receipt = this.#receipts[log] ?? '';
        return { receipt, tlogProof: await this.tlogProof(receipt) };
      }),
    );
    return proofOf({ asked, records, keys: [this.signer.publicPem], receipts });
  }

  /** Of an inference and all that it rests on. */
  async chain(id: string): Promise<Proof> {
    const nth = /^i(\d+)-/.exec(id)?.[1] ?? '';
    return this.proof({ inference: id }, [id, `m${nth}`, `d${nth}`]);
  }

  async tlogProof(leaf: string): Promise<string> {
    const checkpoint = this.tlog.checkpointBytes()?.toString('utf8') ?? '';
    const note = parseNote(Buffer.from(checkpoint));
    const size = 'problem' in note ? 0 : (parseCheckpoint(note.text)?.size ?? 0);
    const index = parseAt(this.tlog.files.get(`at/${sha256(leaf)}`) ?? Buffer.alloc(0));
    if (index === null) throw new Error('not in the tlog');
    const read = tileHashes(size, (tile) =>
      Promise.resolve(this.tlog.files.get(tilePath(tile)) ?? Buffer.alloc(0)),
    );
    const proof = await inclusionProof(index, size, read);
    return tlogProofText({ extra: null, index, proof, checkpoint });
  }
}

/** One change somewhere in a proof's file: of a byte, of a text, of a number, or of what a list holds. */
export function mutated(bytes: Buffer, random: (below: number) => number): Buffer {
  if (random(3) === 0) {
    const copy = Buffer.from(bytes);
    const at = random(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << random(8));
    return copy;
  }
  const value = JSON.parse(bytes.toString('utf8')) as unknown;
  const places: [parent: Record<string, unknown>, name: string][] = [];
  const walk = (of: unknown): void => {
    if (typeof of !== 'object' || of === null) return;
    for (const [name, member] of Object.entries(of)) {
      places.push([of as Record<string, unknown>, name]);
      walk(member);
    }
  };
  walk(value);
  const [parent, name] = places[random(places.length)] ?? [{}, ''];
  const old = parent[name];
  if (Array.isArray(old)) {
    const at = random(old.length);
    if (random(2) === 0) old.splice(at, 1);
    else old.splice(at, 0, old[random(old.length)] ?? 'AAAA');
  } else if (typeof old === 'number') parent[name] = old + 1 - 2 * random(2) || 2 ** random(60);
  else if (typeof old === 'string') {
    const at = random(old.length);
    const inserted = ['', ' ', '\n', 'A', '/', 'é'][random(6)] ?? '';
    parent[name] = old.slice(0, at) + inserted + old.slice(at + 1);
  } else if (random(2) === 0) delete parent[name];
  else parent[name] = random(2) === 0 ? null : {};
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
