import type { GraphWriter } from '../../lib/graph/writer.ts';
import type { RandomObject } from './random-records.ts';

/** Writes an object in batches of `size` lines; `stopAfter` batches leave it unfinished. */
export async function writeObject(
  writer: GraphWriter,
  { uri, records }: RandomObject,
  size: number,
  stopAfter = Infinity,
): Promise<void> {
  const object = { uri, sha256: '', bytes: 0, lines: records.length, rejected: 0, rejections: [] };
  for (let at = 0, batch = 0; at < records.length && batch < stopAfter; at += size, batch += 1) {
    const throughLine = Math.min(at + size, records.length);
    await writer.apply({
      object,
      throughLine,
      records: records.slice(at, throughLine),
      final: throughLine === records.length ? 'accepted' : null,
    });
  }
}
