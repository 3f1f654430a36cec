import type { ObjectAnswer } from '../lib/http/answers/object.ts';
import { el, svg, table } from './element.ts';
import { counted, shortTime } from './text.ts';

const OUTCOMES = ['accepted', 'empty', 'partial', 'rejected', 'abandoned', 'in progress'] as const;
type Outcome = (typeof OUTCOMES)[number];

const BARS = 24;
const WIDTH = 720;
const HEIGHT = 96;

export function outcomeOf({ status }: ObjectAnswer): Outcome {
  return status === 'verifying' || status === 'writing' ? 'in progress' : status;
}

/** When files arrived and what became of them; the same as a table beneath. */
export function chart(files: readonly ObjectAnswer[], isAll: boolean): HTMLElement {
  const times = files.map(({ firstSeenAt }) => Date.parse(firstSeenAt));
  const first = Math.min(...times);
  // A bar is at least a minute, so that a handful of files at once is one bar and not a comb.
  const step = Math.max(60_000, Math.ceil((Math.max(...times) - first + 1) / BARS));
  const bars = new Map<number, Map<Outcome, number>>();
  files.forEach((file, index) => {
    const bar = Math.floor(((times[index] ?? first) - first) / step);
    const of = bars.get(bar) ?? new Map<Outcome, number>();
    of.set(outcomeOf(file), (of.get(outcomeOf(file)) ?? 0) + 1);
    bars.set(bar, of);
  });
  const most = Math.max(...[...bars.values()].map((of) => sum(of)));
  const across = WIDTH / BARS;
  const drawn = [...bars].flatMap(([bar, of]) => {
    let top = HEIGHT;
    return OUTCOMES.flatMap((outcome) => {
      const height = ((of.get(outcome) ?? 0) / most) * (HEIGHT - 8);
      if (height === 0) return [];
      top -= height;
      return svg('rect', {
        x: bar * across + 1,
        y: top,
        width: across - 2,
        height: Math.max(height - 1, 1),
        class: `bar ${outcome.replace(' ', '-')}`,
      });
    });
  });
  const title = `Files by time of arrival and outcome${isAll ? '' : `, the newest ${counted(files.length, 'file')}`}`;
  const from = shortTime(new Date(first).toISOString());
  const to = shortTime(new Date(Math.max(...times)).toISOString());
  return el(
    'figure',
    { class: 'chart' },
    el('figcaption', {}, title),
    svg(
      'svg',
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        role: 'img',
        preserveAspectRatio: 'none',
        'aria-label': `${title}; the table below has the figures`,
      },
      svg('path', { d: `M0 ${HEIGHT}H${WIDTH}`, class: 'axis' }),
      ...drawn,
    ),
    el(
      'p',
      { class: 'row ends soft' },
      el('span', {}, from),
      el('span', {}, to === from ? '' : to),
    ),
    el(
      'ul',
      { class: 'legend-list' },
      ...OUTCOMES.filter((outcome) => files.some((file) => outcomeOf(file) === outcome)).map(
        (outcome) =>
          el(
            'li',
            {},
            el('span', { class: `swatch bar ${outcome.replace(' ', '-')}`, 'aria-hidden': 'true' }),
            ` ${outcome}: ${files.filter((file) => outcomeOf(file) === outcome).length}`,
          ),
      ),
    ),
    el(
      'details',
      {},
      el('summary', {}, 'The chart as a table'),
      table(
        title,
        ['From', ...OUTCOMES],
        [...bars]
          .sort(([a], [b]) => b - a)
          .map(([bar, of]) => [
            shortTime(new Date(first + bar * step).toISOString()),
            ...OUTCOMES.map((outcome) => String(of.get(outcome) ?? 0)),
          ]),
      ),
    ),
  );
}

function sum(of: ReadonlyMap<Outcome, number>): number {
  return [...of.values()].reduce((total, each) => total + each, 0);
}
