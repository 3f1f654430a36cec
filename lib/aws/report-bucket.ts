import type { S3Client } from '@aws-sdk/client-s3';
import type { Report } from '../compliance/report.ts';
import type { ReportFiles } from '../compliance/sealed-report.ts';
import { TransientError } from '../errors.ts';
import { failureCode } from './failure-code.ts';
import { isPutNew } from './put-new.ts';

const TYPES: Readonly<Record<string, string>> = {
  json: 'application/json',
  html: 'text/html; charset=utf-8',
};

/**
 * Puts a report under `reports/<from>_<to>/<made at>/`, the times without their colons, and resolves to
 * that. The manifest comes last:
 * what a failed attempt left has none. {@link TransientError} where S3 fails.
 */
export async function putReport(
  client: S3Client,
  bucket: string,
  { scope: { from, to, madeAt } }: Report,
  files: ReportFiles,
): Promise<string> {
  const folder = `reports/${from}_${to}/${madeAt}/`.replaceAll(':', '');
  for (const [name, bytes] of files) {
    const type = TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream';
    const put = { Bucket: bucket, Key: `${folder}${name}`, Body: bytes, ContentType: type };
    const isNew = await isPutNew(client, put).catch((error: unknown) => {
      const code = failureCode(error);
      throw new TransientError('REPORT_NOT_WRITTEN', `the report could not be written (${code})`, {
        cause: error,
      });
    });
    if (!isNew)
      throw new TransientError('REPORT_EXISTS', 'a report of the same instant is there already');
  }
  return folder;
}
