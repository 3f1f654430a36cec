import { httpHandler } from '../lib/aws/http-handler.ts';
import { httpSettings } from '../lib/config.ts';
import { DATASET_ROUTES } from '../lib/http/routes/datasets.ts';

export const handler = httpHandler(DATASET_ROUTES, httpSettings(process.env));
