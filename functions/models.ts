import { httpHandler } from '../lib/aws/http-handler.ts';
import { httpSettings } from '../lib/config.ts';
import { MODEL_ROUTES } from '../lib/http/routes/models.ts';

export const handler = httpHandler(MODEL_ROUTES, httpSettings(process.env));
