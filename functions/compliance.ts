import { COMPLIANCE_ROUTES } from '../lib/http/compliance.ts';
import { httpHandler } from '../lib/http/lambda.ts';

export const handler = httpHandler(COMPLIANCE_ROUTES, process.env);
