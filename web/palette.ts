import type { Palette } from './look.ts';

/** The colours as they are now, light or dark. */
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
    byTime: of('by-time'),
    pending: of('pending'),
  };
}
