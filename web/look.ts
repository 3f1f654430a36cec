import type { Basis, ChainNode } from './chain.ts';

/** The colours of a drawing, read from the style sheet, so that there is one place for them. */
export interface Palette {
  readonly paper: string;
  readonly ink: string;
  readonly soft: string;
  readonly line: string;
  readonly accent: string;
  readonly dataset: string;
  readonly model: string;
  readonly inference: string;
  readonly byTime: string;
  readonly pending: string;
}

/** Colour alone tells nothing apart: what is not signed has dashes of its own. */
export const DASHES = {
  declared: [],
  signed: [],
  'only-version': [14, 4],
  'by-time': [7, 5],
  pending: [2, 4],
  uncounted: [12, 4, 2, 4],
} as const satisfies Record<Basis, readonly number[]>;

export function linkColour(basis: Basis, colours: Palette): string {
  if (basis === 'by-time') return colours.byTime;
  return basis === 'pending' ? colours.pending : colours.line;
}

/** A stroke along a link; a wide and faint one is a halo. */
export interface Stroke {
  readonly colour: string;
  readonly dashes: readonly number[];
  readonly width: number;
  readonly opacity: number;
}

/** The strokes of a link, one over the other. Its colour and dashes say what it rests on, chosen or not. */
export function linkStrokes(basis: Basis, isChosen: boolean, colours: Palette): readonly Stroke[] {
  const own = { colour: linkColour(basis, colours), dashes: DASHES[basis], opacity: 1 };
  if (!isChosen) return [{ ...own, width: 1.25 }];
  return [
    { ...own, dashes: [], width: 9, opacity: 0.25 },
    { ...own, width: 2.5 },
  ];
}

export function nodeColour(look: ChainNode['look'], colours: Palette): string {
  if (look === 'hollow') return colours.pending;
  return look === 'group' ? colours.inference : colours[look];
}
