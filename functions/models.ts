import { httpHandler } from '../lib/http/lambda.ts';
import { MODEL_ROUTES } from '../lib/http/models.ts';

export const handler = httpHandler(MODEL_ROUTES, process.env);
