import { createHash } from 'node:crypto';
import type { GraphWriter } from '../../lib/graph/write/writer.ts';
import type { LineageRecord } from '../../lib/trust/lineage-record.ts';
import { writeObject } from './write-object.ts';

/** Of records whose signature is not the matter. */
export const KID = 'ab'.repeat(32);

function signed(seconds: number, content: unknown) {
  const timestamp = new Date(seconds * 1_000).toISOString();
  const recordedAt = { epochSeconds: seconds, nanoseconds: 0 };
  const digest = createHash('sha256')
    .update(JSON.stringify([content, seconds]))
    .digest('hex');
  return { timestamp, recordedAt, digest };
}

export function datasetRecord(hash: string, seconds: number, path = 'p'): LineageRecord {
  const of = { type: 'dataset', hash, path, description: '' } as const;
  return { ...of, ...signed(seconds, of) };
}

export function modelRecord(
  name: string,
  commit: string,
  seconds: number,
  datasetHashes: readonly string[] = [],
  hyperparameters = '{}',
): LineageRecord {
  const of = { type: 'model', name, commit, hyperparameters, environment: '{}', datasetHashes };
  return { ...of, type: 'model', ...signed(seconds, of) };
}

export function inferenceRecord(
  id: string,
  modelName: string,
  commit: string | null,
  seconds: number,
): LineageRecord {
  const of = { type: 'inference', id, modelName, commit, input: '{}', output: '{}' } as const;
  return { ...of, ...signed(seconds, of) };
}

let logs = 0;

/** Brings records past verification, as an object of their own; answers its URI. */
export async function bringRecords(
  writer: GraphWriter,
  records: readonly LineageRecord[],
  kid = KID,
): Promise<string> {
  const log = String((logs += 1)).padStart(64, '0');
  const uri = `file:///brought-${logs}.jsonl?sha256=${log}`;
  const placed = records.map((record, index) => ({
    record,
    kid,
    location: { log, line: index + 1, offset: index, length: 1 },
  }));
  await writeObject(writer, { uri, log, records: placed }, 1_000);
  return uri;
}
