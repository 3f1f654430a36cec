import type { DatasetAnswer } from '../lib/http/answers/dataset.ts';
import type { EvidenceAnswer, SigningAnswer } from '../lib/http/answers/evidence.ts';
import type { Inference, InferenceAnswer } from '../lib/http/answers/inference.ts';
import type { Model, ModelAnswer } from '../lib/http/answers/model.ts';
import type { InferenceEvidence } from '../lib/http/answers/signed-at.ts';
import { linkText } from '../lib/links.ts';
import { addressOf, type Subject } from './address.ts';
import { ask, AskError, pretty } from './ask.ts';
import { button, copyButton, el, facts, foreign, when } from './element.ts';
import { keyOf, namedBy, type Named } from './keys.ts';
import { completenessNotice, loading, problemBox } from './notice.ts';
import { proofSection } from './proof-section.ts';
import { bytes, count, counted, lastPart, shortTime, visible } from './text.ts';
import { choice, link, type Page } from './view.ts';

const TITLES = {
  dataset: 'Dataset',
  model: 'Model version',
  inference: 'Inference',
  record: 'Signed record',
  declared: 'Dataset, not recorded',
  claimed: 'Model, not recorded',
} as const;

/** The panel at the side: what is known of one thing, and the evidence for it, verified on the spot. */
export class Panel {
  readonly #root: HTMLElement;
  readonly #page: Page;
  #shown = '';
  /** Where focus came from. */
  #opener: HTMLElement | null = null;
  #asking = new AbortController();

  constructor(root: HTMLElement, page: Page) {
    this.#root = root;
    this.#page = page;
    root.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#close();
    });
  }

  show(key: string, takesFocus: boolean): void {
    if (key === this.#shown) return;
    this.#shown = key;
    const { activeElement: from } = document;
    if (from instanceof HTMLElement && !this.#root.contains(from)) this.#opener = from;
    this.#asking.abort();
    this.#asking = new AbortController();
    this.#root.hidden = key === '';
    this.#root.replaceChildren();
    if (key === '') return;
    const named = namedBy(key);
    const heading = el(
      'h2',
      { id: 'panel-title', tabindex: '-1' },
      named === null ? 'Nothing selected' : TITLES[named.kind],
    );
    const body = el('div', { class: 'panel-body' });
    this.#root.append(
      el(
        'div',
        { class: 'panel-head' },
        heading,
        button('Close', () => this.#close(), { 'aria-label': 'Close the panel' }),
      ),
      body,
    );
    if (takesFocus) heading.focus();
    if (named === null)
      body.append('This link names nothing that could be shown; it may be cut short.');
    else void this.#fill(body, named, this.#asking.signal);
  }

  /** Asks again for what could not be shown. */
  retry(): void {
    if (this.#root.querySelector('.problem') === null) return;
    const key = this.#shown;
    this.#shown = '';
    this.show(key, false);
  }

  #close(): void {
    const opener = this.#opener;
    this.#page.go({ select: '' });
    const at = opener?.getAttribute('data-at') ?? '';
    // What it was opened from may have been made anew meanwhile.
    const again =
      opener?.isConnected === true
        ? opener
        : [...document.querySelectorAll<HTMLElement>('main [data-at]')].find(
            (each) => each.getAttribute('data-at') === at,
          );
    (again ?? document.querySelector<HTMLElement>('main h1'))?.focus();
  }

  async #fill(
    body: HTMLElement,
    named: Exclude<Named, { kind: 'key' }>,
    signal: AbortSignal,
  ): Promise<void> {
    body.replaceChildren(loading('what is known of it'));
    try {
      const content = await contentOf(named, signal);
      if (!signal.aborted) body.replaceChildren(...content);
    } catch (error) {
      if (signal.aborted) return;
      body.replaceChildren(problemBox(error, () => void this.#fill(body, named, signal)));
    }
  }
}

async function contentOf(
  named: Exclude<Named, { kind: 'key' }>,
  signal: AbortSignal,
): Promise<Node[]> {
  switch (named.kind) {
    case 'dataset':
      return datasetContent(
        named.hash,
        await ask<DatasetAnswer>('/v1/dataset', { hash: named.hash }, signal),
        signal,
      );
    case 'model': {
      const { name, commit } = named;
      const answer = await ask<ModelAnswer>('/v1/model', { name, commit }, signal);
      return answer.model === null
        ? claimedContent(name, commit)
        : modelContent(answer.model, answer, signal);
    }
    case 'inference':
      return inferenceContent(
        await ask<InferenceAnswer>('/v1/inference', { id: named.id }, signal),
        signal,
      );
    case 'record':
      return [evidenceSection({ digest: named.digest }, null, signal)];
    case 'declared':
      return declaredContent(named.hash);
    case 'claimed':
      return claimedContent(named.name, named.commit);
  }
}

function declaredContent(hash: string): Node[] {
  return [
    facts([['Hash', withCopy('the hash', hash)]]),
    el(
      'p',
      {},
      'Models declare that they use it, and no accepted record describes it. Until one does, nobody signed for what it is. Ask whoever made the models to drop the log with its record.',
    ),
  ];
}

function claimedContent(name: string, commit: string | null): Node[] {
  return [
    facts([
      ['Name', withCopy('the name', name)],
      ['Commit', commit === null ? null : withCopy('the commit', commit)],
    ]),
    el(
      'p',
      {},
      'Inferences claim it, and no accepted record describes a version that they could be linked to. The links will be made by themselves when its record arrives.',
    ),
  ];
}

function datasetContent(asked: string, answer: DatasetAnswer, signal: AbortSignal): Node[] {
  const { dataset, models, modelCount, inferenceCount } = answer;
  if (dataset === null) return declaredContent(asked);
  const { hash, path, description, recordedAt } = dataset;
  const subject: Subject = { kind: 'dataset', hash };
  return [
    facts([
      ['Path', path === null ? 'see the evidence' : withCopy('the path', path)],
      ['Hash', withCopy('the hash', hash)],
      ['Description', description === null ? null : foreign(description)],
      ['Claimed time', shortTime(recordedAt)],
      ['As it was signed', signedTime(dataset)],
      ['Used by', counted(modelCount, 'model version')],
      [
        'Behind them',
        inferenceCount === null ? 'too many to count here' : counted(inferenceCount, 'inference'),
      ],
    ]),
    completenessNotice([answer], false),
    ...contentsNotice(answer.contents),
    actions(subject),
    evidenceSection({ digest: dataset.evidence.digest }, dataset.evidence, signal),
    el('h3', {}, 'Used by'),
    models.length === 0
      ? el('p', {}, 'No recorded model uses it.')
      : el(
          'ul',
          { class: 'plain' },
          ...models.map((model) =>
            el(
              'li',
              {},
              nodeLink({ kind: 'model', name: model.name, commit: model.commit }),
              ` ${counted(model.inferences, 'inference')}`,
            ),
          ),
        ),
    modelCount > models.length
      ? el('p', {}, `${count(models.length)} of ${count(modelCount)}; “Show its lineage” has all.`)
      : el('span'),
  ];
}

function modelContent(model: Model, answer: ModelAnswer, signal: AbortSignal): Node[] {
  const { name, commit, datasets, datasetCount, pending, pendingCount, inferenceCount } = model;
  return [
    facts([
      ['Name', withCopy('the name', name)],
      ['Commit', withCopy('the commit', commit)],
      ['Claimed time', shortTime(model.recordedAt)],
      ['As it was signed', signedTime(model)],
      ['Datasets', `${count(datasetCount)} recorded, ${count(pendingCount)} only declared`],
      ['Inferences', count(inferenceCount)],
    ]),
    completenessNotice([answer], false),
    ...contentsNotice(answer.contents),
    actions({ kind: 'model', name, commit }),
    evidenceSection({ digest: model.evidence.digest }, model.evidence, signal),
    el('h3', {}, 'Datasets'),
    datasets.length + pending.length === 0
      ? el('p', {}, 'It declares none: nothing is known of what it was made from.')
      : el(
          'ul',
          { class: 'plain' },
          ...datasets.map(({ hash, path }) =>
            el('li', {}, nodeLink({ kind: 'dataset', hash }, path ?? hash)),
          ),
          ...pending.map((hash) =>
            el('li', {}, nodeLink({ kind: 'declared', hash }), ' declared, not recorded'),
          ),
        ),
    datasets.length < datasetCount || pending.length < pendingCount
      ? el(
          'p',
          {},
          `Named here: ${count(datasets.length)} of ${count(datasetCount)} recorded and ${count(pending.length)} of ${count(pendingCount)} only declared. “Show its lineage” has all that are recorded.`,
        )
      : el('span'),
    ...opaqueSection('Hyperparameters', model.hyperparameters),
    ...opaqueSection('Environment', model.environment),
  ];
}

function inferenceContent(answer: InferenceAnswer, signal: AbortSignal): Node[] {
  const { inference } = answer;
  const { id, claimed, model, resolution, recordedAt } = inference;
  const said = claimed.commit === null ? ', no commit' : ` @ ${claimed.commit}`;
  return [
    facts([
      ['Id', withCopy('the id', id)],
      [
        'Made by',
        model === null ? 'a version that is not recorded' : nodeLink({ kind: 'model', ...model }),
      ],
      ['How that is known', linkText(resolution)],
      ['The record says', foreign(`${claimed.name}${said}`)],
      ['Claimed time', shortTime(recordedAt)],
      ['As it was signed', signedTime(inference)],
    ]),
    completenessNotice([answer], false),
    ...contentsNotice(answer.contents),
    actions({ kind: 'inference', id }),
    evidenceSection({ inference: id }, inference.evidence, signal),
    payloadSection(inference, signal),
  ];
}

/** Nothing where every record says the same. */
function contentsNotice(contents: DatasetAnswer['contents']): Node[] {
  if (contents === null) return [];
  const { digests = [] } = contents;
  return [
    el(
      'div',
      { class: 'notice' },
      el('strong', {}, `Records say ${count(contents.count)} different things of it`),
      el('p', {}, 'What stands here is what the latest of them says.'),
      el(
        'ul',
        { class: 'plain' },
        ...digests.map((digest) => el('li', {}, nodeLink({ kind: 'record', digest }))),
      ),
    ),
  ];
}

function actions(subject: Subject): HTMLElement {
  const upward = subject.kind === 'inference';
  return el(
    'p',
    { class: 'row' },
    link(
      upward ? 'What does this rest on?' : 'Show its lineage',
      addressOf('lineage', { subject }),
      {
        class: 'button',
      },
    ),
    upward
      ? null
      : link('What does this touch?', addressOf('impact', { subject }), { class: 'button strong' }),
  );
}

function nodeLink(named: Exclude<Named, { kind: 'key' }>, label?: string): HTMLElement {
  const text =
    label ??
    (named.kind === 'model'
      ? `${named.name} @ ${named.commit}`
      : named.kind === 'dataset' || named.kind === 'declared'
        ? named.hash
        : keyOf(named));
  return choice(keyOf(named), foreign(text));
}

/** Where no offset was signed, how the time was read is said beside it. */
function signedTime({
  timestamp,
  offsetSigned,
}: Pick<Model, 'timestamp' | 'offsetSigned'>): HTMLElement | null {
  if (timestamp === null) return null;
  const isNaive = offsetSigned === false;
  return el('span', {}, foreign(timestamp), isNaive ? ': no offset was signed, read as UTC' : '');
}

function withCopy(what: string, text: string): HTMLElement {
  const className = /^[0-9a-f]{32,}$/.test(text) ? 'foreign hash' : 'foreign';
  return el('span', { class: 'copied' }, foreign(text, className), ' ', copyButton(what, text));
}

function opaqueSection(title: string, value: unknown): Node[] {
  if (value === null || value === undefined) return [];
  return [el('h3', {}, title), jsonBlock(title, value)];
}

/** What is no JSON, or would look as if it were none, comes as the text that was signed. */
function wrapped(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !('text' in value)) return null;
  return Object.keys(value).length === 1 && typeof value.text === 'string' ? value.text : null;
}

function jsonBlock(title: string, value: unknown): HTMLElement {
  const text = (wrapped(value) ?? pretty(value)).split('\n').map(visible).join('\n');
  return el('pre', { tabindex: '0', role: 'region', 'aria-label': title }, text);
}

function payloadSection(
  { id, inputKept, outputKept }: Inference,
  signal: AbortSignal,
): HTMLElement {
  const section = el('section', {}, el('h3', {}, 'Input and output'));
  for (const [name, kept] of [
    ['Input', inputKept],
    ['Output', outputKept],
  ] as const)
    if (kept !== null && kept !== undefined)
      section.append(
        el(
          'p',
          {},
          `${name}: only its hash is kept here, ${bytes(kept.bytes)}. `,
          foreign(kept.sha256),
        ),
      );
  const show = button('Show them', () => {
    void (async () => {
      try {
        const parameters = { id, include: 'payload' };
        const answer = await ask<InferenceAnswer>('/v1/inference', parameters, signal);
        const { input, output } = answer.inference;
        const isKept = (input ?? output ?? null) !== null;
        show.replaceWith(
          ...opaqueSection('Input', input),
          ...opaqueSection('Output', output),
          isKept ? '' : 'Nothing of them is kept in the graph; the signed envelope has them.',
        );
      } catch (error) {
        if (!signal.aborted) show.replaceWith(problemBox(error, () => section.replaceWith(show)));
      }
    })();
  });
  section.append(show);
  return section;
}

const STATUS = {
  verified: {
    title: 'Verified now',
    means: 'The line was read again from the archive a moment ago, and its signature holds.',
  },
  'key-unknown': {
    title: 'Not verified: the key is not known here',
    means:
      'The very record stands in its log, but the key that signed it is not among the configured ones. Add the public key and look again.',
  },
  differs: {
    title: 'Not verified: something else stands there',
    means:
      'The archived log no longer holds what was accepted: somebody touched the archive itself. Keep it as it is and ask the operator to audit it.',
  },
  gone: {
    title: 'Not verified: the log is not there',
    means:
      'The archive no longer has the log that was accepted: somebody touched the archive itself. The graph still holds what it said; restore the log to prove it.',
  },
  unread: {
    title: 'Not verified yet: the time was up',
    means: 'The envelopes before this one took the whole time of one answer. Look again.',
  },
} as const satisfies Record<SigningAnswer['status'], { title: string; means: string }>;

const KEY_STATUS = {
  'revoked-later':
    'The key is revoked. This was claimed and taken in before anybody else is known to have had it.',
  compromised: '✗ Not proven: others may have had the key when this was signed or taken in.',
  unknown: 'The key is none of those that are trusted here now.',
} as const satisfies Record<Exclude<SigningAnswer['keyStatus'], 'valid'>, string>;

/** Every signing of the record that `asked` names. */
function evidenceSection(
  asked: Readonly<Record<string, string>>,
  known: InferenceEvidence | null,
  signal: AbortSignal,
): HTMLElement {
  const verdict = el('div', { role: 'status' });
  const section = el('section', { class: 'evidence' }, el('h3', {}, 'Evidence'), verdict);
  const check = async (): Promise<void> => {
    const place = known === null ? [] : [whereabouts(known, known.digest)];
    verdict.replaceChildren(loading('the envelope, and verifying it'), ...place);
    try {
      const answer = await ask<EvidenceAnswer>('/v1/evidence', asked, signal);
      const { digest, signings } = answer;
      verdict.replaceChildren(
        completenessNotice([answer], false),
        ...(known === null ? [assertion(answer)] : []),
        ...signings.flatMap((signing) => signingContent(signing, digest)),
        proofSection(asked, signal),
      );
    } catch (error) {
      if (signal.aborted) return;
      verdict.replaceChildren(
        problemBox(error, () => void check()),
        ...place,
      );
      if (!(error instanceof AskError)) throw error;
    }
  };
  void check();
  return section;
}

function signingContent(signing: SigningAnswer, digest: string): Node[] {
  const { status, keyStatus, kid, envelope, key, takenAt, names } = signing;
  const { title, means } = STATUS[status];
  const what = link(
    'What did this key sign for?',
    addressOf('impact', { subject: { kind: 'key', kid } }),
    { class: 'button' },
  );
  const unnamed = names.count - names.uris.length;
  return [
    el(
      'div',
      { class: `verdict ${status}` },
      el('strong', {}, `${status === 'verified' ? '✓' : '✗'} ${title}`),
      el('p', {}, means),
    ),
    ...(keyStatus === 'valid'
      ? []
      : [el('p', { class: `key ${keyStatus}` }, KEY_STATUS[keyStatus])]),
    whereabouts(signing, digest),
    takenAt === null ? el('span') : facts([['Taken in here', when(takenAt)]]),
    el(
      'p',
      {},
      names.count === 0 ? 'The log is still being written.' : 'The log came as ',
      ...names.uris.flatMap((uri, index) => [index === 0 ? '' : ', ', foreign(lastPart(uri))]),
      unnamed > 0 ? `, and under ${counted(unnamed, 'more name')}` : '',
    ),
    ...(envelope === null ? [] : [textBlock('Envelope, the line as it stands', envelope)]),
    ...(key === null ? [] : [textBlock('Public key of the signer', key.pem)]),
    el('p', {}, what),
  ];
}

function assertion({ asserts }: EvidenceAnswer): HTMLElement {
  return el(
    'p',
    {},
    'It describes ',
    nodeLink(asserts, asserts.kind === 'inference' ? asserts.id : undefined),
  );
}

function whereabouts(
  { kid, log, line, offset, length }: InferenceEvidence,
  digest: string | undefined,
): HTMLElement {
  const isTold = offset !== undefined && length !== undefined;
  return el(
    'div',
    {},
    facts([
      ['Signed by key', withCopy('the key’s id', kid)],
      ['In line', count(line)],
    ]),
    el(
      'details',
      {},
      el('summary', {}, 'Where exactly'),
      facts([
        ['Log', withCopy('the SHA-256 of the log', log)],
        ['At', isTold ? `byte ${count(offset)}, ${counted(length, 'byte')}` : null],
        ['Record', digest === undefined ? null : withCopy('the digest of the record', digest)],
      ]),
    ),
  );
}

function textBlock(title: string, text: string): HTMLElement {
  const shown = text.trimEnd().split('\n').map(visible).join('\n');
  return el(
    'details',
    {},
    el('summary', {}, title),
    copyButton(title.toLowerCase(), text),
    el('pre', { tabindex: '0', role: 'region', 'aria-label': title }, shown),
  );
}
