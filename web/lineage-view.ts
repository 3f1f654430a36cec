import { contentsText } from '../lib/contents-text.ts';
import type { GraphAnswer, LineageAnswer } from '../lib/http/answers/lineage.ts';
import type { ModelAnswer } from '../lib/http/answers/model.ts';
import type { InferenceEvidence } from '../lib/http/answers/signed-at.ts';
import { csv } from '../lib/http/csv.ts';
import { LINK_WORDS, LINKS, linkText } from '../lib/links.ts';
import {
  addressOf,
  subjectParameters,
  type Address,
  type Direction,
  type Subject,
} from './address.ts';
import { ask } from './ask.ts';
import { Chain, claimedText, groupedModel, type ChainModel } from './chain.ts';
import { columns, type Placed } from './columns.ts';
import { Drawing } from './drawing.ts';
import {
  button,
  el,
  foreign,
  replace,
  save,
  say,
  svg,
  table,
  when,
  where,
  whisper,
} from './element.ts';
import { keyOf, namedBy } from './keys.ts';
import { DASHES } from './look.ts';
import { completenessNotice, loading, problemBox } from './notice.ts';
import { palette } from './palette.ts';
import { pictureOf } from './picture.ts';
import { count, counted, visible } from './text.ts';
import { choice, link, type Page, type View } from './view.ts';

/** So many nodes are loaded without being asked for, and so many by asking for more. */
const FIRST_NODES = 400;
const MORE_NODES = 1_000;
/** A larger chain is not loaded anew whenever something arrives. */
const MOST_REFRESHED = 1_000;
const ROWS = 100;
const BASES = ['signed', 'only-version', 'by-time', 'pending'] as const;
/** Of models with undeclared datasets, so many are asked for their hashes. */
const MOST_ASKED = 20;

/** The chain of custody in columns: of everything, or of what one question reaches. */
export function lineageView(root: HTMLElement, first: Address, page: Page): View {
  const { subject } = first;
  const title = subject === null ? 'Chain of custody' : `Lineage of ${subjectName(subject)}`;
  let chain = new Chain();
  let address = first;
  let rows = ROWS;
  let asking = new AbortController();
  let isLoading = false;
  let isStale = false;
  let drawing: Drawing | null = null;

  const status = el('div', { 'aria-live': 'polite' });
  const canvasPlace = el('div', { class: 'canvas-place' });
  const tables = el('section', { 'aria-labelledby': 'tables-title' });
  const content = el('div', {}, status, canvasPlace, tables);
  root.append(
    el(
      'h1',
      { tabindex: '-1' },
      subject === null ? title : el('span', {}, 'Lineage of ', subjectLabel(subject)),
    ),
    subject === null ? introduction() : questionForm(subject, first, page),
    content,
  );

  async function load(isQuiet: boolean): Promise<void> {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    isLoading = true;
    isStale = false;
    if (!isQuiet) status.replaceChildren(loading('the chain of custody'));
    const fresh = new Chain();
    try {
      await loadPages(fresh, Math.max(FIRST_NODES, sizeOf(chain)), signal);
      await nameDeclared(fresh, signal);
      for (const key of address.open) {
        const shown = chain.opened.get(key)?.items.length ?? 0;
        do await openPage(fresh, key, address.asOf, signal);
        while ((fresh.opened.get(key)?.items.length ?? 0) < shown && hasMore(fresh, key));
      }
    } catch (error) {
      if (signal.aborted) return;
      isLoading = false;
      // What was shown stays; it says of itself as of when it is.
      status.replaceChildren(problemBox(error, () => void load(isQuiet), missingAdvice(subject)));
      return;
    }
    isLoading = false;
    chain = fresh;
    render();
    if (isStale) void load(true);
  }

  async function loadPages(into: Chain, most: number, signal: AbortSignal): Promise<void> {
    if (subject === null) await loadGraph(into, most, signal);
    else await loadLineage(into, subject, address, most, signal);
  }

  async function loadMore(): Promise<void> {
    const { signal } = asking;
    try {
      await loadPages(chain, sizeOf(chain) + MORE_NODES, signal);
      await nameDeclared(chain, signal);
      render();
    } catch (error) {
      if (!signal.aborted) status.replaceChildren(problemBox(error, () => void loadMore()));
    }
  }

  function refresh(): void {
    if (isLoading) isStale = true;
    else if (sizeOf(chain) <= MOST_REFRESHED) void load(true);
    else if (status.querySelector('.fresh') === null)
      status.append(
        el(
          'p',
          { class: 'notice part fresh' },
          'Something has arrived since. ',
          button('Load it anew', () => void load(false)),
        ),
      );
  }

  async function open(key: string): Promise<void> {
    const { signal } = asking;
    try {
      const before = chain.opened.get(key)?.items.length ?? 0;
      await openPage(chain, key, address.asOf, signal);
      const now = chain.opened.get(key)?.items.length ?? 0;
      page.go({ open: [...new Set([...page.address().open, key])] }, 'replace');
      say(`${counted(now - before, 'inference')} added`);
      render();
    } catch (error) {
      if (!signal.aborted) status.replaceChildren(problemBox(error, () => void open(key)));
    }
  }

  function close(key: string): void {
    chain.close(key);
    page.go({ open: page.address().open.filter((each) => each !== key) }, 'replace');
    render();
  }

  function choose(key: string): void {
    const group = groupedModel(key);
    const [kind = '', ...rest] = key.split(' ');
    const named = namedBy(rest.join(' '));
    if (group !== null) void open(group);
    else if (kind === 'unnamed') page.go({ select: rest.join(' ') });
    else if (kind === 'rest' && named?.kind === 'model')
      page.go(addressOf('lineage', { subject: named, direction: 'up' }));
    else page.go({ select: key });
  }

  /** Whether inferences that are not opened belong into the answer. */
  function hasGroups(): boolean {
    const { direction, depth } = address;
    if (subject === null) return true;
    if (subject.kind === 'model') return direction !== 'up';
    return subject.kind === 'dataset' && direction !== 'up' && depth === 2;
  }

  function layout(): ReturnType<typeof columns> {
    const { nodes, links } = chain.picture({
      withGroups: hasGroups(),
      isPast: address.asOf !== '',
      isAll: subject === null,
    });
    return columns(nodes, links, canvasPlace.clientWidth - 2);
  }

  function render(): void {
    const answers = chain.told();
    const { datasets, models } = chain;
    const inferences = chain.shownInferences();
    const known = [...models.values(), ...chain.claimed.values()];
    const counts = known.reduce((sum, { inferenceCount }) => sum + inferenceCount, 0);
    const isCut = [...chain.claimed.values()].some((claimed) => claimed.isCut);
    const isFolded = hasGroups() && counts > inferences.length;
    const shown = [
      counted(datasets.size, 'dataset'),
      counted(models.size, 'model version'),
      isFolded
        ? `${count(inferences.length)} of ${isCut ? 'at least ' : ''}${counted(counts, 'inference')}, the others as a count`
        : counted(inferences.length, 'inference'),
    ];
    const isPart = chain.isPart() || (subject === null && chain.undrawn().size > 0);
    replace(
      status,
      el('p', { class: 'summary' }, `Shown: ${shown.join(', ')}.`, basisText(chain)),
      completenessNotice(answers, isPart),
      ...(chain.next === null
        ? []
        : [button('Load more', () => void loadMore(), { 'data-at': 'load more' })]),
    );
    if (sizeOf(chain) + inferences.length === 0) {
      drawing?.close();
      drawing = null;
      canvasPlace.replaceChildren(
        el(
          'div',
          { class: 'nothing' },
          el('h2', {}, 'Nothing is recorded yet'),
          el(
            'p',
            {},
            'Drop a signed log as told below; what it says will appear here without a reload.',
          ),
        ),
        howToDrop(),
      );
      tables.replaceChildren();
      return;
    }
    if (drawing === null) {
      drawing = new Drawing(layout(), {
        onChoose: choose,
        onFocus: (node) => announce(node, chain),
      });
      const place = drawing;
      canvasPlace.replaceChildren(
        toolbar(place, exportPicture, exportCsv),
        place.element,
        el(
          'p',
          { id: 'drawing-keys', class: 'soft' },
          'Arrow keys go from node to node and along links, Enter opens, + and − zoom. The same as tables stands below.',
        ),
        legend(),
        ...(subject === null ? [howToDrop()] : []),
      );
    }
    const made = layout();
    drawing.element.style.height = `${Math.min(Math.max(made.height + 4, 110), Math.max(window.innerHeight * 0.62, 260))}px`;
    drawing.show(made, address.select);
    renderTables();
  }

  function renderTables(): void {
    const inferences = chain.shownInferences();
    const used = new Map<string, number>();
    for (const { dataset } of chain.uses.values()) used.set(dataset, (used.get(dataset) ?? 0) + 1);
    const { datasets, models, claimed } = chain;
    const most = Math.max(datasets.size, models.size, claimed.size, inferences.length);
    const hidden = most - rows;
    const name = (text: string, key: string): HTMLElement =>
      choice(key, foreign(text, 'foreign name'));
    const parts = [
      el('h2', { id: 'tables-title' }, 'The same as tables'),
      table(
        `Datasets (${count(chain.datasets.size)})`,
        ['Dataset', 'Hash', 'Used by', 'Signed in'],
        [...chain.datasets]
          .slice(0, rows)
          .map(([key, { hash, path, contents, evidence }]) => [
            name(path ?? hash, key),
            foreign(hash, 'foreign hash'),
            counted(used.get(key) ?? 0, 'model'),
            where(evidence, contents),
          ]),
      ),
      table(
        `Model versions (${count(chain.models.size)})`,
        ['Model', 'Commit', 'Datasets', 'Inferences', 'Signed in'],
        [...chain.models]
          .slice(0, rows)
          .map(([key, model]) => [
            name(model.name, key),
            foreign(model.commit, 'foreign hash'),
            datasetsText(model),
            openButton(key, model),
            where(model.evidence, model.contents),
          ]),
      ),
      ...(chain.claimed.size === 0
        ? []
        : [
            table(
              `Models that nobody recorded (${count(chain.claimed.size)})`,
              ['Model', 'What is known of it'],
              [...chain.claimed]
                .slice(0, rows)
                .map(([key, claimed]) => [name(claimed.name, key), claimedText(claimed)]),
            ),
          ]),
      inferences.length === 0
        ? el(
            'p',
            {},
            'No inferences are opened. Open those of a model in the drawing or in the table of models.',
          )
        : table(
            `Inferences (${count(inferences.length)})`,
            ['Inference', 'Model', 'Link', 'Claimed time', 'Signed in'],
            inferences
              .slice(0, rows)
              .map(({ inference, model }) => [
                name(inference.id, keyOf({ kind: 'inference', id: inference.id })),
                name(modelText(model), model),
                el(
                  'span',
                  { class: `basis ${LINKS[inference.resolution].basis}` },
                  linkText(inference.resolution),
                ),
                when(inference.recordedAt),
                where(inference.evidence, inference.contents),
              ]),
          ),
    ];
    if (hidden > 0)
      parts.push(
        button(`Show more rows (up to ${count(hidden)} are not in the tables yet)`, () => {
          rows += 500;
          renderTables();
        }),
      );
    replace(tables, ...parts);
  }

  function openButton(key: string, model: ChainModel): HTMLElement {
    const opened = chain.opened.get(key);
    const left = model.inferenceCount - (opened?.items.length ?? 0);
    const label = `${count(model.inferenceCount)}${address.asOf === '' ? '' : ' (counted now)'} `;
    const more = left > 0 && opened?.next !== null;
    const whose = visible(`inferences of ${model.name} ${model.commit}`.slice(0, 300));
    return el(
      'span',
      {},
      label,
      more
        ? button(opened === undefined ? 'Open' : 'Open more', () => void open(key), {
            class: 'small',
            'aria-label': `${opened === undefined ? 'Open' : 'Open more'}: ${whose}`,
            'data-at': `open ${key}`,
          })
        : null,
      opened === undefined
        ? null
        : button('Fold', () => close(key), {
            class: 'small',
            'aria-label': `Fold: ${whose}`,
            'data-at': `fold ${key}`,
          }),
    );
  }

  async function exportPicture(kind: 'png' | 'svg'): Promise<void> {
    if (drawing === null) return;
    if (kind === 'svg') {
      const text = pictureOf(layout(), palette(), `Custody: ${title}`);
      save('lineage.svg', new Blob([text], { type: 'image/svg+xml' }));
      return;
    }
    const made = await drawing.png();
    if (made === null) say('This drawing is too large for a PNG here; the SVG holds it.');
    else save('lineage.png', made);
  }

  function exportCsv(): void {
    save('lineage.csv', new Blob([chainCsv(chain)], { type: 'text/csv' }));
  }

  const observer = new ResizeObserver(() => {
    if (drawing !== null) drawing.show(layout(), address.select);
  });
  observer.observe(canvasPlace);
  void load(false);
  return {
    title,
    update(next) {
      address = next;
      drawing?.select(next.select);
      if (next.select !== '') drawing?.reveal(next.select);
    },
    refresh,
    close() {
      asking.abort();
      observer.disconnect();
      drawing?.close();
    },
  };
}

async function loadGraph(chain: Chain, most: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const cursor: Record<string, string> = chain.next === null ? {} : { cursor: chain.next };
    const answer = await ask<GraphAnswer>('/v1/graph', { limit: '200', ...cursor }, signal);
    chain.addGraph(answer);
    if (answer.next === null || sizeOf(chain) >= most) return;
  }
}

async function loadLineage(
  chain: Chain,
  subject: Subject,
  { direction, depth, asOf }: Address,
  most: number,
  signal: AbortSignal,
): Promise<void> {
  const question = {
    ...subjectParameters(subject),
    ...(asOf === '' ? {} : { asOf }),
    ...reach(subject, direction, depth),
    limit: '200',
  };
  for (;;) {
    const cursor: Record<string, string> = chain.next === null ? {} : { cursor: chain.next };
    const answer = await ask<LineageAnswer>('/v1/lineage', { ...question, ...cursor }, signal);
    chain.addLineage(answer);
    if (answer.next === null || sizeOf(chain) >= most) return;
  }
}

/** Inferences are asked for model by model, when somebody opens them. */
function reach(
  subject: Subject,
  direction: Direction,
  depth: number,
): { direction: Direction; depth: string } {
  if (subject.kind === 'inference')
    return { direction: 'up', depth: direction === 'down' ? '0' : String(depth) };
  if (subject.kind === 'model') return { direction: 'up', depth: direction === 'down' ? '0' : '1' };
  return { direction: 'down', depth: direction === 'up' ? '0' : '1' };
}

function sizeOf({ datasets, models, claimed }: Chain): number {
  return datasets.size + models.size + claimed.size;
}

async function openPage(
  chain: Chain,
  key: string,
  asOf: string,
  signal: AbortSignal,
): Promise<void> {
  const named = namedBy(key);
  if (named?.kind !== 'model' || !chain.models.has(key)) return;
  const next = chain.opened.get(key)?.next;
  if (next === null) return;
  const answer = await ask<LineageAnswer>(
    '/v1/lineage',
    {
      ...subjectParameters(named),
      ...(asOf === '' ? {} : { asOf }),
      direction: 'down',
      limit: '50',
      ...(next === undefined ? {} : { cursor: next }),
    },
    signal,
  );
  chain.addOpened(key, answer);
}

function hasMore(chain: Chain, key: string): boolean {
  return typeof chain.opened.get(key)?.next === 'string';
}

/** Asks the models that have some for the hashes that they declare and nobody recorded. */
async function nameDeclared(chain: Chain, signal: AbortSignal): Promise<void> {
  const isPending = chain
    .told()
    .some(({ incomplete = [] }) => incomplete.some(({ reason }) => reason === 'PENDING_LINKS'));
  if (!isPending) return;
  const asked = [...chain.models]
    .filter(([key, { pendingCount }]) => pendingCount !== 0 && !chain.declared.has(key))
    .slice(0, MOST_ASKED);
  for (const [key, { name, commit }] of asked) {
    const { model } = await ask<ModelAnswer>('/v1/model', { name, commit }, signal);
    if (model !== null) chain.nameDeclared(key, model);
  }
}

function chainCsv(chain: Chain): string {
  const head = ['kind', 'identity', 'commit', 'path', 'model', 'modelCommit', 'link', 'recordedAt'];
  const last = ['digest', 'kid', 'log', 'line', 'contents'];
  const signed = ({ digest, kid, log, line }: InferenceEvidence) =>
    [digest ?? null, kid, log, line] as const;
  const answers = chain.told();
  const isWhole = !chain.isPart() && answers.every(({ complete }) => complete);
  const reasons = answers.flatMap(({ incomplete = [] }) => incomplete.map(({ reason }) => reason));
  const left = [...new Set([...reasons, ...(chain.isPart() ? ['NOT_ALL_LOADED'] : [])])];
  const rows = [
    ...[...chain.datasets.values()].map(({ hash, path, contents, evidence }) => [
      'dataset',
      hash,
      null,
      path,
      null,
      null,
      null,
      null,
      ...signed(evidence),
      contentsText(contents),
    ]),
    ...[...chain.models.values()].map(({ name, commit, contents, evidence }) => [
      'model',
      name,
      commit,
      null,
      null,
      null,
      null,
      null,
      ...signed(evidence),
      contentsText(contents),
    ]),
    ...[...chain.claimed.values()].map(({ name }) => {
      const known = ['claimed', name, null, null, null, null, 'pending'];
      return [...known, null, null, null, null, null, null];
    }),
    ...[...chain.uses.values()].map(({ dataset, model }) => {
      const version = namedBy(model);
      const [name, commit] =
        version?.kind === 'model' ? [version.name, version.commit] : [model, null];
      const hash = chain.datasets.get(dataset)?.hash ?? dataset;
      return [
        'use',
        hash,
        null,
        null,
        name,
        commit,
        'declared',
        null,
        null,
        null,
        null,
        null,
        null,
      ];
    }),
    ...chain.shownInferences().map(({ inference }) => {
      const { id, model, claimed, resolution, recordedAt, contents, evidence } = inference;
      const { name, commit } = model ?? claimed;
      return [
        'inference',
        id,
        null,
        null,
        name,
        commit,
        resolution,
        recordedAt,
        ...signed(evidence),
        contentsText(contents),
      ];
    }),
  ];
  return csv([...head, ...last], rows, {
    complete: isWhole,
    note: isWhole ? 'of what was opened' : left.join(', '),
  });
}

function basisText(chain: Chain): string {
  const inferences = chain.shownInferences();
  if (inferences.length === 0) return '';
  const of = { signed: 0, 'only-version': 0, 'by-time': 0, pending: 0 };
  for (const { inference } of inferences) of[LINKS[inference.resolution].basis] += 1;
  const told = BASES.map((basis) => `${count(of[basis])} ${LINK_WORDS[basis]}`);
  return ` Links to inferences: ${told.join(', ')}.`;
}

function datasetsText({ datasetCount, pendingCount }: ChainModel): string {
  if (datasetCount === null) return 'see the model';
  const pending = pendingCount ?? 0;
  if (datasetCount + pending === 0) return 'none declared';
  return pending === 0
    ? count(datasetCount)
    : `${count(datasetCount)}, and ${count(pending)} not recorded`;
}

function modelText(key: string): string {
  const named = namedBy(key);
  if (named?.kind !== 'model' && named?.kind !== 'claimed') return key;
  return named.commit === null ? named.name : `${named.name} @ ${named.commit}`;
}

function announce({ key, look, label, detail, full = label }: Placed, chain: Chain): void {
  const linked = [...chain.uses.values()].filter(
    ({ dataset, model }) => dataset === key || model === key,
  );
  const links =
    linked.length > 0
      ? `, ${counted(linked.length, 'link')} to ${look === 'model' ? 'datasets' : 'models'}`
      : '';
  const kind = look === 'hollow' ? 'known by its mention' : look;
  whisper(visible(`${kind}: ${full.slice(0, 200)}, ${detail.slice(0, 200)}${links}`));
}

function subjectName(subject: Subject): string {
  switch (subject.kind) {
    case 'dataset':
      return `dataset ${subject.hash}`;
    case 'model':
      return `model ${subject.name} @ ${subject.commit}`;
    case 'inference':
      return `inference ${subject.id}`;
    case 'key':
      return `key ${subject.kid}`;
  }
}

export function subjectLabel(subject: Subject): HTMLElement {
  const [kind = '', ...rest] = subjectName(subject).split(' ');
  // A heading is no place for 2,000 letters; the panel has all of them.
  const letters = Array.from(rest.join(' '));
  const name = foreign(
    letters.length > 160 ? `${letters.slice(0, 160).join('')}…` : letters.join(''),
  );
  if (subject.kind === 'key') return el('span', {}, `${kind} `, name);
  return el('span', {}, `${kind} `, choice(keyOf(subject), name));
}

function missingAdvice(subject: Subject | null): string {
  if (subject === null) return '';
  const what = {
    dataset: 'the hash is the one its record names, whole and in the same case',
    model: 'both the name and the commit are those of the record, in the same case',
    inference: 'the id is whole and in the same case',
    key: 'the key’s id is 64 lower-case hex digits',
  }[subject.kind];
  return `Check that ${what}. With a time under “as of”, it may have been recorded only later. If its log was dropped a moment ago, “Dropped files” tells what became of it.`;
}

function introduction(): HTMLElement {
  return el(
    'p',
    { class: 'lead' },
    'What was made from what, and who signed for it. Every node that is not hollow stands for a signed record; select one to see its evidence verified on the spot.',
  );
}

function questionForm(
  subject: Subject,
  { direction, depth, asOf }: Address,
  page: Page,
): HTMLElement {
  const directions = el('select', { id: 'direction' });
  const names = { both: 'both ways', up: 'up, to the datasets', down: 'down, to the inferences' };
  for (const [value, label] of Object.entries(names))
    directions.append(el('option', { value }, label));
  directions.value = direction;
  const depths = el('select', { id: 'depth' });
  depths.append(el('option', { value: '2' }, 'all'), el('option', { value: '1' }, 'one step'));
  depths.value = String(depth);
  const time = el('input', {
    id: 'as-of',
    type: 'text',
    inputmode: 'text',
    placeholder: 'now',
    size: '22',
  });
  time.value = asOf;
  time.setAttribute('aria-describedby', 'as-of-help');
  const form = el(
    'form',
    { class: 'row question' },
    el('span', {}, el('label', { for: 'direction' }, 'Direction '), directions),
    el('span', {}, el('label', { for: 'depth' }, 'Depth '), depths),
    el('span', {}, el('label', { for: 'as-of' }, 'As of '), time),
    el('button', { type: 'submit' }, 'Ask'),
    subject.kind === 'inference'
      ? null
      : link('What does this touch?', addressOf('impact', { subject, asOf }), {
          class: 'button strong',
        }),
    link('Show everything', addressOf('graph'), { class: 'button' }),
    el('small', { id: 'as-of-help' }, 'A time as 2026-01-31T12:00:00Z; empty for now.'),
  );
  const go = (): void =>
    page.go({
      direction: directions.value as Direction,
      depth: depths.value === '1' ? 1 : 2,
      asOf: time.value.trim(),
    });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    go();
  });
  directions.addEventListener('change', go);
  depths.addEventListener('change', go);
  return form;
}

function toolbar(
  drawing: Drawing,
  exportPicture: (kind: 'png' | 'svg') => Promise<void>,
  exportCsv: () => void,
): HTMLElement {
  const group = (label: string, ...children: Node[]): HTMLElement =>
    el('div', { class: 'row', role: 'group', 'aria-label': label }, ...children);
  return el(
    'div',
    { class: 'row toolbar' },
    group(
      'Zoom',
      button('−', () => drawing.setZoom(drawing.zoom * 0.8), { 'aria-label': 'Zoom out' }),
      button('+', () => drawing.setZoom(drawing.zoom * 1.25), { 'aria-label': 'Zoom in' }),
      button('Fit', () => drawing.fit(), { 'aria-label': 'Fit the whole drawing' }),
    ),
    group(
      'Export',
      button('PNG', () => void exportPicture('png'), { 'aria-label': 'Export as PNG' }),
      button('SVG', () => void exportPicture('svg'), { 'aria-label': 'Export as SVG' }),
      button('CSV', exportCsv, { 'aria-label': 'Export the tables as CSV' }),
      copyLink(),
    ),
  );
}

function copyLink(): HTMLElement {
  return button('Copy link', () => {
    void navigator.clipboard.writeText(location.href).then(
      () => say('Copied: the link to this view'),
      () => say('The link is in the address bar'),
    );
  });
}

function legend(): HTMLElement {
  const line = (basis: keyof typeof DASHES, label: string): HTMLElement =>
    el(
      'li',
      {},
      svg(
        'svg',
        { width: 40, height: 12, 'aria-hidden': 'true', class: `legend ${basis}` },
        svg('path', { d: 'M0 6H40', 'stroke-dasharray': DASHES[basis].join(' ') || 'none' }),
      ),
      ` ${label}`,
    );
  const box = (look: string, label: string): HTMLElement =>
    el('li', {}, el('span', { class: `swatch ${look}`, 'aria-hidden': 'true' }), ` ${label}`);
  return el(
    'section',
    { 'aria-label': 'Legend' },
    el(
      'ul',
      { class: 'legend-list' },
      ...BASES.map((basis) => line(basis, LINK_WORDS[basis])),
      line('uncounted', 'counted only: opened, each shows how it is linked'),
      box('hollow', 'not recorded, known by its mention'),
      box('group', 'inferences, counted and not opened'),
    ),
  );
}

function howToDrop(): HTMLElement {
  const isLocal = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(location.hostname);
  return el(
    'section',
    { class: 'how', 'aria-labelledby': 'how-title' },
    el('h2', { id: 'how-title' }, 'Add a log of your own'),
    isLocal
      ? el(
          'ol',
          {},
          el(
            'li',
            {},
            'Put the signer’s public key (*.pem, *.pub) into ',
            el('code', {}, '.custody/keys/'),
            '.',
          ),
          el(
            'li',
            {},
            'Drop the signed log (*.jsonl, *.jsonl.gz) into ',
            el('code', {}, '.custody/bucket/'),
            '.',
          ),
          el(
            'li',
            {},
            'It appears here and under ',
            link('Dropped files', addressOf('files')),
            ' without a reload.',
          ),
        )
      : el(
          'p',
          {},
          'Put the signed log (*.jsonl, *.jsonl.gz) into the bucket for logs; its signer’s key has to be configured. What became of it appears under ',
          link('Dropped files', addressOf('files')),
          '.',
        ),
  );
}
