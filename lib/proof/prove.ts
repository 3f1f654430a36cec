import type { ArchivedLogs, ReadEnvelope } from '../evidence.ts';
import { readChain } from '../graph/ask/chain.ts';
import { namesOfLogs, type Asserted, type FoundRecord } from '../graph/ask/evidence.ts';
import type { Graph } from '../graph/connection.ts';
import type { ArchivedSigning } from '../graph/signing.ts';
import { parseCheckpoint, type Checkpoint } from '../tlog/checkpoint.ts';
import { parseNote, type Note } from '../tlog/note.ts';
import { atPath, parseAt, shaOf, type TlogReader } from '../tlog/store.ts';
import { tileHashes, tilePath } from '../tlog/tiles.ts';
import { tlogProofText } from '../tlog/tlog-proof.ts';
import { inclusionProof, leafHash, verifyInclusion } from '../tlog/tree.ts';
import { memberOf } from '../trust/json.ts';
import { linePath } from './line-path.ts';
import { proofOf, type Asked, type Proof, type ProvenReceipt, type ProvenRecord } from './proof.ts';

/** What a proof is made of, beside the graph. Each rejects when what it asks fails. */
export interface ProofSource {
  readonly archive: ArchivedLogs & { treeIndex(sha256: string): Promise<string | null> };
  readonly tlog: TlogReader;
  /** Every receipt that is kept of an object, the newest last. */
  readonly receipts: (uri: string) => Promise<readonly string[]>;
}

/** Where a receipt stands in the tlog; nobody's signature was checked for it. */
export interface InTlog {
  readonly origin: string;
  /** From 0. */
  readonly index: number;
  readonly size: number;
  readonly cosignatures: readonly Cosignature[];
}

/** A cosignature as the checkpoint carries it. */
export interface Cosignature {
  readonly name: string;
  /** RFC 3339, as the cosigner says. */
  readonly time: string;
}

/** Why there is no proof yet, or none at all. */
export type Unproven =
  /** Its log's receipt is not in the tlog yet. */
  | 'not-yet'
  /** No receipt with a root is kept of its log: it was brought by hand, or by an older release. */
  | 'no-receipt'
  /** The envelope, the log or its tree is not what was accepted: the archive or the tlog was touched. */
  | 'damaged'
  /** The key that signed it is not configured here, so that nobody here can hand it over. */
  | 'key-unknown'
  /** There was no time for it. */
  | 'unread';

/** A proof, or why there is none; `of` is the first record that could not be proven. */
export type Proven =
  | { readonly proof: Proof; readonly inTlog: InTlog; readonly left: number }
  | { readonly unproven: Unproven; readonly of: Asserted };

interface Head {
  readonly note: string;
  readonly parsed: Note;
  readonly checkpoint: Checkpoint;
}

interface Accepted {
  readonly text: string;
  readonly log: string;
  readonly lines: number;
  readonly root: Buffer;
}

/**
 * A proof of a record and of what it rests on, from the archive and the tlog. Null where there is no
 * such record; rejects once the signal is aborted while a log is read. Of a record that several keys signed one signing is proven, the first that can be.
 */
export async function prove(
  graph: Graph,
  source: ProofSource,
  readEnvelope: ReadEnvelope,
  asked: Asked,
  signal?: AbortSignal,
): Promise<Proven | null> {
  const chain = await readChain(graph, 'digest' in asked ? asked.digest : assertedBy(asked));
  const [first] = chain?.records ?? [];
  if (chain === null || first === undefined) return null;
  const prover = new Prover(graph, source, readEnvelope, signal);
  for (const record of chain.records) {
    const unproven = signal?.aborted === true ? 'unread' : await prover.add(record);
    if (unproven !== null) return { unproven, of: record.asserts };
  }
  return { ...prover.end(asked), left: chain.left };
}

function assertedBy(asked: Exclude<Asked, { readonly digest: string }>): Asserted {
  if ('inference' in asked) return { kind: 'inference', id: asked.inference };
  if ('dataset' in asked) return { kind: 'dataset', hash: asked.dataset };
  return { kind: 'model', name: asked.model, commit: asked.commit };
}

/** Adds record after record; logs and receipts that several have in common are looked for once. */
class Prover {
  readonly #graph: Graph;
  readonly #source: ProofSource;
  readonly #readEnvelope: ReadEnvelope;
  readonly #signal: AbortSignal | undefined;
  readonly #records: ProvenRecord[] = [];
  readonly #keys = new Map<string, string>();
  readonly #receipts: (ProvenReceipt & InTlog & Accepted)[] = [];
  /** All of one proof are under one checkpoint. */
  #head: Promise<Head | null> | undefined;

  constructor(
    graph: Graph,
    source: ProofSource,
    readEnvelope: ReadEnvelope,
    signal: AbortSignal | undefined,
  ) {
    this.#graph = graph;
    this.#source = source;
    this.#readEnvelope = readEnvelope;
    this.#signal = signal;
  }

  /** Null once it is proven. */
  async add({ digest, signings }: FoundRecord): Promise<Unproven | null> {
    let why: Unproven = 'no-receipt';
    for (const signing of signings) {
      const receipt = await this.#receiptOf(signing.log);
      if (typeof receipt === 'string') {
        why = receipt;
        continue;
      }
      const record = await this.#prove(digest, signing, receipt);
      if (record === 'key-unknown') {
        why = record;
        continue;
      }
      if (record === null) return 'damaged';
      this.#records.push(record);
      return null;
    }
    return why;
  }

  end(asked: Asked): { readonly proof: Proof; readonly inTlog: InTlog } {
    const [first] = this.#records;
    const inTlog = this.#receipts[first?.receipt ?? 0];
    if (inTlog === undefined) throw new Error('nothing was proven');
    const { origin, index, size, cosignatures } = inTlog;
    const keys = [...this.#keys.values()];
    const proof = proofOf({ asked, records: this.#records, keys, receipts: this.#receipts });
    return { proof, inTlog: { origin, index, size, cosignatures } };
  }

  /** The place of the log's receipt among those of this proof. */
  async #receiptOf(log: string): Promise<number | Unproven> {
    const known = this.#receipts.findIndex((of) => of.log === log);
    if (known >= 0) return known;
    const accepted = await this.#acceptedReceipts(log);
    if (accepted.length === 0) return 'no-receipt';
    this.#head ??= readHead(this.#source.tlog);
    const head = await this.#head;
    if (head === null) return 'not-yet';
    for (const receipt of accepted) {
      const inTlog = await proveReceipt(this.#source.tlog, head, receipt.text);
      if (inTlog === 'damaged') return inTlog;
      if (inTlog !== null)
        return this.#receipts.push({ ...receipt, receipt: receipt.text, ...inTlog }) - 1;
    }
    return 'not-yet';
  }

  async #acceptedReceipts(log: string): Promise<readonly Accepted[]> {
    const names = (await namesOfLogs(this.#graph, [log])).get(log)?.uris ?? [];
    const accepted: Accepted[] = [];
    for (const uri of names)
      for (const text of await this.#source.receipts(uri)) {
        const receipt = acceptedOf(text);
        if (receipt?.log === log) accepted.push(receipt);
      }
    return accepted;
  }

  async #prove(
    digest: string,
    signing: ArchivedSigning,
    receipt: number,
  ): Promise<ProvenRecord | 'key-unknown' | null> {
    const { kid, line } = signing;
    const [accepted, found] = [
      this.#receipts[receipt],
      await this.#readEnvelope(digest, signing, this.#signal),
    ];
    const { status, envelope, key } = found;
    if (status === 'key-unknown') return status;
    if (accepted === undefined || envelope === null || key === null) return null;
    const log = await this.#source.archive.open(signing.log, signing.version);
    if (log === null) return null;
    const leaf = leafHash(Buffer.from(envelope));
    const { lines, root } = accepted;
    for (const index of [await this.#source.archive.treeIndex(signing.log), null]) {
      const path = await linePath(log, index, line, this.#signal);
      const place = { index: line - 1, size: lines, leaf, root };
      if (path === null || !verifyInclusion({ ...place, proof: path.path })) continue;
      this.#keys.set(kid, key.pem);
      const proof = path.path.map((each) => each.toString('base64'));
      return { envelope, kid, line, path: proof, receipt };
    }
    return null;
  }
}

/** Null for what is no receipt of a log that is in the graph, or has no root. */
function acceptedOf(text: string): Accepted | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const [log, root] = [memberOf(value, 'sha256'), memberOf(value, 'root')];
  const [status, lines] = [memberOf(value, 'status'), memberOf(value, 'lines')];
  const isAccepted = status === 'accepted' || status === 'partial';
  if (!isAccepted || typeof log !== 'string' || typeof root !== 'string') return null;
  return typeof lines === 'number' ? { text, log, lines, root: Buffer.from(root, 'hex') } : null;
}

async function readHead(tlog: TlogReader): Promise<Head | null> {
  const kept = await tlog.checkpoint();
  if (kept === null) return null;
  const parsed = parseNote(kept.bytes);
  if ('problem' in parsed) return null;
  const checkpoint = parseCheckpoint(parsed.text);
  return checkpoint === null ? null : { note: kept.bytes.toString('utf8'), parsed, checkpoint };
}

/** Null where it is not in the tlog under that checkpoint. */
async function proveReceipt(
  tlog: TlogReader,
  { note, parsed, checkpoint }: Head,
  receipt: string,
): Promise<(InTlog & Pick<ProvenReceipt, 'tlogProof'>) | 'damaged' | null> {
  const { origin, size, root } = checkpoint;
  const at = await tlog.read(atPath(shaOf(Buffer.from(receipt))));
  const index = at === null ? null : parseAt(at);
  if (index === null || index >= size) return null;
  const read = tileHashes(size, async (tile) => {
    const bytes = await tlog.read(tilePath(tile));
    return bytes ?? Buffer.alloc(0);
  });
  const proof = await inclusionProof(index, size, read).catch(() => null);
  const leaf = leafHash(Buffer.from(receipt));
  if (proof === null || !verifyInclusion({ index, size, leaf, proof, root })) return 'damaged';
  const tlogProof = tlogProofText({ extra: null, index, proof, checkpoint: note });
  return { origin, index, size, cosignatures: cosignaturesOf(parsed, origin), tlogProof };
}

const TIME_BYTES = 8;
const ED25519_BYTES = 64;
/** The last instant of the year 9999. */
const MAX_SECONDS = 253_402_300_799n;

/** A cosignature begins with its time; that of the log has none (c2sp.org/tlog-cosignature). */
function cosignaturesOf({ signatures }: Note, origin: string): readonly Cosignature[] {
  return signatures.flatMap(({ name, signature }) => {
    if (name === origin || signature.length < TIME_BYTES + ED25519_BYTES) return [];
    const seconds = signature.readBigUInt64BE();
    if (seconds > MAX_SECONDS) return [];
    return [{ name, time: new Date(Number(seconds) * 1_000).toISOString() }];
  });
}
