import type { Circumstances } from '../../lib/trust/key-policy.ts';
import type { VerifyingKey } from '../../lib/trust/keys.ts';
import { PassageFramer } from '../../lib/trust/passage.ts';
import { isRefusal, type Rejection } from '../../lib/trust/rejection.ts';
import { Signers } from '../../lib/trust/signers.ts';
import { verifyLines, type VerifiedRecord } from '../../lib/trust/verify.ts';

/** What is made of a line that lacks only its LF; the first refusal, should it be several lines. */
export function verdictOn(
  line: Uint8Array,
  keys: readonly VerifyingKey[],
  maxLineBytes?: number,
  circumstances: Circumstances = { address: 'file:///a', now: Date.now() },
): VerifiedRecord | Rejection {
  const passage = new PassageFramer(maxLineBytes).push(Buffer.concat([line, Buffer.from('\n')]));
  const judged = verifyLines(passage, 'file:///a', keys, new Signers(), circumstances);
  const verdicts = [...judged].map(([, of]) => of);
  const verdict = verdicts.find(isRefusal) ?? verdicts[0];
  if (verdict === undefined) throw new Error('no line');
  return verdict;
}
