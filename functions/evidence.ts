import { httpHandler } from '../lib/aws/http-handler.ts';
import { s3Client, s3LineOpener } from '../lib/aws/s3-object.ts';
import { httpSettings, stack } from '../lib/config.ts';
import { envelopeReader } from '../lib/evidence.ts';
import { EVIDENCE_ROUTES } from '../lib/http/routes/evidence.ts';
import { keyEntries, loadKeys } from '../lib/keys.ts';
import { once } from '../lib/once.ts';

const { evidenceBucket } = stack(process.env, ['evidenceBucket']);
const open = s3LineOpener(s3Client());
const keys = once(() => loadKeys(keyEntries(process.env)));

export const handler = httpHandler(
  EVIDENCE_ROUTES,
  httpSettings(process.env),
  envelopeReader((sha256) => open({ bucket: evidenceBucket, key: `logs/${sha256}` }), keys),
);
