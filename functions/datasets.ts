import { httpHandler } from '../lib/http/lambda.ts';
import { DATASET_ROUTES } from '../lib/http/datasets.ts';

export const handler = httpHandler(DATASET_ROUTES, process.env);
