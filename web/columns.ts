import type { ChainLink, ChainNode } from './chain.ts';

/** A node and where it stands; the links know where they begin and end. */
export interface Placed extends ChainNode {
  readonly x: number;
  readonly y: number;
}

export interface PlacedLink extends ChainLink {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  /** One of many from the same node: they share a trunk, where curves would run into one another. */
  readonly isBranch: boolean;
}

export interface Layout {
  readonly nodes: readonly Placed[];
  readonly links: readonly PlacedLink[];
  readonly byKey: ReadonlyMap<string, Placed>;
  /** Of each column, from top to bottom. */
  readonly columns: readonly (readonly Placed[])[];
  readonly width: number;
  readonly height: number;
  readonly nodeWidth: number;
}

export const NODE_HEIGHT = 40;
const PITCH = 52;
/** Room for the columns’ names. */
export const HEAD = 28;

/**
 * Three columns, datasets to inferences. Models keep their order, each beside the first that it
 * generated; datasets stand as near to their models as their neighbours let them.
 */
export function columns(
  nodes: readonly ChainNode[],
  links: readonly ChainLink[],
  room: number,
): Layout {
  const padding = room < 640 ? 8 : 16;
  const least = room < 640 ? 22 : 96;
  const nodeWidth = Math.min(Math.max((room - 2 * least - 2 * padding) / 3, 84), 300);
  const gap = Math.min(Math.max((room - 3 * nodeWidth - 2 * padding) / 2, least), 320);
  const xOf = (column: number): number => padding + column * (nodeWidth + gap);
  const following = new Map<string, string[]>();
  const columnOf = new Map(nodes.map(({ key, column }) => [key, column]));
  for (const { from, to } of links)
    if (columnOf.get(to) === 2) following.set(from, [...(following.get(from) ?? []), to]);

  const y = new Map<string, number>();
  let top = HEAD;
  for (const { key, column } of nodes) {
    if (column !== 1) continue;
    const own = following.get(key) ?? [];
    own.forEach((each, index) => y.set(each, top + index * PITCH));
    y.set(key, top);
    top += Math.max(own.length, 1) * PITCH;
  }
  for (const { key, column } of nodes)
    if (column === 2 && !y.has(key)) {
      y.set(key, top);
      top += PITCH;
    }

  const wanted = new Map<string, { sum: number; count: number }>();
  for (const { from, to } of links) {
    if (columnOf.get(from) !== 0) continue;
    const { sum, count } = wanted.get(from) ?? { sum: 0, count: 0 };
    wanted.set(from, { sum: sum + (y.get(to) ?? 0), count: count + 1 });
  }
  const datasets = nodes
    .filter(({ column }) => column === 0)
    .map(({ key }) => {
      const near = wanted.get(key);
      return { key, near: near === undefined ? Infinity : near.sum / near.count };
    })
    .sort((a, b) => (a.near < b.near ? -1 : a.near > b.near ? 1 : 0));
  let free = HEAD;
  // From the bottom, so that a crowd is not pushed beneath the last model as long as there is room above.
  let below = Math.max(top, HEAD + datasets.length * PITCH);
  const latest = datasets.map(() => 0);
  for (let index = datasets.length - 1; index >= 0; index -= 1) latest[index] = below -= PITCH;
  datasets.forEach(({ key, near }, index) => {
    const at = Math.max(free, Math.min(near === Infinity ? free : near, latest[index] ?? near));
    y.set(key, at);
    free = at + PITCH;
  });

  const placed = nodes.map((node): Placed => ({
    ...node,
    x: xOf(node.column),
    y: y.get(node.key) ?? 0,
  }));
  const byKey = new Map(placed.map((node) => [node.key, node]));
  const inColumn = (column: number): Placed[] =>
    placed.filter((node) => node.column === column).sort((a, b) => a.y - b.y);
  return {
    nodes: placed,
    links: links.flatMap((link) => {
      const from = byKey.get(link.from);
      const to = byKey.get(link.to);
      if (from === undefined || to === undefined) return [];
      const middle = NODE_HEIGHT / 2;
      return [
        {
          ...link,
          isBranch: to.column === 2,
          x1: from.x + nodeWidth,
          y1: from.y + middle,
          x2: to.x,
          y2: to.y + middle,
        },
      ];
    }),
    byKey,
    columns: [inColumn(0), inColumn(1), inColumn(2)],
    width: xOf(2) + nodeWidth + padding,
    height: Math.max(top, free, HEAD + PITCH),
    nodeWidth,
  };
}

export const COLUMN_NAMES = ['Datasets', 'Models', 'Inferences'] as const;
