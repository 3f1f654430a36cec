import type { KeyObject } from 'node:crypto';
import { signRecord } from '../../lib/trust/sign.ts';

const at = { timestamp: '2026-01-01T00:00:00Z' };

/**
 * A signed log of inferences of three models; models and dataset come last, so that links are made
 * late and there is something to settle.
 */
export function lineageLog(privateKey: KeyObject, inferences: number, input: unknown = {}): string {
  const records = [
    ...Array.from({ length: inferences }, (_, index) => ({
      type: 'inference',
      id: `i${String(index).padStart(6, '0')}`,
      model_name: `m${index % 3}`,
      input,
      ...at,
    })),
    ...[0, 1, 2].map((index) => ({
      type: 'model',
      model_name: `m${index}`,
      dataset_hashes: ['d'],
      ...at,
    })),
    { type: 'dataset', hash: 'd', path: 'p', ...at },
  ];
  return records.map((of) => `${signRecord(JSON.stringify(of), privateKey, 'max')}\n`).join('');
}
