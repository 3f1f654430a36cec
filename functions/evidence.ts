import { httpHandler } from '../lib/aws/http-handler.ts';
import { s3Client, s3LineOpener } from '../lib/aws/s3-object.ts';
import { httpSettings } from '../lib/config.ts';
import { envelopeReader, uriOpener } from '../lib/evidence.ts';
import { EVIDENCE_ROUTES } from '../lib/http/routes/evidence.ts';
import { keyEntries, loadKeys } from '../lib/keys.ts';
import { once } from '../lib/once.ts';

const open = uriOpener(s3LineOpener(s3Client()));
const keys = once(() => loadKeys(keyEntries(process.env)));

export const handler = httpHandler(
  EVIDENCE_ROUTES,
  httpSettings(process.env),
  envelopeReader(open, keys),
);
