import { httpHandler } from '../lib/http/lambda.ts';
import { OBJECT_ROUTES } from '../lib/http/objects.ts';

export const handler = httpHandler(OBJECT_ROUTES, process.env);
