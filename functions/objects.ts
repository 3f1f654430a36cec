import { httpHandler } from '../lib/aws/http-handler.ts';
import { httpSettings } from '../lib/config.ts';
import { OBJECT_ROUTES } from '../lib/http/routes/objects.ts';

export const handler = httpHandler(OBJECT_ROUTES, httpSettings(process.env));
