import { keyEntries, loadKeys } from '../lib/config.ts';
import { envelopeReader, uriOpener } from '../lib/evidence.ts';
import { EVIDENCE_ROUTES } from '../lib/http/evidence.ts';
import { httpHandler } from '../lib/http/lambda.ts';
import { s3Client, s3LineOpener } from '../lib/object/s3.ts';
import { once } from '../lib/once.ts';

const open = uriOpener(s3LineOpener(s3Client()));
const keys = once(() => loadKeys(keyEntries(process.env)));

export const handler = httpHandler(EVIDENCE_ROUTES, process.env, envelopeReader(open, keys));
