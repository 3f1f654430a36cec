import type { Route } from './route.ts';
import { CHECKPOINT_ROUTES } from './routes/checkpoint.ts';
import { COMPLIANCE_ROUTES } from './routes/compliance.ts';
import { DATASET_ROUTES } from './routes/datasets.ts';
import { EVIDENCE_ROUTES } from './routes/evidence.ts';
import { INFERENCE_ROUTES } from './routes/inferences.ts';
import { keysRoute } from './routes/keys.ts';
import { LINEAGE_ROUTES } from './routes/lineage.ts';
import { MODEL_ROUTES } from './routes/models.ts';
import { OBJECT_ROUTES } from './routes/objects.ts';

/** Everything that can be asked. */
export const ROUTES: readonly Route[] = [
  ...DATASET_ROUTES,
  ...MODEL_ROUTES,
  ...INFERENCE_ROUTES,
  ...LINEAGE_ROUTES,
  ...OBJECT_ROUTES,
  ...EVIDENCE_ROUTES,
  ...CHECKPOINT_ROUTES,
  keysRoute,
  ...COMPLIANCE_ROUTES,
];
