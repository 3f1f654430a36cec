import { contentsText } from '../lib/contents-text.ts';
import type { Completeness } from '../lib/http/answers/completeness.ts';
import type { Inference } from '../lib/http/answers/inference.ts';
import type { DrawnNode, GraphAnswer, LineageAnswer } from '../lib/http/answers/lineage.ts';
import type { Model, ModelName } from '../lib/http/answers/model.ts';
import type { Evidence } from '../lib/http/answers/signed-at.ts';
import { LINKS, type LINK_WORDS } from '../lib/links.ts';
import { keyOf } from './keys.ts';
import { count, counted } from './text.ts';

type Contents = Inference['contents'];

export interface ChainDataset {
  readonly hash: string;
  readonly path: string | null;
  readonly contents?: Contents | undefined;
  readonly evidence: Evidence;
}

export interface ChainModel extends ModelName {
  readonly inferenceCount: number;
  readonly contents?: Contents | undefined;
  readonly evidence: Evidence;
  /** Null where the answer did not say. */
  readonly pendingCount: number | null;
  readonly datasetCount: number | null;
}

/** A model’s name that inferences claim, without a recorded version to link them to. */
export interface ChainClaimed {
  readonly name: string;
  readonly inferenceCount: number;
  /** There are more than were counted. */
  readonly isCut: boolean;
}

export interface Opened {
  readonly items: readonly Inference[];
  readonly next: string | null;
}

/** What a link rests on: `declared` by a model’s record, `uncounted` for many at once; the others are those of inferences. */
export type Basis = keyof typeof LINK_WORDS | 'declared' | 'uncounted';

export interface ChainNode {
  readonly key: string;
  readonly column: 0 | 1 | 2;
  /** `hollow`: only known by its mention. `group`: inferences that are counted and not shown. */
  readonly look: 'dataset' | 'model' | 'inference' | 'group' | 'hollow';
  readonly label: string;
  readonly detail: string;
  /** The whole name, where `label` is a part of it. */
  readonly full?: string;
}

export interface ChainLink {
  readonly from: string;
  readonly to: string;
  readonly basis: Basis;
}

interface Wanted {
  readonly withGroups: boolean;
  readonly isPast: boolean;
  readonly isAll: boolean;
}

/** What has been answered so far, put together: a node that two answers tell of is one. */
export class Chain {
  readonly datasets = new Map<string, ChainDataset>();
  readonly models = new Map<string, ChainModel>();
  readonly claimed = new Map<string, ChainClaimed>();
  readonly opened = new Map<string, Opened>();
  /** Inferences that the question itself began at. */
  readonly inferences = new Map<string, Inference>();
  /** Hashes that a model declares and nobody recorded, where they have been asked for. */
  readonly declared = new Map<string, readonly string[]>();
  readonly uses = new Map<string, { readonly dataset: string; readonly model: string }>();
  /** Hashes where a question began that nobody recorded, by the key that answers name them by. */
  readonly #unrecorded = new Map<string, string>();
  /** What each answer said of its own completeness, by what was asked; one after the other. */
  readonly #told = new Map<string, Completeness[]>();
  /** Of the answer that the chain began with. */
  next: string | null = null;

  addGraph(answer: GraphAnswer): void {
    for (const node of answer.nodes) this.#addDrawn(node);
    for (const { from, to } of answer.edges) this.#use(from, to);
    this.next = answer.next;
    this.#tell('', answer);
  }

  #addDrawn(node: DrawnNode): void {
    if (node.kind === 'dataset') this.datasets.set(node.key, node);
    else if (node.kind === 'model') this.models.set(node.key, node);
    else this.claimed.set(node.key, node);
  }

  addLineage(answer: LineageAnswer): void {
    for (const node of answer.nodes) {
      if (node.kind === 'dataset') this.datasets.set(node.key, node);
      else if (node.kind === 'inference') this.inferences.set(node.key, node);
      else if (node.kind === 'unrecorded') this.#mention(node.subject);
      else {
        const known = this.models.get(node.key);
        const { pendingCount = null, datasetCount = null } = known ?? {};
        this.models.set(node.key, { ...node, pendingCount, datasetCount });
      }
    }
    for (const edge of answer.edges) if (edge.kind === 'USED_IN') this.#use(edge.from, edge.to);
    this.next = answer.next;
    this.#tell('', answer);
  }

  /** Its inferences tell a version that nobody recorded; a dataset needs a node to hang its models on. */
  #mention(
    subject: Extract<LineageAnswer['nodes'][number], { kind: 'unrecorded' }>['subject'],
  ): void {
    if (subject.kind !== 'dataset') return;
    const { hash } = subject;
    this.#unrecorded.set(keyOf({ kind: 'dataset', hash }), hash);
  }

  /** A page of the inferences of one model. */
  addOpened(model: string, answer: LineageAnswer): void {
    const before = this.opened.get(model)?.items ?? [];
    const known = new Set(before.map(({ id }) => id));
    const fresh = answer.nodes.flatMap((node) =>
      node.kind === 'inference' && !known.has(node.id) ? [node] : [],
    );
    this.opened.set(model, { items: [...before, ...fresh], next: answer.next });
    this.#tell(model, answer);
  }

  close(model: string): void {
    this.opened.delete(model);
    this.#told.delete(model);
  }

  nameDeclared(model: string, { pending, pendingCount, datasetCount }: Model): void {
    const known = this.models.get(model);
    if (known === undefined) return;
    this.models.set(model, { ...known, pendingCount, datasetCount });
    this.declared.set(model, pending);
  }

  #tell(asked: string, answer: Completeness): void {
    this.#told.set(asked, [...(this.#told.get(asked) ?? []).map(goneOnFrom), answer]);
  }

  /** What the answers that this was put together from say of their completeness. */
  told(): Completeness[] {
    return [...this.#told.values()].flat();
  }

  #use(dataset: string, model: string): void {
    this.uses.set(`${dataset}\n${model}`, { dataset, model });
  }

  /** Models with more datasets than one answer names, and how many more. */
  undrawn(): Map<string, number> {
    const left = new Map<string, number>();
    for (const [model, { datasetCount }] of this.models) left.set(model, datasetCount ?? 0);
    for (const { model } of this.uses.values()) left.set(model, (left.get(model) ?? 0) - 1);
    return new Map([...left].filter(([, many]) => many > 0));
  }

  /** Whether more lies behind what was loaded or opened. */
  isPart(): boolean {
    return this.next !== null || [...this.opened.values()].some(({ next }) => next !== null);
  }

  /** The inferences in sight and the model each is drawn behind. */
  shownInferences(): { readonly inference: Inference; readonly model: string }[] {
    const shown = new Map<string, { inference: Inference; model: string }>();
    for (const inference of this.inferences.values())
      shown.set(inference.id, { inference, model: modelKeyOf(inference) });
    for (const [model, { items }] of this.opened)
      for (const inference of items) shown.set(inference.id, { inference, model });
    return [...shown.values()];
  }

  /**
   * What is to be drawn. `withGroups`: inferences that are not shown stand there as a count, which is
   * always today’s; `isPast` says that the question is about another time, `isAll` that a model’s
   * datasets belong into the picture.
   */
  picture({ withGroups, isPast, isAll }: Wanted): { nodes: ChainNode[]; links: ChainLink[] } {
    const nodes = new Map<string, ChainNode>();
    const links: ChainLink[] = [];
    const add = (node: ChainNode): void => void (nodes.has(node.key) || nodes.set(node.key, node));
    for (const [key, { hash, path, contents }] of this.datasets)
      add({
        key,
        column: 0,
        look: 'dataset',
        label: path === null ? hash : tail(path),
        detail: withContents(hash, contents),
        full: path ?? hash,
      });
    for (const [key, { name, commit, contents }] of this.models)
      add({
        key,
        column: 1,
        look: 'model',
        label: name,
        detail: withContents(commit, contents),
      });
    for (const [key, claimed] of this.claimed)
      add({ key, column: 1, look: 'hollow', label: claimed.name, detail: claimedText(claimed) });
    for (const hash of this.#unrecorded.values())
      add({
        key: keyOf({ kind: 'declared', hash }),
        column: 0,
        look: 'hollow',
        label: 'not recorded',
        detail: hash,
      });
    for (const { dataset, model } of this.uses.values()) {
      const hash = this.#unrecorded.get(dataset);
      if (hash === undefined) links.push({ from: dataset, to: model, basis: 'declared' });
      else links.push({ from: keyOf({ kind: 'declared', hash }), to: model, basis: 'pending' });
    }
    if (isAll)
      for (const [model, left] of this.undrawn()) {
        const key = `rest ${model}`;
        const label = `${count(left)} more datasets`;
        add({ key, column: 0, look: 'group', label, detail: 'open the lineage' });
        links.push({ from: key, to: model, basis: 'uncounted' });
      }
    this.#drawDeclared(add, links);
    this.#drawInferences(add, links);
    if (withGroups) this.#drawGroups(add, links, isPast);
    return { nodes: [...nodes.values()], links };
  }

  /** What models declare and nobody recorded. */
  #drawDeclared(add: (node: ChainNode) => void, links: ChainLink[]): void {
    for (const [model, { pendingCount }] of this.models) {
      const hashes = this.declared.get(model);
      for (const hash of hashes ?? []) {
        const key = keyOf({ kind: 'declared', hash });
        add({ key, column: 0, look: 'hollow', label: 'not recorded', detail: hash });
        links.push({ from: key, to: model, basis: 'pending' });
      }
      const unnamed = (pendingCount ?? 0) - (hashes?.length ?? 0);
      if (unnamed > 0) {
        const key = `unnamed ${model}`;
        const label = `${count(unnamed)} not recorded`;
        add({ key, column: 0, look: 'hollow', label, detail: 'select the model for their hashes' });
        links.push({ from: key, to: model, basis: 'pending' });
      }
    }
  }

  #drawInferences(add: (node: ChainNode) => void, links: ChainLink[]): void {
    for (const { inference, model } of this.shownInferences()) {
      const { id, claimed, resolution, recordedAt, contents } = inference;
      const key = keyOf({ kind: 'inference', id });
      if (!this.models.has(model)) {
        const detail = claimed.commit ?? 'no commit named';
        add({ key: model, column: 1, look: 'hollow', label: claimed.name, detail });
      }
      add({
        key,
        column: 2,
        look: 'inference',
        label: id,
        detail: withContents(recordedAt, contents),
      });
      links.push({ from: model, to: key, basis: LINKS[resolution].basis });
    }
  }

  /** Inferences that are counted and not shown. */
  #drawGroups(add: (node: ChainNode) => void, links: ChainLink[], isPast: boolean): void {
    for (const [model, { inferenceCount }] of this.models) {
      const opened = this.opened.get(model);
      const left = inferenceCount - (opened?.items.length ?? 0);
      if (left <= 0 || opened?.next === null) continue;
      const what = opened === undefined ? counted(left, 'inference') : `${count(left)} more`;
      const label = isPast ? `at most ${what}` : what;
      const key = groupKey(model);
      add({
        key,
        column: 2,
        look: 'group',
        label,
        detail: `open ${left > 50 ? 'the next 50' : 'them'}`,
      });
      links.push({ from: model, to: key, basis: 'uncounted' });
    }
  }
}

/** What a page leaves missing once the one after it is there: a budget was up, and is made good. */
export function goneOnFrom(answer: Completeness): Completeness {
  const left = (answer.incomplete ?? []).filter(
    ({ reason }) => reason !== 'TIME_BUDGET' && reason !== 'SIZE_BUDGET',
  );
  return { ...answer, complete: left.length === 0, incomplete: left };
}

/** `not recorded, 3 inferences` */
export function claimedText({ inferenceCount, isCut }: ChainClaimed): string {
  return `not recorded, ${isCut ? 'at least ' : ''}${counted(inferenceCount, 'inference')}`;
}

/** What a node is told apart by; first, where records say different things of it, how many. */
function withContents(detail: string, contents: Contents): string {
  return contents === undefined ? detail : `${contentsText(contents)}: ${detail}`;
}

function groupKey(model: string): string {
  return `group ${model}`;
}

/** The file’s name in a path; the whole where there is none. */
function tail(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name === '' ? path : name;
}

/** The model whose inferences a group stands for; null for any other node. */
export function groupedModel(key: string): string | null {
  return key.startsWith('group ') ? key.slice('group '.length) : null;
}

function modelKeyOf({ model, claimed }: Inference): string {
  return model === null
    ? keyOf({ kind: 'claimed', ...claimed })
    : keyOf({ kind: 'model', ...model });
}
