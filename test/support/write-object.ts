import type { GraphWriter } from '../../lib/graph/write/writer.ts';
import type { RandomObject } from './random-records.ts';

/** Writes an object in batches of `size` lines, two in flight; `stopAfter` batches leave it unfinished. */
export async function writeObject(
  writer: GraphWriter,
  { uri, log, records }: RandomObject,
  size: number,
  stopAfter = Infinity,
): Promise<void> {
  const object = {
    uri,
    sha256: log,
    bytes: 0,
    lines: records.length,
    rejected: 0,
    rejections: [],
    seal: null,
  };
  const sent: Promise<unknown>[] = [];
  try {
    for (let at = 0; at < records.length && sent.length < stopAfter; at += size) {
      const throughLine = Math.min(at + size, records.length);
      await sent.at(-2);
      const applied = writer.apply({
        object,
        log: { log, parked: null },
        afterLine: at,
        through: { number: throughLine, offset: 0 },
        records: records.slice(at, throughLine),
        final: throughLine === records.length ? 'accepted' : null,
      });
      applied.catch(() => undefined);
      sent.push(applied);
    }
    await Promise.all(sent);
  } finally {
    await Promise.allSettled(sent);
  }
}
