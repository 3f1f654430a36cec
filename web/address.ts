/** What a question begins at. */
export type Subject =
  | { readonly kind: 'dataset'; readonly hash: string }
  | { readonly kind: 'model'; readonly name: string; readonly commit: string }
  | { readonly kind: 'inference'; readonly id: string }
  | { readonly kind: 'key'; readonly kid: string };

export type Direction = 'up' | 'down' | 'both';

/** A view, whole: whoever opens its link sees the same. It stands behind the `#` and is never sent. */
export interface Address {
  readonly view: 'graph' | 'lineage' | 'impact' | 'files' | 'compliance' | 'search' | 'nowhere';
  readonly subject: Subject | null;
  readonly direction: Direction;
  readonly depth: 1 | 2;
  /** A time of RFC 3339; empty for now. */
  readonly asOf: string;
  /** Keys of the models whose inferences are shown. */
  readonly open: readonly string[];
  /** What the panel at the side is about; empty when there is none. */
  readonly select: string;
  /** What was searched for. */
  readonly query: string;
}

const BASE: Address = {
  view: 'graph',
  subject: null,
  direction: 'both',
  depth: 2,
  asOf: '',
  open: [],
  select: '',
  query: '',
};

const VIEWS = ['graph', 'lineage', 'impact', 'files', 'compliance', 'search'] as const;

export function addressOf(view: Address['view'], rest: Partial<Address> = {}): Address {
  return { ...BASE, ...rest, view };
}

export function parseAddress(hash: string): Address {
  const [path = '', query = ''] = cut(hash.replace(/^#\/?/, ''));
  const given = new URLSearchParams(query);
  const view = VIEWS.find((name) => name === path) ?? (path === '' ? 'graph' : 'nowhere');
  const direction = given.get('direction');
  const subject = subjectOf(given);
  const needsSubject = view === 'lineage' || view === 'impact';
  return {
    view: needsSubject && subject === null ? 'nowhere' : view,
    subject,
    direction: direction === 'up' || direction === 'down' ? direction : 'both',
    depth: given.get('depth') === '1' ? 1 : 2,
    asOf: given.get('asOf') ?? '',
    open: given.getAll('open'),
    select: given.get('select') ?? '',
    query: given.get('q') ?? '',
  };
}

export function formatAddress(address: Address): string {
  const { view, subject, direction, depth, asOf, open, select, query } = address;
  const given = new URLSearchParams(subject === null ? {} : subjectParameters(subject));
  if (direction !== BASE.direction) given.set('direction', direction);
  if (depth !== BASE.depth) given.set('depth', String(depth));
  if (asOf !== '') given.set('asOf', asOf);
  for (const key of open) given.append('open', key);
  if (query !== '') given.set('q', query);
  if (select !== '') given.set('select', select);
  const text = given.toString();
  return `#/${view}${text === '' ? '' : `?${text}`}`;
}

/** The same view but for what lies over it: opened models, the panel. */
export function isSameView(a: Address, b: Address): boolean {
  const bare = (address: Address): string => formatAddress({ ...address, open: [], select: '' });
  return bare(a) === bare(b);
}

/** As the API names them. */
export function subjectParameters(subject: Subject): Record<string, string> {
  switch (subject.kind) {
    case 'dataset':
      return { dataset: subject.hash };
    case 'model':
      return { model: subject.name, commit: subject.commit };
    case 'inference':
      return { inference: subject.id };
    case 'key':
      return { kid: subject.kid };
  }
}

function subjectOf(given: URLSearchParams): Subject | null {
  const dataset = given.get('dataset');
  const model = given.get('model');
  const commit = given.get('commit');
  const inference = given.get('inference');
  const kid = given.get('kid');
  if (dataset !== null) return { kind: 'dataset', hash: dataset };
  if (model !== null && commit !== null) return { kind: 'model', name: model, commit };
  if (inference !== null) return { kind: 'inference', id: inference };
  return kid === null ? null : { kind: 'key', kid };
}

function cut(text: string): readonly string[] {
  const at = text.indexOf('?');
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
