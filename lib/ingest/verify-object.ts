import type { StoredObject } from '../object/stored.ts';
import { judge, verdictOf, type IngestOptions } from './judge.ts';
import { receiptOf, type Receipt } from './receipt.ts';

/** Checks a whole object without a database: the verdict that `ingestObject` would give an empty graph. */
export async function verifyObject(object: StoredObject, options: IngestOptions): Promise<Receipt> {
  // Without a database the log itself is all there is to find duplicates by: the same text by the same
  // key. Binary text in place of hex digits: some 130 MB for a million lines.
  const signings = new Set<string>();
  const judged = await judge(object, { ...options, maxKeptBytes: 0 }, null, ({ record, kid }) =>
    signings.add(Buffer.from(record.digest + kid.slice(0, 16), 'hex').toString('latin1')),
  );
  const verdict = verdictOf(judged, options);
  const good = verdict.lines - verdict.rejectedTotal;
  const isKept = verdict.status === 'accepted' || verdict.status === 'partial';
  return receiptOf(object.identity(), verdict, {
    accepted: isKept ? signings.size : 0,
    duplicate: isKept ? good - signings.size : 0,
  });
}
