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
  readonly inferred: string;
  readonly pending: string;
}

export function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    paper: of('paper'),
    ink: of('ink'),
    soft: of('soft'),
    line: of('line'),
    accent: of('accent'),
    dataset: of('dataset'),
    model: of('model'),
    inference: of('inference'),
    inferred: of('inferred'),
    pending: of('pending'),
  };
}

/** Colour alone tells nothing apart: each kind of link has its own dashes. */
export const DASHES = {
  declared: [],
  proven: [],
  inferred: [7, 5],
  pending: [2, 4],
  uncounted: [12, 4, 2, 4],
} as const satisfies Record<Basis, readonly number[]>;

export function linkColour(basis: Basis, colours: Palette): string {
  if (basis === 'inferred') return colours.inferred;
  return basis === 'pending' ? colours.pending : colours.line;
}

export function nodeColour(look: ChainNode['look'], colours: Palette): string {
  if (look === 'hollow') return colours.pending;
  return look === 'group' ? colours.inference : colours[look];
}
