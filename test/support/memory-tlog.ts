import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { parseCheckpoint } from '../../lib/tlog/checkpoint.ts';
import { openNote, parseNote, rawEd25519, verifierKey } from '../../lib/tlog/note.ts';
import type { TlogSigner } from '../../lib/tlog/signer.ts';
import { pendingPath, type TlogStore } from '../../lib/tlog/store.ts';
import { entriesOf, newTiles, parseTilePath, tilePath } from '../../lib/tlog/tiles.ts';
import { HASH_BYTES, leafHash, TreeHasher } from '../../lib/tlog/tree.ts';

/** An Ed25519 signer that remembers each tree that it signed, and refuses a second one of the same size. */
export interface RememberingSigner extends TlogSigner {
  readonly roots: ReadonlyMap<number, string>;
  /** The same key and the same memory so far; what it signs from here on this one does not know. */
  fork(): RememberingSigner;
}

export function testSigner(origin = 'custody.example/log'): RememberingSigner {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = rawEd25519(publicKey);
  const key = raw === null ? { problem: 'no key' } : verifierKey(origin, 'ed25519', raw);
  if ('problem' in key) throw new Error(key.problem);
  const remembering = (roots: Map<number, string>): RememberingSigner => ({
    key,
    roots,
    fork: () => remembering(new Map(roots)),
    sign(text) {
      const { size, root } = parseCheckpoint(text) ?? { size: -1, root: Buffer.alloc(0) };
      const before = roots.get(size) ?? root.toString('hex');
      if (before !== root.toString('hex'))
        throw new Error(`two trees of ${size} leaves were to be signed`);
      roots.set(size, before);
      return Promise.resolve(sign(null, Buffer.from(text), privateKey));
    },
  });
  return remembering(new Map());
}

/** What goes wrong at a request: it is not done, or it is done and its reply is lost. */
export type Fault = 'effect-lost' | 'reply-lost';

/** A tlog in memory, whose requests can be counted, and be made to fail from one on. */
export class MemoryTlog {
  readonly files = new Map<string, Buffer>();
  /** As `read tile/0/000.p/1`. */
  requests: string[] = [];
  #checkpoint: { bytes: Buffer; version: number; time: Date } | null = null;
  #versions = 0;

  /** Of whom each request from the `at`-th on fails; the `at`-th as the fault says, those after it without effect. */
  store(
    { at, fault }: { at: number; fault: Fault } = { at: Infinity, fault: 'effect-lost' },
  ): TlogStore {
    let count = 0;
    const request = async <T>(name: string, act: () => T): Promise<T> => {
      this.requests.push(name);
      const mine = count;
      count += 1;
      // Others get their turn at each request.
      await new Promise((done) => setImmediate(done));
      if (mine > at || (mine === at && fault === 'effect-lost')) throw new Error('killed');
      const result = act();
      if (mine === at) throw new Error('killed');
      return result;
    };
    return {
      checkpoint: () =>
        request('read checkpoint', () => {
          const kept = this.#checkpoint;
          return kept === null
            ? null
            : { bytes: kept.bytes, tag: String(kept.version), time: kept.time };
        }),
      replaceCheckpoint: (bytes, tag) =>
        request('replace checkpoint', () => {
          const now = this.#checkpoint === null ? null : String(this.#checkpoint.version);
          if (now !== tag) return false;
          this.setCheckpoint(Buffer.from(bytes));
          return true;
        }),
      read: (path) => request(`read ${path}`, () => this.files.get(path) ?? null),
      putNew: (path, bytes) =>
        request(`put ${path}`, () => {
          if (this.files.has(path)) return false;
          this.files.set(path, Buffer.from(bytes));
          return true;
        }),
      pending: () =>
        request('list pending', () =>
          [...this.files.keys()].filter((path) => path.startsWith('pending/')).slice(0, 256),
        ),
      removePending: (path) => request(`remove ${path}`, () => void this.files.delete(path)),
    };
  }

  /** Another one with the same content. */
  copy(): MemoryTlog {
    const copy = new MemoryTlog();
    for (const [path, bytes] of this.files) copy.files.set(path, bytes);
    copy.#checkpoint = this.#checkpoint;
    copy.#versions = this.#versions;
    return copy;
  }

  /** Whatever stands there. */
  setCheckpoint(bytes: Buffer | null, time = new Date()): void {
    this.#versions += 1;
    this.#checkpoint = bytes === null ? null : { bytes, version: this.#versions, time };
  }

  checkpointBytes(): Buffer | null {
    return this.#checkpoint?.bytes ?? null;
  }

  /** A leaf that waits. */
  submit(leaf: string): void {
    const bytes = Buffer.from(leaf);
    this.files.set(pendingPath(createHash('sha256').update(bytes).digest('hex')), bytes);
  }
}

/**
 * Derives the whole log from its entries alone, and says what is not as it has to be at any moment, also
 * after a crash: nothing of what is submitted is lost, none is in the log twice, everything that the
 * checkpoint covers is there, and the index says of no leaf what is not so.
 */
export function wrongIn(
  tlog: MemoryTlog,
  signer: RememberingSigner,
  submitted: readonly string[],
): string[] {
  const wrong: string[] = [];
  const bytes = tlog.checkpointBytes();
  const note = bytes === null ? null : parseNote(bytes);
  if (note !== null && ('problem' in note || 'problem' in openNote(note, [signer.key])))
    return ['the checkpoint does not open'];
  const checkpoint = note === null || 'problem' in note ? null : parseCheckpoint(note.text);
  const size = checkpoint?.size ?? 0;
  const leaves: Buffer[] = [];
  const hashes: Buffer[] = [];
  const tree = new TreeHasher();
  for (const tile of newTiles(0, size)) {
    const stored = tlog.files.get(tilePath(tile));
    if (stored === undefined) wrong.push(`${tilePath(tile)} is missing`);
    else if (tile.level === 'entries') leaves.push(...(entriesOf(stored) ?? []));
    else if (stored.length !== tile.width * HASH_BYTES) wrong.push(`${tilePath(tile)} is cut`);
  }
  for (const leaf of leaves) {
    hashes.push(leafHash(leaf));
    tree.add(leaf);
  }
  if (leaves.length !== size) wrong.push(`${leaves.length} leaves of ${size}`);
  if (checkpoint !== null && !tree.root().equals(checkpoint.root)) wrong.push('another root');
  const level0 = newTiles(0, size).filter(({ level }) => level === 0);
  const stored = Buffer.concat(
    level0.map((tile) => tlog.files.get(tilePath(tile)) ?? Buffer.alloc(0)),
  );
  if (!stored.equals(Buffer.concat(hashes))) wrong.push('other hashes');
  const texts = leaves.map(String);
  if (new Set(texts).size !== texts.length) wrong.push('a leaf is there twice');
  const waiting = new Set(
    [...tlog.files].filter(([path]) => path.startsWith('pending/')).map(([, leaf]) => String(leaf)),
  );
  for (const leaf of submitted)
    if (!texts.includes(leaf) && !waiting.has(leaf)) wrong.push(`${leaf} is lost`);
  for (const [path, text] of tlog.files) {
    if (path.startsWith('tile/') && parseTilePath(path) === null) wrong.push(`${path} is no tile`);
    if (!path.startsWith('at/')) continue;
    const { index } = JSON.parse(String(text)) as { index: number };
    const leaf = leaves[index];
    if (leaf === undefined || createHash('sha256').update(leaf).digest('hex') !== path.slice(3))
      wrong.push(`${path} leads elsewhere`);
  }
  return wrong;
}
