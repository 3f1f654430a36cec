import { ask } from './ask.ts';
import { el, foreign, table } from './element.ts';
import { loading, problemBox } from './notice.ts';
import { counted, shortTime } from './text.ts';
import type { View } from './view.ts';

interface Check {
  readonly startedAt: string;
  readonly complete: boolean;
  readonly rules: readonly {
    readonly rule: string;
    readonly outcome: 'done' | 'off' | 'not-run';
    readonly reason: string | null;
    readonly examined: number | null;
    readonly open: number;
    readonly waived: number;
  }[];
}

interface ComplianceAnswer {
  readonly rules: readonly {
    readonly id: string;
    readonly title: string;
    readonly severity: string;
    readonly of: string;
    readonly settle: string;
  }[];
  readonly last: Check | null;
  readonly before: readonly Check[];
}

interface FindingsAnswer {
  readonly items: readonly {
    readonly key: string;
    readonly rule: string;
    readonly severity: string;
    readonly status: string;
    readonly firstSeenAt: string;
    readonly waiver: { readonly who: string; readonly why: string; readonly until: string } | null;
  }[];
  readonly next: string | null;
}

/** What the last check looked at and found, what is open or waived, and where it is going. */
export function complianceView(root: HTMLElement): View {
  const asking = new AbortController();
  const body = el('div', {}, loading('the last check'));
  root.append(el('h1', { tabindex: '-1' }, 'Compliance'), body);

  async function show(): Promise<void> {
    try {
      const [answer, found] = await Promise.all([
        ask<ComplianceAnswer>('/v1/compliance', {}, asking.signal),
        ask<FindingsAnswer>('/v1/findings', { limit: '200' }, asking.signal),
      ]);
      body.replaceChildren(...told(answer, found));
    } catch (error) {
      if (!asking.signal.aborted) body.replaceChildren(problemBox(error, () => void show()));
    }
  }
  void show();
  return {
    title: 'Compliance',
    update: () => undefined,
    refresh: () => void show(),
    close: () => asking.abort(),
  };
}

function told({ rules, last, before }: ComplianceAnswer, found: FindingsAnswer): HTMLElement[] {
  if (last === null)
    return [
      el(
        'div',
        { class: 'empty' },
        el('h2', {}, 'No check has run yet'),
        el('p', {}, 'Run one with ', el('code', {}, 'npm run --silent custody -- check'), '.'),
      ),
    ];
  const results = last.rules.map((result) => {
    const rule = rules.find(({ id }) => id === result.rule);
    const isDone = result.outcome === 'done';
    return [
      rule?.title ?? result.rule,
      rule?.severity ?? '',
      isDone ? `${result.open} of ${result.examined ?? 0} ${rule?.of ?? ''}` : result.outcome,
      isDone ? String(result.waived) : (result.reason ?? ''),
      rule?.settle ?? '',
    ];
  });
  const current = found.items.filter(({ status }) => status !== 'settled');
  const openIn = ({ rules: of }: Check): number => of.reduce((sum, { open }) => sum + open, 0);
  return [
    el(
      'p',
      { class: 'lead' },
      `Last check: ${shortTime(last.startedAt)}, ${counted(openIn(last), 'open finding')}. `,
      last.complete ? 'Every rule was asked.' : 'Not complete: not every rule could be asked.',
    ),
    table('Rules', ['Rule', 'Severity', 'Open', 'Waived', 'How it settles'], results),
    table(
      found.next === null ? 'Findings' : 'Findings, the first 200',
      ['Finding', 'Severity', 'Status', 'Since', 'Waiver'],
      current.map(({ key, severity, status, firstSeenAt, waiver }) => [
        foreign(key),
        severity,
        status,
        shortTime(firstSeenAt),
        waiver === null
          ? ''
          : foreign(`${waiver.who}: ${waiver.why}, until ${shortTime(waiver.until)}`),
      ]),
    ),
    table(
      'Checks, the newest first',
      ['When', 'Open', 'Complete'],
      [last, ...before].map((check) => [
        shortTime(check.startedAt),
        String(openIn(check)),
        check.complete ? 'yes' : 'no',
      ]),
    ),
  ];
}
