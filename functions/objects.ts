import { httpHandler } from '../lib/http/lambda.ts';

/** /v1/objects, /v1/object and /v1/health. */
export const handler = httpHandler('objects', process.env);
