import { keyEntries, loadKeys } from '../lib/config.ts';
import { envelopeReader, uriOpener } from '../lib/evidence.ts';
import { EVIDENCE_ROUTES } from '../lib/http/evidence.ts';
import { httpHandler } from '../lib/http/lambda.ts';
import { s3Client, s3Object } from '../lib/object/s3.ts';
import { once } from '../lib/once.ts';

/** A line is at most 1 MiB; most are shorter than this. */
const RANGE_BYTES = 256 * 1024;

const s3 = s3Client();
const open = uriOpener((name) => s3Object(s3, name, { rangeBytes: RANGE_BYTES }));
const keys = once(() => loadKeys(keyEntries(process.env)));

export const handler = httpHandler(EVIDENCE_ROUTES, process.env, envelopeReader(open, keys));
