import { httpHandler } from '../lib/aws/http-handler.ts';
import { httpSettings } from '../lib/config.ts';
import { LINEAGE_ROUTES } from '../lib/http/routes/lineage.ts';

export const handler = httpHandler(LINEAGE_ROUTES, httpSettings(process.env));
