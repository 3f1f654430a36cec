import { httpHandler } from '../lib/http/lambda.ts';
import { INFERENCE_ROUTES } from '../lib/http/inferences.ts';

export const handler = httpHandler(INFERENCE_ROUTES, process.env);
