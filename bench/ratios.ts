import { cpus } from 'node:os';
import { version } from 'node:process';

/** The value that a share of all lies below: 0.5 for the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? NaN;
}

/** Of the ratios of all rounds: the median, and the quartiles that say how far to trust it. */
export function ratioText(ratios: readonly number[]): string {
  const [low, median, high] = [0.25, 0.5, 0.75].map((share) => quantile(ratios, share).toFixed(2));
  return `${median} (quartiles ${low} and ${high}, ${ratios.length} rounds)`;
}

/** Median of the rounds' own medians, in milliseconds. */
export function millisecondsText(values: readonly number[]): string {
  return `${quantile(values, 0.5).toFixed(2)} ms`;
}

/** On what a figure was measured. */
export function machine(): string {
  const [cpu] = cpus();
  return `${cpus().length} cores (${cpu?.model ?? process.arch}), Node ${version}`;
}
