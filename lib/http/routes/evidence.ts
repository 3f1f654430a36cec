import { once } from 'node:events';
import * as z from 'zod';
import { counted } from '../../counted.ts';
import {
  namesOfLogs,
  readHead,
  readRecord,
  readRecordAt,
  type Asserted,
  type FoundRecord,
} from '../../graph/ask/evidence.ts';
import { NOW } from '../../graph/place.ts';
import type { ArchivedSigning } from '../../graph/signing.ts';
import type { Asked as ProofAsked } from '../../proof/proof.ts';
import { prove } from '../../proof/prove.ts';
import { keyStatus } from '../../trust/key-policy.ts';
import { evidenceAnswer, type ProvenAnswer, type SigningAnswer } from '../answers/evidence.ts';
import { completenessOf } from '../page.ts';
import { flag, identity, sha256 } from '../parameters.ts';
import { RequestError } from '../problem.ts';
import { route, type Route, type RouteContext } from '../route.ts';

const parameters = z.object({
  digest: sha256
    .optional()
    .describe(
      'Of a dataset or model record, of an inference whose id was made of it, or of one of several records of an inference',
    ),
  inference: identity.optional().describe('Id of an inference: the record that speaks for it'),
  log: sha256.optional().describe('SHA-256 of a log, together with line'),
  line: z
    .string()
    .regex(/^[1-9]\d{0,9}$/, 'a whole number from 1')
    .transform(Number)
    .optional()
    .describe('Of the log, from 1'),
  proof: flag
    .optional()
    .describe(
      'true: with a proof of the record and of what it rests on, for whoever trusts nobody here',
    ),
});

type Asked = z.output<typeof parameters>;

export const EVIDENCE_ROUTES: readonly Route[] = [
  route({
    path: '/v1/evidence',
    resource: 'evidence',
    summary:
      'The signed envelopes of a record, one of each key that signed it, read again from the archive and verified on the spot',
    parameters,
    answer: evidenceAnswer,
    async handle(context, asked) {
      const { digest, asserts, recordedAt, signings } = await recordAsked(context, asked);
      const isFirst = ({ log, line }: ArchivedSigning): boolean =>
        log === asked.log && line === asked.line;
      const inOrder = [...signings.filter(isFirst), ...signings.filter((of) => !isFirst(of))];
      const told = await readSignings(context, { digest, recordedAt }, inOrder);
      const unread = told.filter(({ status }) => status === 'unread').length;
      const missing = {
        reason: 'TIME_BUDGET',
        detail: `The time for one answer was up before ${counted(unread, 'envelope was', 'envelopes were')} read; ask by log and line`,
      } as const;
      return {
        digest,
        asserts,
        signings: told,
        ...(asked.proof === true ? { proven: await tellProof(context, digest, asserts) } : {}),
        ...(await completenessOf(context, NOW, unread === 0 ? [] : [missing])),
      };
    },
  }),
];

/** The envelope of an inference holds what went in and came out, and its digest could be guessed from that. */
async function recordAsked(context: RouteContext, asked: Asked): Promise<FoundRecord> {
  const found = await findRecord(context, asked);
  const isKnownTo =
    context.may('payload:read') ||
    (found === null
      ? asked.digest === undefined && asked.inference === undefined
      : found.asserts.kind !== 'inference');
  if (!isKnownTo)
    throw new RequestError(
      'FORBIDDEN',
      'This is no record of a dataset or a model; what there may be of inferences takes the permission payload:read.',
    );
  if (found === null)
    throw new RequestError(
      'NOT_FOUND',
      'No such record is accepted. An inference is found by its id, or by log and line, and a line only where its record was accepted first.',
    );
  return found;
}

function findRecord(
  { graph }: RouteContext,
  { digest, inference, log, line }: Asked,
): Promise<FoundRecord | null> {
  const given = [digest, inference, log ?? line].filter((of) => of !== undefined);
  if (given.length === 1) {
    if (digest !== undefined) return readRecord(graph, digest);
    if (inference !== undefined) return readHead(graph, inference);
    if (log !== undefined && line !== undefined) return readRecordAt(graph, log, line);
  }
  throw new RequestError(
    'PARAMETER_INVALID',
    'Evidence is asked for by exactly one digest, inference, or log with line.',
  );
}

/** For reading the archive, in milliseconds, whatever finding the record took. */
const READ_BUDGET_MS = 5_000;

const UNREAD = { status: 'unread', envelope: null, key: null } as const;

/** As many as the time allows; a log that can't be read in that is cut off, too. */
async function readSignings(
  { graph, readEnvelope, ring, isTimeUp }: RouteContext,
  { digest, recordedAt }: Pick<FoundRecord, 'digest' | 'recordedAt'>,
  signings: readonly ArchivedSigning[],
): Promise<SigningAnswer[]> {
  const names = await namesOfLogs(
    graph,
    signings.map(({ log }) => log),
  );
  const policies = new Map((await ring()).map(({ kid, policy }) => [kid, policy]));
  const told: SigningAnswer[] = [];
  const end = AbortSignal.timeout(READ_BUDGET_MS);
  for (const signing of signings) {
    const found =
      told.length > 0 && isTimeUp()
        ? UNREAD
        : await untilAborted(end, readEnvelope(digest, signing, end));
    const { takenAt = null, count = 0, uris = [] } = names.get(signing.log) ?? {};
    const { version: _, ...place } = signing;
    const when = { recordedAt, takenAt };
    const graded = { keyStatus: keyStatus(policies.get(signing.kid), when, Date.now()), takenAt };
    told.push({ ...place, ...found, ...graded, names: { count, uris: [...uris] } });
  }
  return told;
}

/** Of that very record where it was asked for as such; of an inference the one that speaks for it. */
async function tellProof(
  { graph, readEnvelope, proofs }: RouteContext,
  digest: string,
  asserts: Asserted,
): Promise<ProvenAnswer> {
  const nothing = { of: null, tlog: null, left: 0, proof: null };
  if (proofs === null) return { state: 'no-tlog', ...nothing };
  // The head of an inference is found by its id alone.
  const asked: ProofAsked = asserts.kind === 'inference' ? { inference: asserts.id } : { digest };
  const end = AbortSignal.timeout(READ_BUDGET_MS);
  const proven = await untilAborted(end, prove(graph, proofs, readEnvelope, asked, end));
  if (proven === null || 'status' in proven) return { state: 'unread', ...nothing, of: asserts };
  if ('unproven' in proven) return { state: proven.unproven, ...nothing, of: proven.of };
  const { proof, inTlog, left } = proven;
  const tlog = { ...inTlog, cosignatures: [...inTlog.cosignatures] };
  return { state: 'proven', of: null, tlog, left, proof: { ...proof } };
}

/** What is read by then; behind that nobody waits for it. */
async function untilAborted<T>(
  signal: AbortSignal,
  reading: Promise<T>,
): Promise<T | typeof UNREAD> {
  const stop = new AbortController();
  const aborted = once(signal, 'abort', { signal: stop.signal }).then(() => UNREAD);
  aborted.catch(() => undefined);
  const read = reading.catch((error: unknown) => {
    if (signal.aborted) return UNREAD;
    throw error;
  });
  try {
    return signal.aborted ? UNREAD : await Promise.race([read, aborted]);
  } finally {
    stop.abort();
  }
}
