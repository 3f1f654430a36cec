import { httpHandler } from '../lib/aws/http-handler.ts';
import { httpSettings } from '../lib/config.ts';
import { INFERENCE_ROUTES } from '../lib/http/routes/inferences.ts';

export const handler = httpHandler(INFERENCE_ROUTES, httpSettings(process.env));
