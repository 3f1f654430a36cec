import { httpHandler } from '../lib/http/lambda.ts';
import { LINEAGE_ROUTES } from '../lib/http/lineage.ts';

export const handler = httpHandler(LINEAGE_ROUTES, process.env);
