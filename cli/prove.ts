import { parseArgs } from 'node:util';
import { counted } from '../lib/counted.ts';
import { ConfigError } from '../lib/errors.ts';
import { envelopeReader } from '../lib/evidence.ts';
import type { Asserted } from '../lib/graph/ask/evidence.ts';
import { spellProof, type Asked } from '../lib/proof/proof.ts';
import { prove, type Unproven } from '../lib/proof/prove.ts';
import { openArchive } from './archive.ts';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';
import { knownKeys } from './known-keys.ts';
import { openProofs } from './proofs.ts';
import { print, tell } from './terminal.ts';
import { localTlogSigner } from './tlog.ts';

const OPTIONS = {
  inference: { type: 'string' },
  dataset: { type: 'string' },
  model: { type: 'string' },
  commit: { type: 'string' },
  digest: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

const WHY = {
  'not-yet': 'the receipt of its log is not in the tlog yet: in a minute it will be',
  'no-receipt':
    'no receipt with a root is kept of its log: drop it where custody start, or the function, takes it',
  damaged: 'what lies in the archive or the tlog is not what was accepted: custody fsck says more',
  'key-unknown': 'the key that signed it is not among those that are known here',
  unread: 'there was no time for it',
} as const satisfies Record<Unproven, string>;

/** `custody prove`: a proof on stdout that {@link verifyProofCommand} checks; exit 1, and nothing on stdout, where there is none. */
export const proveCommand: Command = async (args) => {
  const { values } = parseArgs({ args, options: OPTIONS });
  if (values.help) {
    print(
      'usage: custody prove --inference ID | --dataset HASH | --model NAME --commit COMMIT | --digest DIGEST > FILE',
      'a proof of the record and of what it rests on, for custody verify-proof and others (docs/proof.md)',
    );
    return 0;
  }
  const asked = askedOf(values);
  const archive = await openArchive(process.env);
  const source = await openProofs(process.env, archive);
  const keys = await knownKeys();
  const readEnvelope = envelopeReader(archive, () => Promise.resolve(keys));
  const proven = await withGraph((graph) => prove(graph, source, readEnvelope, asked));
  if (proven === null) {
    tell('custody: no such record is accepted');
    return 1;
  }
  if ('unproven' in proven) {
    tell(`custody: ${nameOf(proven.of)}: not proven: ${WHY[proven.unproven]}`);
    return 1;
  }
  if (proven.left > 0)
    tell(`custody: the proof says nothing of ${counted(proven.left, 'more dataset')} of the model`);
  print(spellProof(proven.proof).trimEnd());
  if (!process.env['CUSTODY_EVIDENCE_BUCKET']) {
    const { key } = await localTlogSigner(process.env);
    tell('custody: a policy for this machine’s own log is', `log ${key.vkey}`, 'quorum none');
  }
  return 0;
};

function askedOf({
  inference,
  dataset,
  model,
  commit,
  digest,
}: Readonly<Partial<Record<keyof typeof OPTIONS, string | boolean>>>): Asked {
  const given = [inference, dataset, model ?? commit, digest].filter((of) => of !== undefined);
  if (given.length === 1) {
    if (typeof inference === 'string') return { inference };
    if (typeof dataset === 'string') return { dataset };
    if (typeof digest === 'string') return { digest };
    if (typeof model === 'string' && typeof commit === 'string') return { model, commit };
  }
  throw new ConfigError('USAGE', [
    'exactly one of --inference, --dataset, --model with --commit, and --digest is proven',
  ]);
}

function nameOf(asserts: Asserted): string {
  if (asserts.kind === 'dataset') return `dataset ${asserts.hash}`;
  return asserts.kind === 'model'
    ? `model ${asserts.name} ${asserts.commit}`
    : `inference ${asserts.id}`;
}
