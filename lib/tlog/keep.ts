import { append, type Appended } from './append.ts';
import { parsePolicy, type Policy } from './policy.ts';
import type { TlogSigner } from './signer.ts';
import type { TlogStore } from './store.ts';
import { askWitnesses, type Cosigning } from './witness.ts';

/** Where the log's policy lies beside it: whom to ask for cosignatures (c2sp.org/tlog-policy). */
const POLICY = 'policy';

/** What keeping a log takes. */
export interface KeepOptions {
  readonly now: () => Date;
  readonly isTimeUp?: () => boolean;
  /** What each witness has seen, by its key; kept from one time to the next. */
  readonly sizes?: Map<string, number>;
}

/** What became of it. */
export interface Kept {
  readonly appended: Appended;
  /** Null where no policy names a witness with an address. */
  readonly cosigning: Cosigning | null;
  /** Sentences for the operator: what is wrong, though the log itself goes on. */
  readonly problems: readonly string[];
}

/**
 * Brings what waits into the log, and only then asks its witnesses: a checkpoint stands there before
 * anybody cosigned it, so that no witness delays a leaf.
 */
export async function keepTlog(
  store: TlogStore,
  signer: TlogSigner,
  options: KeepOptions,
): Promise<Kept> {
  const appended = await append(store, signer, options);
  const problems = appended.refused.map((path) => `${path} was no leaf, and was taken away`);
  const policy = await policyOf(store);
  if ('problem' in policy) problems.push(`the policy is not followed: ${policy.problem}`);
  const witnesses = 'problem' in policy ? [] : policy.witnesses.filter(({ url }) => url !== null);
  if (witnesses.length === 0) return { appended, cosigning: null, problems };
  const { sizes } = options;
  const cosigning = await askWitnesses(store, signer.key, witnesses, sizes ? { sizes } : {});
  for (const { witness, problem } of cosigning.answers)
    if (problem !== null) problems.push(`the witness ${witness} did not cosign: ${problem}`);
  return { appended, cosigning, problems };
}

async function policyOf(store: TlogStore): Promise<Policy | { readonly problem: string }> {
  const bytes = await store.read(POLICY);
  return bytes === null ? { logs: [], witnesses: [], isQuorum: () => true } : parsePolicy(bytes);
}
