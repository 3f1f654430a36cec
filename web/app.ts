import { addressOf, formatAddress, isSameView, parseAddress, type Address } from './address.ts';
import type { AskError } from './ask.ts';
import { complianceView } from './compliance-view.ts';
import { el, say } from './element.ts';
import { filesView } from './files-view.ts';
import { impactView } from './impact-view.ts';
import { lineageView } from './lineage-view.ts';
import { Live } from './live.ts';
import { Panel } from './panel.ts';
import { searchView } from './search-view.ts';
import { visible } from './text.ts';
import { link, type Page, type View } from './view.ts';

function part<Type extends HTMLElement>(selector: string): Type {
  const found = document.querySelector<Type>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}

const main = part('main');
const connection = part('#connection');
const search = part<HTMLFormElement>('#search');
const query = part<HTMLInputElement>('#query');

const live = new Live();
let address = parseAddress(location.hash);
let view: View | null = null;

const page: Page = {
  live,
  address: () => address,
  go(change, how = 'push') {
    const hash = formatAddress({ ...address, ...change });
    if (hash === location.hash) return;
    if (how === 'push') location.hash = hash;
    else {
      history.replaceState(null, '', hash);
      arrive(parseAddress(hash), false);
    }
  },
};
const panel = new Panel(part('#panel'), page);

function arrive(next: Address, isFirst: boolean): void {
  const isSame = view !== null && isSameView(next, address);
  const before = address;
  address = next;
  if (isSame) view?.update(next);
  else show(next, isFirst);
  panel.show(next.select, !isFirst && isSame && next.select !== before.select);
  document.body.classList.toggle('with-panel', next.select !== '');
}

function show(next: Address, isFirst: boolean): void {
  view?.close();
  main.replaceChildren();
  view = viewOf(next);
  document.title = `${visible(view.title.slice(0, 120))} · Custody`;
  live.isWatched = ['graph', 'files', 'compliance'].includes(next.view);
  for (const each of document.querySelectorAll('nav a')) {
    const isHere = each.getAttribute('href') === `#/${next.view}`;
    if (isHere) each.setAttribute('aria-current', 'page');
    else each.removeAttribute('aria-current');
  }
  if (next.view === 'search') query.value = next.query;
  if (isFirst) return;
  window.scrollTo(0, 0);
  main.querySelector('h1')?.focus();
}

function viewOf(next: Address): View {
  switch (next.view) {
    case 'graph':
      return lineageView(main, { ...next, subject: null }, page);
    case 'lineage':
      return next.subject === null || next.subject.kind === 'key'
        ? nowhere()
        : lineageView(main, next, page);
    case 'impact':
      return next.subject === null || next.subject.kind === 'inference'
        ? nowhere()
        : impactView(main, next, next.subject);
    case 'files':
      return filesView(main, page);
    case 'compliance':
      return complianceView(main, page);
    case 'search':
      return searchView(main, next, page);
    case 'nowhere':
      return nowhere();
  }
}

function nowhere(): View {
  main.append(
    el('h1', { tabindex: '-1' }, 'Nothing here'),
    el(
      'p',
      {},
      'This link names no view; it may be cut short. Search for what you meant above, or ',
      link('look at everything', addressOf('graph')),
      '.',
    ),
  );
  return {
    title: 'Nothing here',
    update: () => undefined,
    refresh: () => undefined,
    close: () => undefined,
  };
}

const LOST = {
  offline: 'No answer',
  'no-database': 'No database',
  'too-long': 'Too slow',
  limited: 'Too many questions',
  unavailable: 'Not available',
  forbidden: 'Not allowed',
  'not-found': 'No API here',
  refused: 'Refused',
  broken: 'Server error',
} as const satisfies Record<AskError['kind'], string>;

function tellConnection(): void {
  const { connection: now } = live;
  const text =
    now.state === 'asking'
      ? 'Connecting …'
      : now.state === 'live'
        ? 'Live'
        : `${LOST[now.error.kind]}, trying again every ${now.retrySeconds} s`;
  if (connection.textContent !== text) connection.textContent = text;
  connection.className = now.state;
}

search.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = query.value.trim();
  if (text === '') query.focus();
  else location.hash = formatAddress(addressOf('search', { query: text }));
});
part('#skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.querySelector('h1')?.focus();
});
window.addEventListener('hashchange', () => arrive(parseAddress(location.hash), false));
let wasLost = false;
live.hear((isNew) => {
  tellConnection();
  const isLost = live.connection.state === 'lost';
  if (isNew || (wasLost && !isLost)) view?.refresh();
  if (wasLost && !isLost) panel.retry();
  wasLost = isLost;
});
for (const failure of ['error', 'unhandledrejection'])
  window.addEventListener(failure, () =>
    say('Something went wrong in this page. Load it again; if it lasts, tell the operator.'),
  );
arrive(address, true);
live.start();
