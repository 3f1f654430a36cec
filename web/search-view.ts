import type { DatasetAnswer } from '../lib/http/answers/dataset.ts';
import type { EvidenceAnswer } from '../lib/http/answers/evidence.ts';
import type { ImpactAnswer } from '../lib/http/answers/impact.ts';
import type { InferenceAnswer } from '../lib/http/answers/inference.ts';
import type { GraphAnswer } from '../lib/http/answers/lineage.ts';
import type { ModelName, ModelsAnswer } from '../lib/http/answers/model.ts';
import { addressOf, type Address } from './address.ts';
import { ask, AskError } from './ask.ts';
import { button, el, foreign } from './element.ts';
import { keyOf } from './keys.ts';
import { loading, problemBox } from './notice.ts';
import { count, counted } from './text.ts';
import { link, type Page, type View } from './view.ts';

interface Hit {
  readonly kind: string;
  readonly name: string;
  readonly address: Address;
}

/** Model versions that are looked through for a commit without being asked again. */
const COMMITS_AT_ONCE = 1_000;

/** Whatever is searched for: an id, a hash, a name, a commit, the digest of a record or the id of a key. */
export function searchView(root: HTMLElement, address: Address, page: Page): View {
  const { query } = address;
  const asking = new AbortController();
  const { signal } = asking;
  const hits: Hit[] = [];
  let searched = 0;
  let next: string | null = null;

  const status = el('div', { 'aria-live': 'polite' });
  root.append(el('h1', { tabindex: '-1' }, 'Search for ', foreign(query, 'foreign name')), status);

  async function search(): Promise<void> {
    status.replaceChildren(loading('what is known under it'));
    try {
      hits.splice(0);
      searched = 0;
      next = null;
      const found = await Promise.all(LOOKUPS.map((look) => look(query, signal)));
      hits.push(...found.flat());
      await searchCommits();
    } catch (error) {
      if (!signal.aborted) status.replaceChildren(problemBox(error, () => void search()));
      return;
    }
    const [only] = hits;
    // One thing was meant, and found: straight to it.
    if (hits.length === 1 && only !== undefined && next === null) page.go(only.address, 'replace');
    else render();
  }

  async function searchCommits(): Promise<void> {
    const most = searched + COMMITS_AT_ONCE;
    do {
      const cursor: Record<string, string> = next === null ? {} : { cursor: next };
      const answer: GraphAnswer = await ask('/v1/graph', { limit: '200', ...cursor }, signal);
      const models = answer.nodes.flatMap((node) => (node.kind === 'model' ? [node] : []));
      for (const model of models)
        if (model.commit.startsWith(query)) add(modelHit(model, 'Model version of this commit'));
      searched += models.length;
      // After the models come the datasets that no model uses.
      next = models.length === 0 ? null : answer.next;
    } while (next !== null && searched < most);
  }

  function add(hit: Hit): void {
    if (!hits.some(({ kind, name }) => kind === hit.kind && name === hit.name)) hits.push(hit);
  }

  function render(): void {
    const more =
      next === null
        ? null
        : button('Look through more commits', () => {
            void searchCommits().then(render, (error: unknown) =>
              status.replaceChildren(problemBox(error, () => void search())),
            );
          });
    const looked = el(
      'p',
      { class: 'soft' },
      next === null
        ? `Looked among all inference ids, dataset hashes, model names and records, and the commits of all ${counted(searched, 'model version')}.`
        : `Looked among all inference ids, dataset hashes, model names and records. A commit is looked for among the loaded model versions only: the newest ${count(searched)} so far.`,
    );
    if (hits.length === 0) {
      status.replaceChildren(
        el(
          'div',
          { class: 'nothing' },
          el('h2', {}, 'Nothing found'),
          el(
            'p',
            {},
            'Ids, hashes and names are compared whole and in the same case; of a commit the beginning will do. If its log was dropped a moment ago, look under ',
            link('Dropped files', addressOf('files')),
            ' what became of it.',
          ),
        ),
        looked,
        ...(more === null ? [] : [more]),
      );
      return;
    }
    status.replaceChildren(
      el('p', {}, counted(hits.length, 'hit')),
      el(
        'ul',
        { class: 'hits' },
        ...hits.map(({ kind, name, address: to }) =>
          el('li', {}, el('span', { class: 'soft' }, `${kind}: `), link(foreign(name), to)),
        ),
      ),
      looked,
      ...(more === null ? [] : [more]),
    );
  }

  void search();
  return {
    title: 'Search',
    update: () => undefined,
    refresh: () => undefined,
    close: () => asking.abort(),
  };
}

function modelHit({ name, commit }: ModelName, kind = 'Model version'): Hit {
  return {
    kind,
    name: `${name} @ ${commit}`,
    address: addressOf('lineage', {
      subject: { kind: 'model', name, commit },
      select: keyOf({ kind: 'model', name, commit }),
    }),
  };
}

type Look = (query: string, signal: AbortSignal) => Promise<Hit[]>;

const LOOKUPS: readonly Look[] = [
  async (id, signal) => {
    const found = await orNull(ask<InferenceAnswer>('/v1/inference', { id }, signal));
    const subject = { kind: 'inference', id } as const;
    const address = addressOf('lineage', { subject, select: keyOf(subject) });
    return found === null ? [] : [{ kind: 'Inference', name: id, address }];
  },
  async (hash, signal) => {
    const found = await orNull(ask<DatasetAnswer>('/v1/dataset', { hash }, signal));
    if (found === null) return [];
    const subject = { kind: 'dataset', hash } as const;
    const isDeclared = found.dataset === null;
    const select = keyOf(isDeclared ? { kind: 'declared', hash } : subject);
    const address = addressOf('lineage', { subject, select });
    const kind = isDeclared ? 'Dataset that is declared, not recorded' : 'Dataset';
    return [{ kind, name: found.dataset?.path ?? hash, address }];
  },
  async (name, signal) => {
    const found = await ask<ModelsAnswer>('/v1/models', { name, limit: '200' }, signal);
    return found.items.map((model) => modelHit(model));
  },
  async (digest, signal) => {
    if (!isHash(digest)) return [];
    const found = await orNull(ask<EvidenceAnswer>('/v1/evidence', { digest }, signal), [
      'not-found',
      'forbidden',
    ]);
    const address = addressOf('graph', { select: keyOf({ kind: 'record', digest }) });
    return found === null ? [] : [{ kind: 'Signed record', name: digest, address }];
  },
  async (kid, signal) => {
    if (!isHash(kid)) return [];
    const { summary } = await ask<ImpactAnswer>('/v1/impact', { kid, limit: '1' }, signal);
    const { modelCount = 0, signed = null } = summary ?? {};
    const { datasets = 0, models = 0, inferences = 0 } = signed ?? {};
    if (modelCount + datasets + models + inferences === 0) return [];
    return [
      { kind: 'Key', name: kid, address: addressOf('impact', { subject: { kind: 'key', kid } }) },
    ];
  },
];

function isHash(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Null where nothing of that identity is recorded, or nothing that the caller may know of. */
async function orNull<Answer>(
  asked: Promise<Answer>,
  of: readonly AskError['kind'][] = ['not-found'],
): Promise<Answer | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof AskError && of.includes(error.kind)) return null;
    throw error;
  }
}
