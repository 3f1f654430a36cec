import type { Completeness, Incomplete } from '../lib/http/answers/completeness.ts';
import { AskError, useToken } from './ask.ts';
import { button, el, foreign } from './element.ts';
import { shortTime } from './text.ts';

const REASONS = {
  OBJECT_IN_PROGRESS: 'A file is being written',
  PENDING_LINKS: 'Something is named that nobody recorded',
  PLACED_BY_TIME: 'Something may belong here that time alone places elsewhere',
  CONTESTED: 'Several records disagree about where something belongs',
  NEAR_SPELLING: 'Almost the same name is known, too',
  TIME_BUDGET: 'The time for one answer was up',
  SIZE_BUDGET: 'More would not fit into one answer',
} as const satisfies Record<Incomplete['reason'], string>;

/** Says whether what is shown is all there is: of every answer that it was put together from. */
export function completenessNotice(
  answers: readonly Completeness[],
  isMoreBehind: boolean,
): HTMLElement {
  const missing = new Map<string, Incomplete>();
  for (const { incomplete = [] } of answers)
    for (const one of incomplete) missing.set(`${one.reason} ${one.detail}`, one);
  const isComplete = answers.every(({ complete }) => complete);
  const asOf = answers
    .map((answer) => answer.asOf)
    .sort()
    .at(-1);
  const time = asOf === undefined ? '' : ` As of ${shortTime(asOf)}.`;
  if (isComplete && !isMoreBehind)
    return el('p', { class: 'notice whole' }, el('strong', {}, 'Complete.'), time);
  if (isComplete)
    return el(
      'p',
      { class: 'notice part' },
      el('strong', {}, 'A part.'),
      ` More is recorded than is shown here; load it to see it.${time}`,
    );
  return el(
    'div',
    { class: 'notice incomplete' },
    el('p', {}, el('strong', {}, 'Not complete.'), time),
    el('ul', {}, ...[...missing.values()].map(reason)),
    isMoreBehind
      ? el('p', {}, 'And more is recorded than is shown here; load it to see it.')
      : null,
  );
}

function reason({ reason: code, detail, hashes = [], objects = [] }: Incomplete): HTMLElement {
  const named = [...hashes, ...objects];
  return el(
    'li',
    {},
    `${REASONS[code]}: `,
    foreign(detail),
    '. ',
    named.length === 0
      ? null
      : el(
          'details',
          {},
          el('summary', {}, hashes.length > 0 ? 'Their hashes' : 'Which files'),
          el('ul', {}, ...named.map((name) => el('li', {}, foreign(name)))),
        ),
  );
}

/** What went wrong, and what to do about it. `missing` tells what to check where nothing was found. */
export function problemBox(error: unknown, retry: () => void, missing = ''): HTMLElement {
  if (!(error instanceof AskError)) throw error;
  const { title, advice } = ADVICE[error.kind];
  const box = el(
    'div',
    { class: 'problem', role: 'alert' },
    el('h2', {}, title),
    el('p', {}, foreign(error.message)),
    el('p', {}, error.kind === 'not-found' && missing !== '' ? missing : advice),
    error.requestId === null || error.kind === 'not-found'
      ? null
      : el('p', { class: 'soft' }, 'Request ', el('code', {}, error.requestId)),
  );
  if (error.kind === 'forbidden') box.append(tokenForm(retry));
  box.append(button('Try again', retry));
  return box;
}

const ADVICE = {
  offline: {
    title: 'The server can’t be reached',
    advice:
      'Is it still running? Start it with “npm start”, or check your connection. This page tries again by itself.',
  },
  'no-database': {
    title: 'The database can’t be reached',
    advice:
      'Nothing is lost. This page tries again by itself; if it lasts, look at the terminal of “npm start” or tell the operator the request below.',
  },
  'too-long': {
    title: 'The database took too long for this question',
    advice:
      'It can be reached. Ask for less, as one model version instead of a dataset, or try again when less is going on.',
  },
  limited: {
    title: 'More was asked than the limits allow',
    advice:
      'Wait some seconds and try again; the operator sets how many questions are answered at once.',
  },
  unavailable: {
    title: 'The server can’t answer now',
    advice: 'Nothing is lost. Try again; if it lasts, tell the operator the request below.',
  },
  'not-found': {
    title: 'Nothing of that identity is recorded',
    advice:
      'Check for characters that were cut off. If its log was dropped a moment ago, look under “Dropped files” what became of it.',
  },
  forbidden: {
    title: 'You are not allowed to see this',
    advice:
      'Ask the operator for the permission. Where the API takes a token, give it here; it is kept until this tab is closed or loaded again, and nowhere else.',
  },
  refused: {
    title: 'The question was not understood',
    advice: 'Mend what is named above; a link that was cut short is a usual cause.',
  },
  broken: {
    title: 'Something is wrong on the server',
    advice: 'Tell the operator the request below. Trying again may help.',
  },
} as const satisfies Record<AskError['kind'], { title: string; advice: string }>;

function tokenForm(retry: () => void): HTMLElement {
  const input = el('input', { type: 'password', id: 'token', autocomplete: 'off' });
  const form = el(
    'form',
    { class: 'row' },
    el('label', { for: 'token' }, 'Token'),
    input,
    el('button', { type: 'submit' }, 'Use it'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    useToken(input.value);
    retry();
  });
  return form;
}

export function loading(what: string): HTMLElement {
  return el('p', { class: 'loading', role: 'status' }, `Loading ${what} …`);
}
