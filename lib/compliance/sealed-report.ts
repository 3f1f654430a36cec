import { createHash } from 'node:crypto';
import { jsonMembers, membersOf } from '../members.ts';
import { dsseText, openDsse, preAuthEncoding } from '../trust/dsse.ts';
import type { VerifyingKey } from '../trust/keys.ts';
import type { Signer } from '../trust/sign.ts';
import { reportHtml } from './report-html.ts';
import { REPORT_FORMAT, type Report } from './report.ts';

/** By name, in the order in which they are to be written: a report without its manifest is none. */
export type ReportFiles = ReadonlyMap<string, Uint8Array>;

export const MANIFEST = 'manifest.dsse.json';

const LISTED = ['report.json', 'report.html'] as const;

/** https://github.com/in-toto/attestation/blob/main/spec/v1/envelope.md and …/statement.md */
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';

/** What the signed manifest says of a report. */
interface Statement {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly {
    readonly name: string;
    readonly digest: { readonly sha256: string };
  }[];
  readonly predicateType: typeof REPORT_FORMAT;
  readonly predicate: {
    readonly from: string;
    readonly to: string;
    readonly madeAt: string;
    readonly complete: boolean;
    readonly version: string;
  };
}

/** The report as JSON and as HTML, and the manifest of both, signed. */
export async function sealReport(report: Report, signer: Signer): Promise<ReportFiles> {
  const files = new Map<string, Uint8Array>([
    ['report.json', Buffer.from(`${JSON.stringify(report, null, 2)}\n`, 'utf8')],
    ['report.html', Buffer.from(reportHtml(report), 'utf8')],
  ]);
  const { from, to, madeAt, software } = report.scope;
  const statement: Statement = {
    _type: STATEMENT_TYPE,
    subject: Array.from(files, ([name, bytes]) => ({ name, digest: { sha256: sha256(bytes) } })),
    predicateType: REPORT_FORMAT,
    predicate: {
      from,
      to,
      madeAt,
      complete: report.completeness.complete,
      version: software.version,
    },
  };
  const payload = Buffer.from(JSON.stringify(statement), 'utf8');
  const signature = await signer.sign(preAuthEncoding(PAYLOAD_TYPE, payload));
  files.set(MANIFEST, Buffer.from(dsseText(PAYLOAD_TYPE, payload, signer.kid, signature), 'utf8'));
  return files;
}

/** A report whose every byte is the one that was signed. */
export interface VerifiedReport {
  readonly kid: string;
  readonly says: Statement['predicate'];
}

/** The files of a folder as they are, or all that speaks against them: a byte changed, a file too many or too few. */
export function verifyReport(
  files: ReportFiles,
  keys: readonly VerifyingKey[],
): VerifiedReport | { readonly problems: readonly string[] } {
  const manifest = files.get(MANIFEST);
  if (manifest === undefined) return { problems: [`${MANIFEST} is not there`] };
  const opened = openDsse(manifest, PAYLOAD_TYPE, keys);
  if ('problem' in opened) return { problems: [`${MANIFEST}: ${opened.problem}`] };
  const statement = statementOf(opened.payload);
  if (statement === null)
    return { problems: [`${MANIFEST}: it was signed for something else than ${REPORT_FORMAT}`] };
  const { subject, predicate } = statement;
  const problems = subject.flatMap(({ name, digest }) => {
    const bytes = files.get(name);
    if (bytes === undefined) return [`${name} is not there`];
    return sha256(bytes) === digest.sha256 ? [] : [`${name} is not the file that was signed`];
  });
  const isListed = (name: string): boolean => subject.some((of) => of.name === name);
  for (const name of LISTED) if (!isListed(name)) problems.push(`${name} is not in the manifest`);
  for (const name of files.keys())
    if (name !== MANIFEST && !isListed(name)) problems.push(`${name} is no part of the report`);
  return problems.length > 0 ? { problems } : { kid: opened.kid, says: predicate };
}

/** Whatever a key has signed may be something else than a report. */
function statementOf(payload: Buffer): Statement | null {
  const { _type, predicateType, subject, predicate } = jsonMembers(payload.toString('utf8'));
  if (_type !== STATEMENT_TYPE || predicateType !== REPORT_FORMAT) return null;
  const files = Array.isArray(subject) ? subject.map(fileOf) : [];
  const says = predicateOf(predicate);
  if (says === null || !files.every((file) => file !== null)) return null;
  return { _type, subject: files, predicateType, predicate: says };
}

function fileOf(value: unknown): Statement['subject'][number] | null {
  const { name, digest } = membersOf(value);
  const { sha256: hash } = membersOf(digest);
  return typeof name === 'string' && typeof hash === 'string'
    ? { name, digest: { sha256: hash } }
    : null;
}

function predicateOf(value: unknown): Statement['predicate'] | null {
  const { from, to, madeAt, complete, version } = membersOf(value);
  return typeof from === 'string' &&
    typeof to === 'string' &&
    typeof madeAt === 'string' &&
    typeof complete === 'boolean' &&
    typeof version === 'string'
    ? { from, to, madeAt, complete, version }
    : null;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
