import type { Completeness } from '../lib/http/answers/completeness.ts';
import type { ImpactAnswer, ImpactItem, ImpactSummary } from '../lib/http/answers/impact.ts';
import { LINK_WORDS, LINKS, linkText } from '../lib/links.ts';
import { addressOf, subjectParameters, type Address, type Subject } from './address.ts';
import { ask, askText } from './ask.ts';
import { goneOnFrom } from './chain.ts';
import { button, el, facts, foreign, save, say, table, when, where } from './element.ts';
import { keyOf } from './keys.ts';
import { subjectLabel } from './lineage-view.ts';
import { completenessNotice, loading, problemBox } from './notice.ts';
import { count, counted, shortTime } from './text.ts';
import { choice, link, type View } from './view.ts';

/** A recall: everything that rests on a dataset, a model version or a key. */
export function impactView(root: HTMLElement, address: Address, subject: Subject): View {
  const parameters = {
    ...subjectParameters(subject),
    ...(address.asOf === '' ? {} : { asOf: address.asOf }),
  };
  const asking = new AbortController();
  const { signal } = asking;
  let items: ImpactItem[] = [];
  let answers: Completeness[] = [];
  let summary: ImpactSummary | null = null;
  let next: string | null = null;

  const status = el('div', { 'aria-live': 'polite' });
  const told = el('div');
  const list = el('div');
  root.append(
    el('h1', { tabindex: '-1' }, 'What does ', subjectLabel(subject), ' touch?'),
    el(
      'p',
      { class: 'row' },
      subject.kind === 'key'
        ? null
        : link('Show its lineage', addressOf('lineage', { subject, asOf: address.asOf }), {
            class: 'button',
          }),
      button('Export all as CSV', () => void exportCsv()),
    ),
    status,
    told,
    list,
  );

  async function load(isMore: boolean): Promise<void> {
    status.replaceChildren(loading(isMore ? 'more' : 'what it touches'));
    try {
      const cursor: Record<string, string> = isMore && next !== null ? { cursor: next } : {};
      const answer = await ask<ImpactAnswer>(
        '/v1/impact',
        { ...parameters, limit: '100', ...cursor },
        signal,
      );
      if (!isMore) {
        items = [];
        answers = [];
      }
      if (answer.summary !== null) summary = answer.summary;
      items = [...items, ...answer.items];
      // A count that the time did not suffice for stays missing, whatever comes behind.
      answers = [
        ...answers.map((each) => (summary?.exact === null ? each : goneOnFrom(each))),
        answer,
      ];
      next = answer.next;
    } catch (error) {
      if (!signal.aborted)
        status.replaceChildren(
          problemBox(
            error,
            () => void load(isMore),
            'Check that its hash, or its name and commit, are whole and in the same case. With a time, it may have been recorded only later.',
          ),
        );
      return;
    }
    render();
  }

  function render(): void {
    status.replaceChildren(completenessNotice(answers, next !== null));
    told.replaceChildren(...(summary === null ? [] : summaryOf(summary, subject)));
    const made = items.filter((item) => item.kind === 'inference');
    const others = items.filter((item) => item.kind !== 'inference');
    list.replaceChildren(
      ...(others.length === 0
        ? []
        : [
            table(
              `Datasets and models that it signed for (${count(others.length)}${next === null ? '' : ' so far'})`,
              ['Name', 'Commit', 'Recorded', 'Signed in'],
              others.map(signedCells),
            ),
          ]),
      made.length === 0
        ? el(
            'p',
            {},
            next === null
              ? 'No recorded inference rests on it.'
              : 'Those that rest on it are on the next page.',
          )
        : table(
            `Inferences that rest on it (${count(made.length)}${next === null ? '' : ' so far'})`,
            ['Inference', 'Model', 'Commit', 'Link', 'Claimed time', 'Signed in'],
            made.map(inferenceCells),
          ),
      ...(next === null ? [] : [button('Load more', () => void load(true))]),
    );
  }

  /** Follows the answers to the last inference; the last row says whether that is all. */
  async function exportCsv(): Promise<void> {
    const parts: string[] = [];
    let cursor: Record<string, string> = {};
    try {
      for (;;) {
        const text = await askText('/v1/impact', { ...parameters, ...cursor }, 'text/csv', signal);
        const lines = text.trimEnd().split('\r\n');
        const trailer = lines.at(-1) ?? '';
        const at = /^,*"incomplete: next=([A-Za-z0-9_-]+)"$/.exec(trailer)?.[1];
        // Of what follows the first answer, neither the header nor any trailer but the last.
        parts.push(...lines.slice(parts.length === 0 ? 0 : 1, at === undefined ? undefined : -1));
        if (at === undefined) break;
        cursor = { cursor: at };
        say(`${count(parts.length - 1)} rows so far …`);
      }
    } catch (error) {
      if (signal.aborted) return;
      status.replaceChildren(problemBox(error, () => void exportCsv()));
      if (parts.length === 0) return;
      const columns = parts[0]?.split(',').length ?? 1;
      parts.push(`${','.repeat(columns - 1)}"incomplete: the server stopped answering"`);
    }
    save('impact.csv', new Blob([`${parts.join('\r\n')}\r\n`], { type: 'text/csv' }));
  }

  void load(false);
  return {
    title: 'Impact',
    update: () => undefined,
    // A recall that somebody reads is not moved under their eyes; who wants it anew loads it anew.
    refresh: () => undefined,
    close: () => asking.abort(),
  };
}

function titled(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

function summaryOf(summary: ImpactSummary, subject: Subject): Node[] {
  const { modelCount, models, inferenceCount, signed, elsewhereByTime } = summary;
  const uncounted = 'not counted: the time did not suffice';
  const { onCompromisedKeys } = summary;
  const span = (of: ImpactSummary['exact']): string => {
    if (of === null) return uncounted;
    if (of.count === 0 || of.first === null || of.last === null) return count(of.count);
    return `${count(of.count)}, from ${shortTime(of.first)} to ${shortTime(of.last)}`;
  };
  return [
    el(
      'div',
      { class: 'cards' },
      card(count(modelCount), modelCount === 1 ? 'model version' : 'model versions'),
      card(
        inferenceCount === null ? '?' : count(inferenceCount),
        inferenceCount === 1 ? 'inference' : 'inferences',
      ),
      ...(signed === null ? [] : signedCards(signed)),
    ),
    facts([
      [titled(LINK_WORDS.signed), span(summary.exact)],
      [titled(LINK_WORDS['only-version']), span(summary.onlyVersion)],
      [titled(LINK_WORDS['by-time']), span(summary.inferred)],
      [
        'Placed at other versions by time',
        elsewhereByTime === null ? uncounted : count(elsewhereByTime),
      ],
      [
        'Resting on compromised keys alone',
        onCompromisedKeys === null ? uncounted : count(onCompromisedKeys),
      ],
    ]),
    models.length === 0
      ? el(
          'p',
          {},
          subject.kind === 'key'
            ? 'No model version rests on this key.'
            : 'No recorded model rests on it.',
        )
      : table(
          `Model versions that rest on it (${count(models.length)}${models.length < modelCount ? ` of ${count(modelCount)}` : ''})`,
          ['Model', 'Commit', 'Inferences', 'Signed in'],
          models.map(({ name, commit, inferenceCount: made, contents, evidence }) => [
            choice(keyOf({ kind: 'model', name, commit }), foreign(name, 'foreign name')),
            foreign(commit, 'foreign hash'),
            counted(made, 'inference'),
            where(evidence, contents),
          ]),
        ),
  ];
}

function signedCards({
  datasets,
  models,
  inferences,
  alone,
  onCompromisedKeys,
}: NonNullable<ImpactSummary['signed']>): HTMLElement[] {
  return [
    card(count(datasets + models), 'records of datasets and models that it signed itself'),
    card(count(inferences), 'inferences that it signed itself'),
    card(count(alone), 'of all those that no other key signed'),
    card(count(onCompromisedKeys), 'of all those that rest on compromised keys alone'),
  ];
}

function inferenceCells({
  id,
  model,
  resolution,
  recordedAt,
  contents,
  evidence,
}: Extract<ImpactItem, { kind: 'inference' }>): (Node | string)[] {
  return [
    choice(keyOf({ kind: 'inference', id }), foreign(id, 'foreign name')),
    model === null
      ? 'not recorded'
      : choice(keyOf({ kind: 'model', ...model }), foreign(model.name, 'foreign name')),
    model === null ? '' : foreign(model.commit, 'foreign hash'),
    el('span', { class: `basis ${LINKS[resolution].basis}` }, linkText(resolution)),
    when(recordedAt),
    where(evidence, contents),
  ];
}

function signedCells(item: Exclude<ImpactItem, { kind: 'inference' }>): (Node | string)[] {
  const { recordedAt, contents, evidence } = item;
  const [name, commit] = item.kind === 'dataset' ? [item.hash, ''] : [item.name, item.commit];
  return [
    choice(keyOf(item), foreign(name, 'foreign name')),
    foreign(commit, 'foreign hash'),
    when(recordedAt),
    where(evidence, contents),
  ];
}

function card(figure: string, what: string): HTMLElement {
  return el('p', { class: 'card' }, el('strong', {}, figure), ` ${what}`);
}
