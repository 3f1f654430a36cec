// What the API answers, as far as the page reads it. test/page.test.ts holds this against the
// schemas that the API itself checks with.

export interface Evidence {
  readonly digest: string;
  readonly kid: string;
  readonly source: string;
  readonly line: number;
  readonly offset: number;
  readonly length: number;
}

export type Resolution = 'exact' | 'only-version' | 'as-of' | 'before-model' | 'pending';

export interface Incomplete {
  readonly reason: 'OBJECT_IN_PROGRESS' | 'PENDING_LINKS' | 'TIME_BUDGET' | 'SIZE_BUDGET';
  readonly detail: string;
  readonly objects?: readonly string[] | undefined;
  readonly hashes?: readonly string[] | undefined;
}

export interface Completeness {
  readonly complete: boolean;
  readonly incomplete?: readonly Incomplete[] | undefined;
  readonly asOf: string;
}

/** A page of something longer. */
export interface Paged extends Completeness {
  readonly next: string | null;
}

/** What a page leaves missing once the one after it is there: a budget was up, and is made good. */
export function goneOnFrom(answer: Completeness): Completeness {
  const left = (answer.incomplete ?? []).filter(
    ({ reason }) => reason !== 'TIME_BUDGET' && reason !== 'SIZE_BUDGET',
  );
  return { ...answer, complete: left.length === 0, incomplete: left };
}

export interface ModelName {
  readonly name: string;
  readonly commit: string;
}

export interface Dataset {
  readonly hash: string;
  readonly path: string | null;
  readonly description: string | null;
  readonly timestamp: string | null;
  readonly recordedAt: string;
  readonly models: number;
  readonly evidence: Evidence;
}

export interface Model extends ModelName {
  readonly hyperparameters?: unknown;
  readonly environment?: unknown;
  readonly timestamp: string | null;
  readonly recordedAt: string;
  readonly datasets: readonly {
    readonly hash: string;
    readonly path: string | null;
    readonly evidence: Evidence;
  }[];
  readonly datasetCount: number;
  readonly pending: readonly string[];
  readonly pendingCount: number;
  readonly inferenceCount: number;
  readonly evidence: Evidence;
}

interface Kept {
  readonly sha256: string;
  readonly bytes: number;
}

export interface Inference {
  readonly id: string;
  readonly claimed: { readonly name: string; readonly commit: string | null };
  readonly model: ModelName | null;
  readonly resolution: Resolution;
  readonly timestamp: string;
  readonly recordedAt: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly inputKept: Kept | null;
  readonly outputKept: Kept | null;
  readonly evidence: Evidence;
}

export interface DatasetAnswer extends Completeness {
  readonly dataset: Dataset;
  readonly models: readonly (ModelName & { readonly inferences: number })[];
  readonly modelCount: number;
  readonly inferenceCount: number | null;
}

export interface ModelAnswer extends Completeness {
  readonly model: Model;
}

export interface InferenceAnswer extends Completeness {
  readonly inference: Inference;
}

export interface ModelsAnswer extends Paged {
  readonly items: readonly Model[];
}

export type LineageNode =
  | (Dataset & { readonly kind: 'dataset'; readonly key: string })
  | (ModelName & {
      readonly kind: 'model';
      readonly key: string;
      readonly inferenceCount: number;
      readonly evidence: Evidence;
    })
  | (Inference & { readonly kind: 'inference'; readonly key: string });

export type LineageEdge =
  | {
      readonly kind: 'USED_IN';
      readonly from: string;
      readonly to: string;
      readonly evidence?: readonly string[] | undefined;
    }
  | {
      readonly kind: 'GENERATED';
      readonly from: string;
      readonly to: string;
      readonly resolution: Resolution;
    };

export interface LineageAnswer extends Paged {
  readonly start: string;
  readonly nodes: readonly LineageNode[];
  readonly edges: readonly LineageEdge[];
}

export type DrawnNode =
  | {
      readonly kind: 'dataset';
      readonly key: string;
      readonly hash: string;
      readonly path: string | null;
      readonly evidence: Evidence;
    }
  | (ModelName & {
      readonly kind: 'model';
      readonly key: string;
      readonly datasetCount: number;
      readonly pendingCount: number;
      readonly inferenceCount: number;
      readonly evidence: Evidence;
    });

export interface GraphAnswer extends Paged {
  readonly nodes: readonly DrawnNode[];
  readonly edges: readonly {
    readonly kind: 'USED_IN';
    readonly from: string;
    readonly to: string;
  }[];
}

interface Spread {
  readonly count: number;
  readonly first: string | null;
  readonly last: string | null;
}

export interface ImpactSummary {
  readonly modelCount: number;
  readonly models: readonly (ModelName & {
    readonly inferenceCount: number;
    readonly evidence: Evidence;
  })[];
  readonly inferenceCount: number | null;
  readonly signedInferenceCount: number | null;
  readonly proven: Spread | null;
  readonly inferred: Spread | null;
}

export interface ImpactItem {
  readonly id: string;
  readonly model: ModelName | null;
  readonly resolution: Resolution;
  readonly recordedAt: string;
  readonly evidence: Evidence;
}

export interface ImpactAnswer extends Paged {
  readonly summary: ImpactSummary | null;
  readonly items: readonly ImpactItem[];
}

export interface EvidenceAnswer {
  readonly evidence: Evidence;
  readonly asserts:
    | { readonly kind: 'dataset'; readonly hash: string }
    | { readonly kind: 'model'; readonly name: string; readonly commit: string }
    | { readonly kind: 'inference'; readonly id: string };
  readonly status: 'verified' | 'key-unknown' | 'differs' | 'gone';
  readonly envelope: string | null;
  readonly key: { readonly kid: string; readonly pem: string } | null;
}

export interface DroppedFile {
  readonly object: string;
  readonly status: 'accepted' | 'partial' | 'rejected' | 'empty' | 'verifying' | 'writing';
  readonly complete: boolean;
  readonly lines: number | null;
  readonly linesDone: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly withheld: number;
  readonly rejectedTotal: number;
  readonly rejected: readonly {
    readonly line: number;
    readonly code: string;
    readonly detail: string;
  }[];
  readonly bytes: number | null;
  readonly problem: string | null;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
}

export interface FilesAnswer extends Paged {
  readonly items: readonly DroppedFile[];
}
