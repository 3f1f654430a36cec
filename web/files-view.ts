import type { ObjectAnswer, ObjectsAnswer } from '../lib/http/answers/object.ts';
import { csv } from '../lib/http/csv.ts';
import { arrivals, outcomeText, refusedText } from './arrivals.ts';
import { ask } from './ask.ts';
import { chart, outcomeOf } from './chart.ts';
import { button, copyButton, el, facts, foreign, save, say, table } from './element.ts';
import { completenessNotice, loading, problemBox } from './notice.ts';
import { bytes, count, counted, lastPart, shortTime, visible } from './text.ts';
import type { Page, View } from './view.ts';

const MEANS = {
  accepted: 'Every line holds; all of it is in the graph.',
  partial: 'Good lines are in the graph; those below were refused.',
  rejected: 'Nothing was written of it.',
  empty: 'It holds no record.',
  abandoned: 'It could not be finished; what is in the graph stays.',
  verifying: 'Its signatures are being checked; nothing of it is in the graph yet.',
  writing: 'It is being written; it is in the graph in part.',
} as const satisfies Record<ObjectAnswer['status'], string>;

/** What arrived and what became of it, while it arrives. */
export function filesView(root: HTMLElement, page: Page): View {
  const { live } = page;
  const asking = new AbortController();
  const { signal } = asking;
  const older: ObjectAnswer[] = [];
  const cards = new Map<string, { readonly text: string; readonly element: HTMLElement }>();
  let next: string | null | undefined;
  let charted = '';
  let heard: readonly ObjectAnswer[] | undefined;

  // Its time changes every two seconds: nobody wants to hear that.
  const status = el('div');
  const figure = el('div');
  const passed = el('div');
  const list = el('ul', { class: 'files', 'aria-label': 'Dropped files, newest first' });
  const tail = el('div', { class: 'row' });
  root.append(
    el('h1', { tabindex: '-1' }, 'Dropped files'),
    el(
      'p',
      { class: 'lead' },
      'What arrived and what became of it, each refusal with its line and reason. New files appear by themselves.',
    ),
    status,
    figure,
    passed,
    list,
    tail,
  );

  function files(): readonly ObjectAnswer[] {
    const known = new Map<string, ObjectAnswer>();
    for (const file of [...(live.newest?.items ?? []), ...older])
      if (!known.has(file.object)) known.set(file.object, file);
    return [...known.values()];
  }

  function render(): void {
    const { newest, connection } = live;
    if (newest === null) {
      status.replaceChildren(
        connection.state === 'lost'
          ? problemBox(connection.error, () => live.now())
          : loading('the files'),
      );
      return;
    }
    if (next === undefined) next = newest.next;
    tellArrivals(newest.items);
    const all = files();
    showPassedOver(newest.passedOver);
    status.replaceChildren(completenessNotice([newest], next !== null));
    if (all.length === 0) {
      list.replaceChildren(
        el(
          'li',
          { class: 'nothing' },
          'Nothing was dropped yet. Put a signed log (*.jsonl, *.jsonl.gz) into the bucket; locally that is .custody/bucket/.',
        ),
      );
      return;
    }
    const drawn = JSON.stringify(all.map(({ firstSeenAt, status: of }) => [firstSeenAt, of]));
    if (drawn !== charted) {
      charted = drawn;
      const isOpen = figure.querySelector('details')?.open ?? false;
      figure.replaceChildren(chart(all, next === null));
      const details = figure.querySelector('details');
      if (details !== null) details.open = isOpen;
    }
    showCards(all);
    tail.replaceChildren(
      ...(next === null ? [] : [button('Older files', () => void loadOlder())]),
      button('Export as CSV', () =>
        save(
          'files.csv',
          new Blob([filesCsv(all, newest.passedOver, next === null && newest.complete)], {
            type: 'text/csv',
          }),
        ),
      ),
    );
  }

  function showPassedOver(told: ObjectsAnswer['passedOver']): void {
    const text = JSON.stringify(told);
    if (passed.dataset['told'] === text) return;
    passed.dataset['told'] = text;
    passed.replaceChildren(...(told === null || told.count === 0 ? [] : [passedOverNote(told)]));
  }

  /** A card that has not changed is left alone: somebody may be reading it. */
  function showCards(all: readonly ObjectAnswer[]): void {
    all.forEach((file, index) => {
      const text = JSON.stringify(file);
      const known = cards.get(file.object);
      let element = known?.element;
      if (element === undefined || known?.text !== text) {
        const made = fileCard(file);
        const details = element?.querySelector('details');
        const open = made.querySelector('details');
        if (open !== null && details?.open === true) open.open = true;
        element?.replaceWith(made);
        element = made;
        cards.set(file.object, { text, element });
      }
      if (list.children[index] !== element)
        list.insertBefore(element, list.children[index] ?? null);
    });
    while (list.children.length > all.length) list.lastElementChild?.remove();
  }

  /** What is only listed now, as older files are, is not told. */
  function tellArrivals(items: readonly ObjectAnswer[]): void {
    const [come, ...others] = arrivals(heard ?? items, items);
    heard = items;
    if (come === undefined) return;
    const more = others.length === 0 ? '' : `, and ${counted(others.length, 'other file')}`;
    say(`${lastPart(come.object)}: ${outcomeText(come)}${more}`);
  }

  async function loadOlder(): Promise<void> {
    if (next === null || next === undefined) return;
    try {
      const answer = await ask<ObjectsAnswer>('/v1/objects', { limit: '50', cursor: next }, signal);
      older.push(...answer.items);
      next = answer.next;
      say(`${counted(answer.items.length, 'older file')} added`);
      render();
    } catch (error) {
      if (!signal.aborted) tail.replaceChildren(problemBox(error, () => void loadOlder()));
    }
  }

  const silence = live.hear(render);
  render();
  return {
    title: 'Dropped files',
    update: () => undefined,
    refresh: render,
    close() {
      silence();
      asking.abort();
    },
  };
}

function passedOverNote({
  count: all,
  reasons,
}: NonNullable<ObjectsAnswer['passedOver']>): HTMLElement {
  return el(
    'details',
    { class: 'notice' },
    el('summary', {}, `${counted(all, 'other name')} passed over: can’t be a log’s, and not read`),
    table(
      'Names that can’t be a log’s',
      ['Why', 'How many', 'The first of them'],
      reasons.map(({ why, count: many, first }) => [
        why,
        count(many),
        el('span', {}, ...first.flatMap((uri) => [foreign(lastPart(uri), 'foreign name'), ' '])),
      ]),
    ),
  );
}

function fileCard(file: ObjectAnswer): HTMLElement {
  const { object, status, rejected, rejectedTotal, problem, firstSeenAt, lastSeenAt } = file;
  return el(
    'li',
    { class: `file ${outcomeOf(file).replace(' ', '-')}` },
    el(
      'div',
      { class: 'file-head' },
      el('h2', {}, foreign(lastPart(object), 'foreign name')),
      el('span', { class: `badge ${outcomeOf(file).replace(' ', '-')}` }, status),
    ),
    el('p', {}, MEANS[status], ' ', linesText(file)),
    problem === null ? null : el('p', {}, 'Why: ', foreign(problem)),
    rejectedTotal === 0
      ? null
      : el(
          'details',
          { open: '' },
          el('summary', {}, refusedText(file)),
          table(
            `Refused lines of ${visible(lastPart(object))}`,
            ['Line', 'Reason', 'Detail'],
            rejected.map(({ line, code, detail }) => [
              count(line),
              el('code', {}, code),
              foreign(detail),
            ]),
          ),
          rejected.length < rejectedTotal
            ? el('p', {}, `The first ${count(rejected.length)} of them.`)
            : null,
        ),
    el(
      'details',
      {},
      el('summary', {}, `Arrived ${shortTime(firstSeenAt)}`),
      facts([
        [
          'Object',
          el(
            'span',
            { class: 'copied' },
            foreign(object),
            ' ',
            copyButton('the object’s URI', object),
          ),
        ],
        ['Size', file.bytes === null ? 'not known yet' : bytes(file.bytes)],
        ['Seen last', shortTime(lastSeenAt)],
      ]),
    ),
  );
}

function linesText({
  lines,
  linesDone,
  accepted,
  duplicate,
  withheld,
  complete,
}: ObjectAnswer): string {
  if (!complete)
    return lines === null
      ? `${counted(linesDone, 'line')} done so far.`
      : `${count(linesDone)} of ${counted(lines, 'line')} done so far.`;
  if (lines === null) return '';
  const parts = [
    [accepted, 'accepted'],
    [duplicate, 'known before'],
    [withheld, 'not refused, but withheld'],
  ] as const;
  const told = parts
    .filter(([value]) => value > 0)
    .map(([value, what]) => `${count(value)} ${what}`);
  return `${counted(lines, 'line')}${told.length === 0 ? '' : `: ${told.join(', ')}`}.`;
}

function filesCsv(
  files: readonly ObjectAnswer[],
  passedOver: ObjectsAnswer['passedOver'],
  isAll: boolean,
): string {
  const { count: passed = 0 } = passedOver ?? {};
  return csv(
    [
      'object',
      'status',
      'lines',
      'accepted',
      'duplicate',
      'withheld',
      'rejected',
      'rejectedAtLeast',
      'bytes',
      'firstSeenAt',
      'lastSeenAt',
    ],
    files.map((of) => [
      of.object,
      of.status,
      of.lines,
      of.accepted,
      of.duplicate,
      of.withheld,
      of.rejectedTotal,
      of.rejectedAtLeast ? 'yes' : 'no',
      of.bytes,
      of.firstSeenAt,
      of.lastSeenAt,
    ]),
    {
      complete: isAll,
      ...(passed === 0 ? {} : { note: `and ${counted(passed, 'other name')} passed over` }),
    },
  );
}
