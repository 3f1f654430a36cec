import { randomBytes, randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  bundleOf,
  edgeTiles,
  entriesOf,
  hashesOf,
  MAX_ENTRY_BYTES,
  newHashTiles,
  newTiles,
  parseTilePath,
  TILE_WIDTH,
  tileHashes,
  tilePath,
  TreeEdge,
  type Tile,
} from '../../lib/tlog/tiles.ts';
import {
  consistencyProof,
  EMPTY_ROOT,
  inclusionProof,
  leafHash,
  nodeHash,
  rootOf,
  TreeHasher,
  verifyConsistency,
  verifyInclusion,
  type HashReader,
} from '../../lib/tlog/tree.ts';
import { atDepth } from '../support/depth.ts';

/** Those of github.com/google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc. */
const CT_LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => Buffer.from(hex, 'hex'));
const CT_ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
/** Ibid.: leaf (from 1), size, path. */
const CT_PATHS: readonly [number, number, string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    6,
    8,
    [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [3, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  [
    2,
    5,
    [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
];
/** Ibid.: older size, size, proof. */
const CT_CONSISTENCY: readonly [number, number, string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    6,
    8,
    [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [
    2,
    5,
    [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
];

/** Sizes 1 to 130, and all their roots. */
const HASHES = Array.from({ length: 130 }, (_, at) => leafHash(Buffer.from(`leaf ${at}`)));

/** Of the leaves from the first up to, and without, the second: each subtree is hashed once. */
type Span = readonly [low: number, high: number];

/** The largest power of two below the number of leaves. */
function splitOf([low, high]: Span): number {
  let k = 1;
  while (k * 2 < high - low) k *= 2;
  return low + k;
}

/** The definitions of RFC 6962, section 2.1, word for word: another way to the same hashes. */
function definitionOf(hashes: readonly Buffer[]): {
  mth: (span: Span) => Buffer;
  path: (m: number, span: Span) => Buffer[];
  subproof: (m: number, span: Span, isWhole: boolean) => Buffer[];
} {
  const known = new Map<string, Buffer>();
  const mth = (span: Span): Buffer => {
    const [low, high] = span;
    if (high - low < 2) return hashes[low] ?? EMPTY_ROOT;
    const before = known.get(span.join());
    if (before !== undefined) return before;
    const k = splitOf(span);
    const root = nodeHash(mth([low, k]), mth([k, high]));
    known.set(span.join(), root);
    return root;
  };
  const path = (m: number, span: Span): Buffer[] => {
    const [low, high] = span;
    if (high - low === 1) return [];
    const k = splitOf(span);
    return m < k ? [...path(m, [low, k]), mth([k, high])] : [...path(m, [k, high]), mth([low, k])];
  };
  const subproof = (m: number, span: Span, isWhole: boolean): Buffer[] => {
    const [low, high] = span;
    if (m === high) return isWhole ? [] : [mth(span)];
    const k = splitOf(span);
    return m <= k
      ? [...subproof(m, [low, k], isWhole), mth([k, high])]
      : [...subproof(m, [k, high], false), mth([low, k])];
  };
  return { mth, path, subproof };
}

function readerOf(hashes: readonly Buffer[]): HashReader {
  const { mth } = definitionOf(hashes);
  return (nodes) =>
    Promise.resolve(
      nodes.map(({ level, index }) => mth([index * 2 ** level, (index + 1) * 2 ** level])),
    );
}

const DEFINED = definitionOf(HASHES);
const ROOTS = Array.from({ length: 131 }, (_, size) =>
  size === 0 ? EMPTY_ROOT : DEFINED.mth([0, size]),
);

const hex = (hashes: readonly Buffer[]): string[] => hashes.map((hash) => hash.toString('hex'));

test('the roots, paths and consistency proofs are those of certificate-transparency’s tests', async () => {
  const tree = new TreeHasher();
  expect(tree.root().toString('hex')).toBe(
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  );
  for (const [at, leaf] of CT_LEAVES.entries()) {
    tree.add(leaf);
    expect(tree.root().toString('hex')).toBe(CT_ROOTS[at]);
  }
  expect(tree.size).toBe(8);
  const read = readerOf(CT_LEAVES.map(leafHash));
  for (const [leaf, size, path] of CT_PATHS)
    expect(hex(await inclusionProof(leaf - 1, size, read))).toEqual(path);
  for (const [older, size, proof] of CT_CONSISTENCY)
    expect(hex(await consistencyProof(older, size, read))).toEqual(proof);
});

test('every proof of every size up to 130 is that of RFC 6962’s definition, and holds', async () => {
  const read = readerOf(HASHES);
  let proofs = 0;
  const step = atDepth(10) === 10 ? 1 : 7;
  for (let size = 1; size <= 130; size += step) {
    const root = ROOTS[size] ?? EMPTY_ROOT;
    expect((await rootOf(size, read)).equals(root)).toBe(true);
    for (let index = 0; index < size; index += 1) {
      const proof = await inclusionProof(index, size, read);
      expect(hex(proof)).toEqual(hex(DEFINED.path(index, [0, size])));
      expect(verifyInclusion({ index, size, leaf: HASHES[index] ?? EMPTY_ROOT, proof, root })).toBe(
        true,
      );
      const oldRoot = ROOTS[index + 1] ?? EMPTY_ROOT;
      const consistent = await consistencyProof(index + 1, size, read);
      expect(hex(consistent)).toEqual(hex(DEFINED.subproof(index + 1, [0, size], true)));
      expect(
        verifyConsistency({ oldSize: index + 1, oldRoot, size, root, proof: consistent }),
      ).toBe(true);
      proofs += 1;
    }
  }
  expect(proofs).toBeGreaterThanOrEqual(step === 1 ? 8_000 : 1_000);
});

/** Another path: a bit flipped, one more, one less, two exchanged, one twice. */
function otherPath(proof: readonly Buffer[]): Buffer[] {
  const at = randomInt(Math.max(1, proof.length));
  const path: Buffer[] = proof.map((hash) => Buffer.from(hash));
  switch (randomInt(5)) {
    case 0: {
      const hash = path[at];
      if (hash === undefined) return [randomBytes(32)];
      const byte = randomInt(32);
      hash[byte] = (hash[byte] ?? 0) ^ (1 << randomInt(8));
      return path;
    }
    case 1:
      return path.toSpliced(at, 0, randomBytes(32));
    case 2:
      return path.length === 0 ? [EMPTY_ROOT] : path.toSpliced(at, 1);
    case 3:
      return path.length < 2 ? [...path, randomBytes(32)] : [...path.slice(1), ...path.slice(0, 1)];
    default:
      return path.toSpliced(at, 0, path[at] ?? EMPTY_ROOT);
  }
}

test('no proof holds once its path, its leaf, its root, its index or its size is another', async () => {
  const read = readerOf(HASHES);
  const accepted: string[] = [];
  for (let round = 0; round < atDepth(20_000); round += 1) {
    const size = 1 + randomInt(130);
    const index = randomInt(size);
    const [leaf, root] = [HASHES[index] ?? EMPTY_ROOT, ROOTS[size] ?? EMPTY_ROOT];
    const proof = await inclusionProof(index, size, read);
    const changed = [
      { index, size, leaf, root, proof: otherPath(proof) },
      { index, size, leaf: randomBytes(32), root, proof },
      { index, size, leaf, root: ROOTS[(size % 130) + 1] ?? EMPTY_ROOT, proof },
      {
        index: (index + 1 + randomInt(Math.max(1, size - 1))) % (size + 1),
        size,
        leaf,
        root,
        proof,
      },
    ][randomInt(4)];
    if (changed === undefined) throw new Error('there are four');
    if (verifyInclusion(changed)) accepted.push(`leaf ${index} of ${size}`);

    const oldSize = 1 + randomInt(size);
    const oldRoot = ROOTS[oldSize] ?? EMPTY_ROOT;
    const steps = await consistencyProof(oldSize, size, read);
    const claim = [
      { oldSize, oldRoot, size, root, proof: otherPath(steps) },
      { oldSize, oldRoot: randomBytes(32), size, root, proof: steps },
      { oldSize, oldRoot, size, root: randomBytes(32), proof: steps },
      { oldSize: (oldSize % size) + 1, oldRoot, size, root, proof: steps },
    ][randomInt(size === 1 ? 3 : 4)];
    if (claim !== undefined && verifyConsistency(claim))
      accepted.push(`from ${claim.oldSize} (${oldSize}) to ${size}`);
  }
  expect(accepted).toEqual([]);
});

test('nothing is a proof about a tree that has no such leaf, or that is larger than its successor', async () => {
  const [leaf, root] = [HASHES[0] ?? EMPTY_ROOT, ROOTS[1] ?? EMPTY_ROOT];
  for (const index of [1, -1, 0.5, Number.NaN, 2 ** 53])
    expect(verifyInclusion({ index, size: 1, leaf, proof: [], root })).toBe(false);
  expect(
    verifyInclusion({ index: 0, size: 0, leaf: EMPTY_ROOT, proof: [], root: EMPTY_ROOT }),
  ).toBe(false);
  const empty = { oldSize: 0, oldRoot: EMPTY_ROOT, size: 1, root };
  expect(verifyConsistency({ ...empty, proof: [] })).toBe(true);
  expect(verifyConsistency({ ...empty, proof: [leaf] })).toBe(false);
  expect(verifyConsistency({ ...empty, oldRoot: root, proof: [] })).toBe(false);
  expect(verifyConsistency({ oldSize: 2, oldRoot: root, size: 1, root, proof: [] })).toBe(false);
  await expect(inclusionProof(1, 1, readerOf(HASHES))).rejects.toThrow(RangeError);
  await expect(consistencyProof(2, 1, readerOf(HASHES))).rejects.toThrow(RangeError);
});

test('a path in a tree of 2^53 - 1 leaves asks for the right subtrees, and for no more than 53', async () => {
  const size = Number.MAX_SAFE_INTEGER;
  const asked: string[] = [];
  const proof = await inclusionProof(size - 1, size, (nodes) => {
    asked.push(...nodes.map(({ level, index }) => `${level}:${index}`));
    return Promise.resolve(nodes.map(() => EMPTY_ROOT));
  });
  expect(proof).toHaveLength(52);
  expect(asked[0]).toBe(`1:${(size - 1) / 2 - 1}`);
  expect(asked.at(-1)).toBe('52:0');
});

test('the paths of tiles are those of c2sp.org/tlog-tiles, and no other spelling is one', () => {
  const tile: Tile = { level: 0, index: 1_234_067, width: TILE_WIDTH };
  expect(tilePath(tile)).toBe('tile/0/x001/x234/067');
  expect(tilePath({ level: 'entries', index: 0, width: 1 })).toBe('tile/entries/000.p/1');
  expect(tilePath({ level: 3, index: 1_000, width: 255 })).toBe('tile/3/x001/000.p/255');
  for (const path of ['tile/0/x001/x234/067', 'tile/entries/000.p/1', 'tile/63/999'])
    expect(tilePath(parseTilePath(path) ?? tile)).toBe(path);
  for (const path of [
    'tile/00/000',
    'tile/64/000',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/x000/001',
    'tile/0/001/002',
    'tile/0/x001',
    'tile/0/1',
    'tile/-1/000',
    'tile/entries/000/',
    'tile/0/x999/x999/x999/x999/x999/999',
  ])
    expect(parseTilePath(path), path).toBeNull();
});

test('a tree of 70,000 leaves, and one of 256, have the tiles that c2sp.org/tlog-tiles counts', () => {
  const count = (size: number): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const { level, width } of newTiles(0, size)) {
      const name = `${level}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  };
  expect(count(70_000)).toEqual({
    entries: 273,
    'entries.p/112': 1,
    0: 273,
    '0.p/112': 1,
    1: 1,
    '1.p/17': 1,
    '2.p/1': 1,
  });
  expect(count(256)).toEqual({ entries: 1, 0: 1, '1.p/1': 1 });
  expect(count(0)).toEqual({});
});

test('a tree that grows by any steps has the tiles, and the roots, that its leaves alone say', async () => {
  const leaves = Array.from({ length: 66_000 }, (_, at) => leafHash(Buffer.from(String(at))));
  const hasher = new TreeHasher();
  const tiles = new Map<string, Buffer>();
  let edge = new TreeEdge();
  for (const [at, leaf] of leaves.entries()) {
    hasher.addHash(leaf);
    for (const { tile, bytes } of edge.add(leaf)) tiles.set(tilePath(tile), bytes);
    if (at < 600 ? at % 41 !== 0 : at % 9_973 !== 0) continue;
    expect(edge.root().equals(hasher.root())).toBe(true);
    for (const { tile, bytes } of edge.partial()) tiles.set(tilePath(tile), bytes);
    const read = (tile: Tile): Promise<Buffer> =>
      Promise.resolve(tiles.get(tilePath(tile)) ?? Buffer.alloc(0));
    const size = edge.size;
    edge = new TreeEdge(
      size,
      edgeTiles(size).map((tile) => (tile === null ? null : (tiles.get(tilePath(tile)) ?? null))),
    );
    const reader = tileHashes(size, read);
    const root = hasher.root();
    expect((await rootOf(size, reader)).equals(root)).toBe(true);
    for (const index of [0, Math.floor(size / 2), size - 1]) {
      const proof = await inclusionProof(index, size, reader);
      const hash = leaves[index] ?? EMPTY_ROOT;
      expect(verifyInclusion({ index, size, leaf: hash, proof, root })).toBe(true);
    }
  }
  const named = newHashTiles(0, 65_536 + 256);
  expect(
    named.filter((tile) => tile.width === TILE_WIDTH).every((t) => tiles.has(tilePath(t))),
  ).toBe(true);
  expect(() => new TreeEdge(3, [Buffer.alloc(32)])).toThrow('bytes');
});

test('what growing stores is what the larger tree has and the smaller has not', () => {
  for (const [before, after] of [
    [0, 1],
    [1, 2],
    [255, 256],
    [255, 257],
    [256, 300],
    [65_530, 65_540],
    [7, 7],
  ] as const) {
    const old = new Set(newTiles(0, before).map(tilePath));
    const all = newTiles(0, after).map(tilePath);
    expect(newTiles(before, after).map(tilePath)).toEqual(all.filter((path) => !old.has(path)));
  }
});

test('a bundle gives its entries back, and one that is cut anywhere does not', () => {
  const entries = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(MAX_ENTRY_BYTES, 1)];
  const bundle = bundleOf(entries);
  expect(entriesOf(bundle)?.map((entry) => entry.length)).toEqual([3, 0, 65_535]);
  for (const cut of [1, 4, 6, 8, bundle.length - 1])
    expect(entriesOf(bundle.subarray(0, cut)), String(cut)).toBeNull();
  expect(() => bundleOf([Buffer.alloc(65_536)])).toThrow(RangeError);
  expect(hashesOf(Buffer.alloc(64))).toHaveLength(2);
});
