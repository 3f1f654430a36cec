import { httpHandler } from '../lib/aws/http-handler.ts';
import { httpSettings } from '../lib/config.ts';
import { COMPLIANCE_ROUTES } from '../lib/http/routes/compliance.ts';

export const handler = httpHandler(COMPLIANCE_ROUTES, httpSettings(process.env));
