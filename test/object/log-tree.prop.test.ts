import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTreeState, LogTree, type TreeState } from '../../lib/object/log-tree.ts';
import { LineFramer, type Line } from '../../lib/trust/lines.ts';
import { atDepth } from '../support/depth.ts';

const sha256 = (...parts: (Uint8Array | string)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** RFC 6962, 2.1, word for word. */
function rootOf(leaves: readonly Uint8Array[]): Buffer {
  const [first] = leaves;
  if (first === undefined) return sha256('');
  if (leaves.length === 1) return sha256('\0', first);
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  return sha256('\x01', rootOf(leaves.slice(0, half)), rootOf(leaves.slice(half)));
}

/** As docs/proof.md has it: without the LF, and without one CR before it. */
function linesOf(log: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < log.length;) {
    const lf = log.indexOf(10, from);
    const end = lf === -1 ? log.length : lf;
    lines.push(log.subarray(from, lf > from && log[end - 1] === 13 ? end - 1 : end));
    from = end + 1;
  }
  return lines;
}

function framed(log: Buffer, cuts: readonly number[], maxLineBytes: number): Line[] {
  const framer = new LineFramer(maxLineBytes);
  const places = [...new Set([0, ...cuts.map((cut) => cut % (log.length + 1)), log.length])];
  places.sort((a, b) => a - b);
  const lines = places.flatMap((at, nth) => framer.push(log.subarray(at, places[nth + 1])));
  return [...lines, ...framer.end()];
}

/** What a delivery leaves for the next one has gone through the database as text. */
function kept(tree: LogTree): TreeState {
  const state: unknown = JSON.parse(JSON.stringify(tree.state()));
  if (!isTreeState(state)) throw new Error('no state');
  return state;
}

test.each([
  [0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  [1, '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
  [2, 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
  [3, 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
  [7, 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c'],
  [8, '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
])(
  'the root of the first %i entries of Certificate Transparency’s test tree is the known one',
  (size, root) => {
    const entries = [
      '',
      '00',
      '10',
      '2021',
      '3031',
      '40414243',
      '5051525354555657',
      '606162636465666768696a6b6c6d6e6f',
    ];
    const tree = new LogTree();
    tree.add(
      entries.slice(0, size).map((hex, at) => {
        const bytes = Buffer.from(hex, 'hex');
        return { number: at + 1, offset: 0, length: bytes.length, terminated: true, bytes };
      }),
    );
    expect(tree.root()).toBe(root);
  },
);

test('however it is cut, and with lines too long to be held, the root of a log is that of its lines without their framing', () => {
  const piece = fc.constantFrom('a', '\r', '\n', '\r\n', 'bcdefg', '');
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }),
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.integer({ min: 1, max: 12 }),
      (pieces, cuts, maxLineBytes) => {
        const log = Buffer.from(pieces.join(''));
        const tree = new LogTree();
        tree.add(framed(log, cuts, maxLineBytes));
        expect(tree.root()).toBe(rootOf(linesOf(log)).toString('hex'));
      },
    ),
    { numRuns: atDepth(3_000) },
  );
});

test('saved and gone on with anywhere, a tree has the same root and the same groups, each the root of its lines', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3_000 }),
      fc.array(fc.nat({ max: 3_000 }), { maxLength: 4 }),
      (size, stops) => {
        const log = Buffer.from(Array.from({ length: size }, (_, line) => `${line}\n`).join(''));
        const lines = framed(log, [], 100);
        let tree = new LogTree();
        const places = [0, ...stops.map((stop) => stop % size).sort((a, b) => a - b), size];
        for (const [nth, at] of places.entries()) {
          tree.add(lines.slice(at, places[nth + 1] ?? at));
          tree = new LogTree(kept(tree));
        }
        const once = new LogTree();
        once.add(lines);
        expect(tree.root()).toBe(once.root());
        const { groups, linesEach, lines: all } = tree.index();
        expect({ groups, linesEach, lines: all }).toEqual(once.index());
        expect(all).toBe(size);
        for (const [nth, { offset, root }] of groups.entries()) {
          expect(offset).toBe(lines[nth * linesEach]?.offset);
          const of = linesOf(log).slice(nth * linesEach, (nth + 1) * linesEach);
          expect(root).toBe(rootOf(of).toString('hex'));
        }
      },
    ),
    { numRuns: atDepth(60) },
  );
});

test('the index of a log of 600,000 lines has no more groups than that of a hundredth', () => {
  const tree = new LogTree();
  const bytes = Buffer.from('a line');
  const size = 600_000;
  for (let at = 0; at < size; at += 1_000)
    tree.add(
      Array.from({ length: 1_000 }, (_, nth) => {
        const number = at + nth + 1;
        return { number, offset: (number - 1) * 7, length: 6, terminated: true, bytes };
      }),
    );
  const { groups, linesEach } = tree.index();
  expect(groups).toHaveLength(Math.ceil(size / linesEach));
  expect(groups.length).toBeLessThan(2_048);
  expect(groups.at(-1)?.offset).toBe((groups.length - 1) * linesEach * 7);
  expect(JSON.stringify(tree.state()).length).toBeLessThan(220_000);
});
