import { createHash, type KeyObject } from 'node:crypto';
import { signRecord } from '../trust/sign.ts';

/**
 * A small signed log: three datasets, two commits of one name, inferences, and among the models an orphan,
 * whose vendor names a dataset that nobody has recorded.
 */
export function demoLog(privateKey: KeyObject): string {
  return demoRecords()
    .map((record) => `${signRecord(JSON.stringify(record), privateKey, 'digest')}\n`)
    .join('');
}

function demoRecords(): object[] {
  const at = (minute: number): string => new Date(Date.UTC(2026, 0, 5, 9, minute)).toISOString();
  const hashOf = (path: string): string => createHash('sha256').update(path).digest('hex');
  const dataset = (minute: number, path: string, description: string) => ({
    type: 'dataset',
    hash: hashOf(path),
    path,
    description,
    timestamp: at(minute),
  });
  const datasets = [
    dataset(0, 's3://demo/triage-notes-2025.parquet', 'Triage notes, de-identified'),
    dataset(1, 's3://demo/lab-results-2025.parquet', 'Laboratory results'),
    dataset(2, 's3://demo/reviewer-labels.csv', 'Labels by two reviewers'),
  ];
  const [notes = '', results = '', labels = ''] = datasets.map(({ hash }) => hash);
  const model = (minute: number, name: string, commit: string, used: string[]) => ({
    type: 'model',
    model_name: name,
    git_commit: commit,
    hyperparameters: { max_depth: 4 + minute },
    environment: { python: '3.12' },
    dataset_hashes: used,
    timestamp: at(minute),
  });
  return [
    ...datasets,
    model(5, 'triage', '1f0c2ab', [notes, labels]),
    model(6, 'dosage', '77aa01c', [results]),
    model(7, 'vendor-score', '0000001', [hashOf('s3://vendor/claims.parquet')]),
    model(30, 'triage', '9be41d0', [notes, results, labels]),
    ...Array.from({ length: 12 }, (_, index) => ({
      type: 'inference',
      id: `demo-${String(index + 1).padStart(2, '0')}`,
      model_name: ['triage', 'dosage', 'triage', 'vendor-score'][index % 4],
      input: { case: index + 1 },
      output: { score: index / 12 },
      timestamp: at(10 + index * 3),
    })),
  ];
}
