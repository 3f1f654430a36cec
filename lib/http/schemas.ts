import * as z from 'zod';
import type { DatasetItem } from '../graph/ask/datasets.ts';
import type { InferenceItem, Payloads } from '../graph/ask/inferences.ts';
import type { ModelItem } from '../graph/ask/models.ts';
import type { Resolution } from '../graph/resolve.ts';
import { opaque } from './answer.ts';

export const count = z.number().int().nonnegative();
export const instant = z.string().describe('RFC 3339, UTC, to the nanosecond');

export const evidence = z
  .object({
    digest: z.string().describe('SHA-256 of the signed text: the identity of the record'),
    kid: z.string().describe('SHA-256 of the SubjectPublicKeyInfo of the key that signed it'),
    source: z.string().describe('URI of the object, version included'),
    line: count,
    offset: count.describe('Of the line’s first byte, in the unpacked object'),
    length: count.describe('In bytes'),
  })
  .describe('Where the signed envelope stands');

export const modelName = z.object({ name: z.string(), commit: z.string() });

const json = z.unknown().describe('The signed text where that is JSON, else {"text":"…"}');

const incomplete = z.object({
  reason: z.enum(['OBJECT_IN_PROGRESS', 'PENDING_LINKS', 'TIME_BUDGET', 'SIZE_BUDGET']),
  detail: z.string(),
  objects: z.array(z.string()).optional().describe('Of OBJECT_IN_PROGRESS: at most ten'),
  hashes: z
    .array(z.string())
    .optional()
    .describe('Of PENDING_LINKS: datasets that are declared and not recorded, at most a hundred'),
});

export type Incomplete = z.input<typeof incomplete>;

/** What every answer about the graph says of itself. */
export const completeness = {
  complete: z
    .boolean()
    .describe('True where all that is known of this question is here or behind `next`'),
  incomplete: z.array(incomplete).optional().describe('What is missing, where `complete` is false'),
  asOf: instant.describe('The time that was asked for, else that of the answer'),
};

export const basis = z
  .object({ exact: count, onlyVersion: count, inferred: count })
  .describe(
    'How the links from models to inferences in this answer were found: signed, unambiguous, inferred',
  );

export type Basis = z.input<typeof basis>;

const BASIS = {
  exact: 'exact',
  'only-version': 'onlyVersion',
  'as-of': 'inferred',
  'before-model': 'inferred',
  pending: null,
} as const satisfies Record<Resolution, keyof Basis | null>;

export function basisOf(resolutions: Iterable<Resolution>): Basis {
  const found = { exact: 0, onlyVersion: 0, inferred: 0 };
  for (const resolution of resolutions) {
    const name = BASIS[resolution];
    if (name !== null) found[name] += 1;
  }
  return found;
}

export const dataset = z.object({
  hash: z.string(),
  path: z
    .string()
    .nullable()
    .describe('Null where another record held at `asOf`: see its evidence'),
  description: z.string().nullable(),
  timestamp: z.string().nullable().describe('As signed'),
  recordedAt: instant,
  since: instant.describe('Recorded first'),
  models: count.describe('Model versions that use it now'),
  evidence,
});

export function datasetAnswer(item: DatasetItem): z.input<typeof dataset> {
  return item;
}

export const model = z.object({
  name: z.string(),
  commit: z.string(),
  hyperparameters: json,
  environment: json,
  timestamp: z.string().nullable().describe('As signed'),
  recordedAt: instant,
  since: instant.describe('Recorded first'),
  datasets: z
    .array(
      z.object({
        hash: z.string(),
        path: z
          .string()
          .nullable()
          .describe(
            'Null where it is longer than 4,096 characters, or where another record held at `asOf`',
          ),
        evidence,
      }),
    )
    .describe('At most a hundred'),
  datasetCount: count,
  pending: z
    .array(z.string())
    .describe('Hashes of datasets that are declared and not recorded, at most a hundred'),
  pendingCount: count.describe('Now'),
  inferenceCount: count.describe('Now'),
  evidence,
});

export function modelAnswer(item: ModelItem): z.input<typeof model> {
  return {
    ...item,
    datasets: [...item.datasets],
    pending: [...item.pending],
    hyperparameters: opaque(item.hyperparameters),
    environment: opaque(item.environment),
  };
}

const kept = z.object({ sha256: z.string(), bytes: count });

export const inference = z.object({
  id: z.string(),
  claimed: z
    .object({ name: z.string(), commit: z.string().nullable() })
    .describe('What the record says of its model'),
  model: modelName.nullable().describe('The version that it is linked to'),
  resolution: z.enum(['exact', 'only-version', 'as-of', 'before-model', 'pending']),
  timestamp: z.string().describe('As signed'),
  recordedAt: instant,
  input: json.optional().describe('With include=payload, where it is kept'),
  output: json.optional().describe('With include=payload, where it is kept'),
  inputKept: kept.nullable().describe('Hash and size, where only they are kept'),
  outputKept: kept.nullable(),
  evidence,
});

export function inferenceAnswer(
  { payloads, ...item }: InferenceItem,
  withPayload: boolean,
): z.input<typeof inference> {
  return {
    ...item,
    ...(withPayload ? { input: opaque(payloads.input), output: opaque(payloads.output) } : {}),
    inputKept: keptOf(payloads, 'input'),
    outputKept: keptOf(payloads, 'output'),
  };
}

function keptOf(payloads: Payloads, name: 'input' | 'output'): z.input<typeof kept> | null {
  const sha256 = payloads[`${name}Sha256`];
  const bytes = payloads[`${name}Bytes`];
  return sha256 === null || bytes === null ? null : { sha256, bytes };
}
