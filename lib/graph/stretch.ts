/** Lines that a stretch spans: number n holds those from 1,000·n + 1 on (docs/graph.md, G-7). */
const STRETCH_LINES = 1_000;

/** Which thousand lines of which log. */
export interface StretchName {
  readonly log: string;
  readonly number: number;
}

/** The number of the stretch that a line is in; lines count from 1. */
export function stretchOf(line: number): number {
  return Math.floor((line - 1) / STRETCH_LINES);
}
