import type { LineageRecord } from '../../lib/trust/lineage-record.ts';
import type { Instant } from '../../lib/trust/timestamp.ts';

/** The text that a producer would sign to say what a record says. */
export function recordText(record: LineageRecord): string {
  const timestamp = timestampOf(record.recordedAt);
  switch (record.type) {
    case 'dataset': {
      const { type, hash, path, description } = record;
      return JSON.stringify({ type, hash, path, description, timestamp });
    }
    case 'model': {
      const { type, name, commit, datasetHashes, hyperparameters, environment } = record;
      const said = {
        type,
        model_name: name,
        git_commit: commit,
        dataset_hashes: datasetHashes,
        timestamp,
      };
      return withRaw(said, { hyperparameters, environment });
    }
    case 'inference': {
      const { type, id, modelName, commit, input, output } = record;
      const named = id.startsWith('sha256:') ? {} : { id };
      const versioned = commit === null ? {} : { git_commit: commit };
      return withRaw(
        { type, ...named, model_name: modelName, ...versioned, timestamp },
        { input, output },
      );
    }
  }
}

function withRaw(said: object, raw: Readonly<Record<string, string>>): string {
  const members = Object.entries(raw).map(([name, text]) => `, ${JSON.stringify(name)}: ${text}`);
  return `${JSON.stringify(said).slice(0, -1)}${members.join('')}}`;
}

function timestampOf({ epochSeconds, nanoseconds }: Instant): string {
  const date = new Date(epochSeconds * 1_000).toISOString().replace(/\.000Z$/, '');
  return `${date}.${String(nanoseconds).padStart(9, '0')}Z`;
}
