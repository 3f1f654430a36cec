import type {
  Check,
  ComplianceAnswer,
  Finding,
  FindingsAnswer,
  Rule,
  RuleResult,
} from '../lib/http/answers/compliance.ts';
import { addressOf } from './address.ts';
import { ask } from './ask.ts';
import { button, el, foreign, replace, say, table, when } from './element.ts';
import { keyOf } from './keys.ts';
import { completenessNotice, loading, problemBox } from './notice.ts';
import { count, counted, lastPart, shortTime } from './text.ts';
import { choice, link, type Page, type View } from './view.ts';

const STATUSES = ['open', 'waived', 'settled'] as const satisfies readonly Status[];

type Status = Finding['status'];

const HEADS = {
  open: ['Since'],
  waived: ['Since', 'Waiver'],
  settled: ['First seen', 'Settled'],
} as const satisfies Record<Status, readonly string[]>;

/** What the last check looked at and found, what is open, waived or settled, and where it is going. */
export function complianceView(root: HTMLElement, page: Page): View {
  const asking = new AbortController();
  const { signal } = asking;
  const body = el('div', {}, loading('the last check'));
  // The check that is shown; undefined until there is an answer.
  let shown: string | null | undefined;
  let isAsking = false;
  root.append(el('h1', { tabindex: '-1' }, 'Compliance'), body);

  async function show(): Promise<void> {
    if (isAsking) return;
    isAsking = true;
    try {
      const answer = await ask<ComplianceAnswer>('/v1/compliance', {}, signal);
      const lists =
        answer.last === null
          ? []
          : await Promise.all(STATUSES.map((status) => findingsOf(status, answer.rules)));
      replace(body, ...contentOf(answer, lists));
      if (shown !== undefined && answer.last !== null) say(`Checked again: ${openIn(answer.last)}`);
      shown = answer.last?.id ?? null;
    } catch (error) {
      shown = undefined;
      if (!signal.aborted) body.replaceChildren(problemBox(error, () => void show()));
    } finally {
      isAsking = false;
    }
  }

  /** Shows a check that has been made since; nothing is drawn anew before there is one. */
  async function look(): Promise<void> {
    if (isAsking || page.live.connection.state !== 'live') return;
    if (shown === undefined) return show();
    try {
      const { last } = await ask<ComplianceAnswer>('/v1/compliance', { before: '0' }, signal);
      if ((last?.id ?? null) !== shown) await show();
    } catch {
      // The head of the page tells how the connection is; what is shown stays.
    }
  }

  async function findingsOf(status: Status, rules: readonly Rule[]): Promise<HTMLElement> {
    const place = el('section');
    let items: readonly Finding[] = [];
    let next: string | null = null;
    const load = async (): Promise<void> => {
      const cursor: Record<string, string> = next === null ? {} : { cursor: next };
      const answer: FindingsAnswer = await ask(
        '/v1/findings',
        { status, limit: '100', ...cursor },
        signal,
      );
      items = [...items, ...answer.items];
      next = answer.next;
      const many =
        items.length === 0 ? '' : ` (${count(items.length)}${next === null ? '' : ' so far'})`;
      const more = button('Load more', () => void load().catch(failed), { 'data-at': 'more' });
      replace(place, findingsTable(status, many, items, rules), ...(next === null ? [] : [more]));
    };
    const failed = (error: unknown): void => {
      if (!signal.aborted) place.append(problemBox(error, () => void load().catch(failed)));
    };
    await load();
    return place;
  }

  void show();
  const silence = page.live.hear(() => void look());
  return {
    title: 'Compliance',
    update: () => undefined,
    refresh: () => undefined,
    close() {
      silence();
      asking.abort();
    },
  };
}

/** Findings can be added up over the rules; what they stand for can't. */
function openIn({ rules, complete }: Check): string {
  const findings = rules.reduce((sum, result) => sum + result.findings, 0);
  return `${complete ? '' : 'at least '}${counted(findings, 'open finding')}`;
}

function contentOf(answer: ComplianceAnswer, findings: readonly HTMLElement[]): HTMLElement[] {
  const { rules, last, before } = answer;
  if (last === null)
    return [
      el(
        'div',
        { class: 'nothing' },
        el('h2', {}, 'No check has run yet'),
        el(
          'p',
          {},
          'Nothing is known: neither that rules are kept nor that they are broken. Run one with ',
          el('code', {}, 'npm run --silent custody -- check'),
          '.',
        ),
      ),
    ];
  return [
    el('p', { class: 'lead' }, `Last check: ${shortTime(last.startedAt)}, ${openIn(last)}.`),
    last.complete
      ? completenessNotice([answer], false)
      : el(
          'p',
          { class: 'notice incomplete' },
          el('strong', {}, 'Not complete.'),
          ' Not every rule was asked to its end; the table of rules says which.',
        ),
    table(
      'Rules',
      ['Rule', 'Open', 'Open findings', 'Waived', 'Severity', 'How it settles'],
      last.rules.map((result) => {
        const rule = rules.find(({ id }) => id === result.rule);
        return [
          el('span', {}, rule?.title ?? result.rule, el('small', {}, rule?.why ?? '')),
          openText(result, rule?.of ?? ''),
          numberText(result, result.findings),
          numberText(result, result.waived),
          rule?.severity ?? '',
          el('span', { class: 'prose' }, rule?.settle ?? ''),
        ];
      }),
    ),
    ...findings,
    table(
      'Checks, the newest first',
      ['When', 'Found', 'Complete'],
      [last, ...before].map((check) => [
        when(check.startedAt),
        openIn(check),
        check.complete ? 'yes' : 'no',
      ]),
    ),
  ];
}

/** Never a number without what it was counted among. */
function openText(result: RuleResult, of: string): string {
  const { outcome, reason, open, examined } = result;
  if (outcome === 'off') return `not asked: ${reason ?? 'as configured'}`;
  if (outcome === 'not-run' || examined === null) return `not run: ${reason ?? 'no time'}`;
  return `${numberText(result, open)} of ${count(examined)} ${of}`;
}

/** Of a rule that did not come to its end there may be more. */
function numberText({ outcome, examined }: RuleResult, number: number): string {
  if (examined === null) return '';
  return `${outcome === 'unfinished' ? 'at least ' : ''}${count(number)}`;
}

function findingsTable(
  status: Status,
  many: string,
  items: readonly Finding[],
  rules: readonly Rule[],
): HTMLElement {
  const caption = `${status[0]?.toUpperCase()}${status.slice(1)} findings`;
  if (items.length === 0) return el('p', {}, `${caption}: none.`);
  return table(
    `${caption}${many}`,
    ['About', 'Rule', 'Severity', 'Rests on', ...HEADS[status]],
    items.map((finding) => [
      el(
        'span',
        {},
        aboutOf(finding),
        el('small', {}, ...detailOf(finding, ofRule(rules, finding))),
      ),
      el(
        'span',
        { class: 'prose' },
        rules.find(({ id }) => id === finding.rule)?.title ?? finding.rule,
      ),
      finding.severity,
      el(
        'span',
        {},
        ...finding.digests.flatMap((digest) => [
          choice(keyOf({ kind: 'record', digest }), foreign(digest.slice(0, 8), 'foreign hash')),
          ' ',
        ]),
        ...finding.inferences.map((id) => choice(keyOf({ kind: 'inference', id }), foreign(id))),
      ),
      when(finding.firstSeenAt),
      ...(status === 'settled' && finding.settledAt !== null ? [when(finding.settledAt)] : []),
      ...(status === 'waived' ? [el('span', { class: 'prose' }, waiverOf(finding))] : []),
    ]),
  );
}

function ofRule(rules: readonly Rule[], { rule }: Finding): string {
  return rules.find(({ id }) => id === rule)?.of ?? '';
}

function waiverOf({ waiver }: Finding): HTMLElement | null {
  return waiver && foreign(`${waiver.who}: ${waiver.why}, until ${shortTime(waiver.until)}`);
}

/** What the rule says of it, and a waiver that holds no longer. */
function detailOf(finding: Finding, of: string): (HTMLElement | string)[] {
  const told = Object.entries(finding.detail).filter(([, value]) => value !== null);
  const words = (name: string): string => name.replace(/[A-Z]/g, (one) => ` ${one.toLowerCase()}`);
  const parts = [
    ...(finding.counts === 1 ? [] : [el('span', {}, `${count(finding.counts)} ${of}`)]),
    ...told.map(([name, value]) => foreign(`${words(name)}: ${value}`)),
  ];
  const lapsed = finding.status === 'open' ? waiverOf(finding) : null;
  const shown = lapsed === null ? parts : [...parts, el('span', {}, 'waived by ', lapsed)];
  return shown.flatMap((part, index) => (index === 0 ? [part] : [', ', part]));
}

/** Links into the graph: each node that a finding is about. */
function aboutOf({ entity, key }: Finding): HTMLElement {
  const { kind, hash, name, commit, id, uri, prefix, code, kid } = entity;
  const links: HTMLElement[] = [];
  if (typeof hash === 'string')
    links.push(choice(keyOf({ kind: 'dataset', hash }), foreign(hash, 'foreign hash')));
  if (typeof name === 'string')
    links.push(
      choice(
        keyOf(
          typeof commit === 'string'
            ? { kind: 'model', name, commit }
            : { kind: 'claimed', name, commit: null },
        ),
        foreign(typeof commit === 'string' ? `${name} @ ${commit}` : name),
      ),
    );
  if (typeof id === 'string') links.push(choice(keyOf({ kind: 'inference', id }), foreign(id)));
  if (typeof uri === 'string') links.push(foreign(lastPart(uri)));
  if (typeof kid === 'string')
    links.push(link(kid.slice(0, 8), addressOf('impact', { subject: { kind: 'key', kid } })));
  if (typeof code === 'string') links.push(foreign(code));
  if (typeof prefix === 'string') links.push(foreign(prefix));
  if (links.length === 0) return foreign(key);
  return el(
    'span',
    {},
    `${kind ?? ''} `,
    ...links.flatMap((link, index) => (index === 0 ? [link] : [' in ', link])),
  );
}
