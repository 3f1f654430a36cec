import { COMPLIANCE_ROUTES } from './compliance.ts';
import { DATASET_ROUTES } from './datasets.ts';
import { EVIDENCE_ROUTES } from './evidence.ts';
import { INFERENCE_ROUTES } from './inferences.ts';
import { LINEAGE_ROUTES } from './lineage.ts';
import { MODEL_ROUTES } from './models.ts';
import { OBJECT_ROUTES } from './objects.ts';
import type { Route } from './route.ts';

/** Everything that can be asked. */
export const ROUTES: readonly Route[] = [
  ...DATASET_ROUTES,
  ...MODEL_ROUTES,
  ...INFERENCE_ROUTES,
  ...LINEAGE_ROUTES,
  ...OBJECT_ROUTES,
  ...EVIDENCE_ROUTES,
  ...COMPLIANCE_ROUTES,
];
