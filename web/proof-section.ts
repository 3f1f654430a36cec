import type { EvidenceAnswer, ProvenAnswer } from '../lib/http/answers/evidence.ts';
import { ask, AskError } from './ask.ts';
import { button, el, facts, foreign, save, when } from './element.ts';
import { loading, problemBox } from './notice.ts';
import { ago, count, counted } from './text.ts';

type State = Exclude<ProvenAnswer['state'], 'proven'>;

const STATES = {
  'not-yet':
    'Not in the log yet: the receipt of the log that it came in waits to be appended. Look again in a minute.',
  'no-receipt':
    'Not in the log: no receipt of the log that it came in is kept here, so that there is nothing to prove it by.',
  damaged:
    'Not proven: what lies in the archive or in the log is not what was accepted. Ask whoever runs this to look with custody fsck.',
  'key-unknown':
    'Not proven: the key that signed it is not configured here, so that it can’t be handed over.',
  unread:
    'Not proven yet: the time of one answer was up. The command custody prove has more of it.',
  'no-tlog': 'No log of receipts is kept here, so that there is no proof for others.',
} as const satisfies Record<State, string>;

/** Whether others can check the record without asking anybody here, and the file that they need for it. */
export function proofSection(
  asked: Readonly<Record<string, string>>,
  signal: AbortSignal,
): HTMLElement {
  const told = el('div');
  const look = async (): Promise<void> => {
    told.replaceChildren(loading('its proof'));
    try {
      const { proven } = await ask<EvidenceAnswer>(
        '/v1/evidence',
        { ...asked, proof: 'true' },
        signal,
      );
      if (proven !== undefined) told.replaceChildren(...content(proven));
    } catch (error) {
      if (signal.aborted) return;
      told.replaceChildren(problemBox(error, () => void look()));
      if (!(error instanceof AskError)) throw error;
    }
  };
  void look();
  return el('section', {}, el('h3', {}, 'Proof for others'), told);
}

function content({ state, tlog, proof, left, of }: ProvenAnswer): Node[] {
  if (state !== 'proven' || tlog === null || proof === null)
    return [
      el('p', {}, state === 'proven' ? STATES['not-yet'] : STATES[state]),
      ...(of === null ? [] : [el('p', {}, 'First missing: ', foreign(nameOf(of)))]),
    ];
  const { origin, index, size, cosignatures } = tlog;
  const seen = cosignatures.map(
    ({ name, time }) =>
      ['Cosigned by', el('span', {}, foreign(name), `, ${ago(time)}, `, when(time))] as const,
  );
  return [
    el('p', {}, `In the log at ${count(index + 1)} of ${count(size)}. `),
    facts([
      ['Log', foreign(origin)],
      ...(seen.length === 0 ? [['Cosigned by', 'nobody yet'] as const] : seen),
    ]),
    el(
      'p',
      {},
      'The file proves this record and what it rests on. Who has it checks it without asking anybody, by the log’s and the witnesses’ keys, which it does not hold.',
      left > 0 ? ` It says nothing of ${counted(left, 'more dataset')}.` : '',
    ),
    button('Download the proof', () =>
      save('proof.json', new Blob([`${JSON.stringify(proof)}\n`], { type: 'application/json' })),
    ),
  ];
}

function nameOf(of: NonNullable<ProvenAnswer['of']>): string {
  if (of.kind === 'dataset') return `dataset ${of.hash}`;
  return of.kind === 'model' ? `model ${of.name} ${of.commit}` : `inference ${of.id}`;
}
