import type { Basis } from './chain.ts';
import {
  COLUMN_NAMES,
  HEAD,
  NODE_HEIGHT,
  type Layout,
  type Placed,
  type PlacedLink,
} from './columns.ts';
import { el } from './element.ts';
import { DASHES, linkStrokes, nodeColour, type Palette } from './look.ts';
import { palette } from './palette.ts';
import { visible } from './text.ts';

export interface DrawingOptions {
  /** Somebody chose a node. */
  readonly onChoose: (key: string) => void;
  /** Somebody moved to a node; it is to be said aloud. */
  readonly onFocus: (node: Placed) => void;
}

const LEAST_ZOOM = 0.02;
const MOST_ZOOM = 2;
const TEXT_FROM = 0.45;
const CORNER = 7;
/** The later ones lie over the earlier. */
const BASES = [
  'uncounted',
  'declared',
  'signed',
  'only-version',
  'by-time',
  'pending',
] as const satisfies readonly Basis[];

/**
 * The columns on a canvas. The browser scrolls a sizer as large as the drawing; the canvas stays in
 * sight and paints what the sizer would show, so that 5,000 nodes cost what the visible ones do.
 */
export class Drawing {
  readonly element: HTMLElement;
  readonly #canvas = el('canvas', { 'aria-hidden': 'true' });
  readonly #sizer = el('div', { class: 'sizer' });
  readonly #options: DrawingOptions;
  readonly #observer: ResizeObserver;
  readonly #dark = window.matchMedia('(prefers-color-scheme: dark)');
  #layout: Layout;
  #colours: Palette = palette();
  #zoom = 1;
  #focused: string | null = null;
  #selected = '';
  #frame = 0;

  constructor(layout: Layout, options: DrawingOptions) {
    this.#layout = layout;
    this.#options = options;
    this.#sizer.append(this.#canvas);
    this.element = el(
      'div',
      {
        class: 'drawing',
        tabindex: '0',
        role: 'application',
        'aria-roledescription': 'drawing',
        'aria-label': 'Chain of custody in three columns: datasets, models, inferences',
        'aria-describedby': 'drawing-keys',
      },
      this.#sizer,
    );
    this.element.addEventListener('scroll', () => this.#paintSoon(), { passive: true });
    this.element.addEventListener('keydown', (event) => this.#key(event));
    this.element.addEventListener('focus', () => this.#focusSomething());
    this.element.addEventListener('blur', () => this.#paintSoon());
    this.element.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    this.#canvas.addEventListener('click', (event) => this.#click(event));
    this.#canvas.addEventListener('mousemove', (event) => this.#hover(event));
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(this.element);
    this.#dark.addEventListener('change', this.#recolour);
    this.#resize();
  }

  get zoom(): number {
    return this.#zoom;
  }

  close(): void {
    this.#observer.disconnect();
    this.#dark.removeEventListener('change', this.#recolour);
    cancelAnimationFrame(this.#frame);
  }

  show(layout: Layout, selected: string): void {
    this.#layout = layout;
    this.#selected = selected;
    if (this.#focused !== null && !layout.byKey.has(this.#focused)) this.#focused = null;
    this.#resize();
  }

  select(key: string): void {
    this.#selected = key;
    this.#paintSoon();
  }

  /** Brings a node into sight; nothing moves when it is there. */
  reveal(key: string): void {
    const node = this.#layout.byKey.get(key);
    if (node === undefined) return;
    const { element } = this;
    const zoom = this.#zoom;
    const left = node.x * zoom;
    const top = node.y * zoom;
    const right = (node.x + this.#layout.nodeWidth) * zoom;
    const bottom = (node.y + NODE_HEIGHT) * zoom;
    if (left < element.scrollLeft || right > element.scrollLeft + element.clientWidth)
      element.scrollLeft = left - 16;
    if (top < element.scrollTop + HEAD || bottom > element.scrollTop + element.clientHeight)
      element.scrollTop = top - element.clientHeight / 2;
  }

  setZoom(zoom: number): void {
    const { element } = this;
    const next = Math.min(Math.max(zoom, LEAST_ZOOM), MOST_ZOOM);
    const middle = (element.scrollTop + element.clientHeight / 2) / this.#zoom;
    this.#zoom = next;
    this.#resize();
    element.scrollTop = middle * next - element.clientHeight / 2;
  }

  fit(): void {
    const { width, height } = this.#layout;
    const { clientWidth, clientHeight } = this.element;
    this.setZoom(Math.min(1, clientWidth / width, clientHeight / height));
  }

  /** The whole drawing as a picture; null where it would be too large for a browser, or too small to read. */
  async png(): Promise<Blob | null> {
    const { width, height } = this.#layout;
    const scale = Math.min(2, 16_000 / width, 16_000 / height, Math.sqrt(64e6 / (width * height)));
    if (scale < TEXT_FROM) return null;
    const canvas = el('canvas');
    canvas.width = Math.ceil(width * scale);
    canvas.height = Math.ceil(height * scale);
    const context = canvas.getContext('2d');
    if (context === null) return null;
    context.scale(scale, scale);
    context.fillStyle = this.#colours.paper;
    context.fillRect(0, 0, width, height);
    this.#paintNodes(context, { top: 0, bottom: height }, scale);
    this.#paintHeads(context, 0);
    return new Promise((done) => canvas.toBlob(done, 'image/png'));
  }

  #recolour = (): void => {
    this.#colours = palette();
    this.#paintSoon();
  };

  #resize(): void {
    const { width, height } = this.#layout;
    const { element } = this;
    this.#sizer.style.width = `${Math.max(width * this.#zoom, 1)}px`;
    this.#sizer.style.height = `${Math.max(height * this.#zoom, 1)}px`;
    const ratio = window.devicePixelRatio;
    const across = element.clientWidth;
    const down = element.clientHeight;
    if (across === 0 || down === 0) return;
    if (
      this.#canvas.width !== Math.round(across * ratio) ||
      this.#canvas.height !== Math.round(down * ratio)
    ) {
      this.#canvas.width = Math.round(across * ratio);
      this.#canvas.height = Math.round(down * ratio);
      this.#canvas.style.width = `${across}px`;
      this.#canvas.style.height = `${down}px`;
    }
    // At once: an emptied canvas would flash.
    this.#paint();
  }

  #paintSoon(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint(): void {
    const context = this.#canvas.getContext('2d');
    if (context === null) return;
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.element;
    const ratio = window.devicePixelRatio;
    const zoom = this.#zoom;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = this.#colours.paper;
    context.fillRect(0, 0, clientWidth, clientHeight);
    context.setTransform(ratio * zoom, 0, 0, ratio * zoom, -scrollLeft * ratio, -scrollTop * ratio);
    const top = scrollTop / zoom;
    this.#paintNodes(context, { top, bottom: top + clientHeight / zoom }, zoom);
    context.setTransform(ratio * zoom, 0, 0, ratio * zoom, -scrollLeft * ratio, 0);
    this.#paintHeads(context, clientWidth);
  }

  #paintHeads(context: CanvasRenderingContext2D, across: number): void {
    const { columns, nodeWidth, width } = this.#layout;
    context.fillStyle = this.#colours.paper;
    context.fillRect(0, 0, Math.max(width, across / this.#zoom), HEAD - 6);
    if (this.#zoom < TEXT_FROM && across > 0) return;
    context.fillStyle = this.#colours.soft;
    context.font = '600 12px system-ui, sans-serif';
    context.textBaseline = 'middle';
    columns.forEach((column, index) => {
      const x = column[0]?.x;
      if (x !== undefined) context.fillText(COLUMN_NAMES[index] ?? '', x, HEAD / 2 - 2, nodeWidth);
    });
  }

  #paintNodes(
    context: CanvasRenderingContext2D,
    { top, bottom }: { top: number; bottom: number },
    zoom: number,
  ): void {
    const { links, nodes } = this.#layout;
    const inSight = links.filter(
      ({ y1, y2 }) => Math.max(y1, y2) >= top && Math.min(y1, y2) <= bottom,
    );
    const near = this.#selected === '' ? this.#focused : this.#selected;
    const isNear = ({ from, to }: PlacedLink): boolean => from === near || to === near;
    this.#paintLinks(context, inSight, false, zoom);
    this.#paintLinks(context, links.filter(isNear), true, zoom);
    for (const node of nodes)
      if (node.y + NODE_HEIGHT >= top && node.y <= bottom) this.#paintNode(context, node, zoom);
  }

  /** One path for each look: a stroke costs more than the curves in it. */
  #paintLinks(
    context: CanvasRenderingContext2D,
    links: readonly PlacedLink[],
    areChosen: boolean,
    zoom: number,
  ): void {
    for (const basis of BASES) {
      const alike = links.filter((link) => link.basis === basis);
      if (alike.length === 0) continue;
      context.beginPath();
      for (const link of alike) trace(context, link);
      for (const { colour, dashes, width, opacity } of linkStrokes(
        basis,
        areChosen,
        this.#colours,
      )) {
        context.strokeStyle = colour;
        context.setLineDash(zoom < TEXT_FROM ? [] : dashes);
        context.lineWidth = Math.max(width, 0.5 / zoom);
        context.globalAlpha = opacity;
        context.stroke();
      }
    }
    context.globalAlpha = 1;
    context.setLineDash([]);
  }

  #paintNode(context: CanvasRenderingContext2D, node: Placed, zoom: number): void {
    const { nodeWidth } = this.#layout;
    const colours = this.#colours;
    const colour = nodeColour(node.look, colours);
    const { x, y } = node;
    if (zoom < 0.1) {
      context.fillStyle = colour;
      context.fillRect(x, y, nodeWidth, NODE_HEIGHT);
      return;
    }
    if (node.look === 'group') {
      context.strokeStyle = colour;
      context.lineWidth = 1;
      box(context, x + 4, y - 3, nodeWidth - 8, NODE_HEIGHT);
      context.stroke();
    }
    box(context, x, y, nodeWidth, NODE_HEIGHT);
    context.fillStyle = colours.paper;
    context.fill();
    const isChosen = node.key === this.#selected;
    context.strokeStyle = isChosen ? colours.accent : colour;
    context.lineWidth = isChosen ? 3 : 1.5;
    context.setLineDash(node.look === 'hollow' ? DASHES.pending : []);
    context.stroke();
    context.setLineDash([]);
    if (node.look !== 'hollow') {
      context.fillStyle = colour;
      context.fillRect(x + 1, y + CORNER, 4, NODE_HEIGHT - 2 * CORNER);
    }
    if (node.key === this.#focused && document.activeElement === this.element) {
      box(context, x - 4, y - 4, nodeWidth + 8, NODE_HEIGHT + 8);
      context.strokeStyle = colours.accent;
      context.lineWidth = 2;
      context.stroke();
    }
    if (zoom < TEXT_FROM) return;
    const room = nodeWidth - 20;
    context.direction = 'ltr';
    context.textBaseline = 'middle';
    context.fillStyle = colours.ink;
    context.font = '600 13px system-ui, sans-serif';
    context.fillText(fitted(context, node.label, room), x + 12, y + 14);
    context.fillStyle = colours.soft;
    context.font = '11px ui-monospace, monospace';
    context.fillText(fitted(context, node.detail, room), x + 12, y + 29);
  }

  #at(event: MouseEvent): Placed | undefined {
    const frame = this.#canvas.getBoundingClientRect();
    const x = (event.clientX - frame.left + this.element.scrollLeft) / this.#zoom;
    const y = (event.clientY - frame.top + this.element.scrollTop) / this.#zoom;
    const { nodes, nodeWidth } = this.#layout;
    return nodes.find(
      (node) => x >= node.x && x <= node.x + nodeWidth && y >= node.y && y <= node.y + NODE_HEIGHT,
    );
  }

  #click(event: MouseEvent): void {
    const node = this.#at(event);
    if (node === undefined) return;
    this.#focused = node.key;
    this.#options.onChoose(node.key);
    this.#paintSoon();
  }

  #hover(event: MouseEvent): void {
    const node = this.#at(event);
    this.#canvas.style.cursor = node === undefined ? '' : 'pointer';
    const title =
      node === undefined ? '' : `${node.full ?? node.label}\n${node.detail}`.slice(0, 400);
    if (this.#canvas.title !== title) this.#canvas.title = title;
  }

  #wheel(event: WheelEvent): void {
    if (!event.ctrlKey) return;
    event.preventDefault();
    this.setZoom(this.#zoom * (event.deltaY < 0 ? 1.1 : 0.9));
  }

  #focusSomething(): void {
    const first = this.#layout.columns.find((column) => column.length > 0)?.[0];
    const key = this.#focused ?? (this.#layout.byKey.has(this.#selected) ? this.#selected : null);
    const node = (key === null ? undefined : this.#layout.byKey.get(key)) ?? first;
    if (node !== undefined) this.#moveTo(node);
  }

  #moveTo(node: Placed): void {
    this.#focused = node.key;
    this.reveal(node.key);
    this.#options.onFocus(node);
    this.#paintSoon();
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '+' || event.key === '-') {
      this.setZoom(this.#zoom * (event.key === '+' ? 1.25 : 0.8));
      event.preventDefault();
      return;
    }
    const node = this.#focused === null ? undefined : this.#layout.byKey.get(this.#focused);
    if (node === undefined) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.#options.onChoose(node.key);
      return;
    }
    const target = this.#neighbour(node, event.key);
    if (target === undefined) return;
    event.preventDefault();
    this.#moveTo(target);
  }

  #neighbour(node: Placed, key: string): Placed | undefined {
    const { columns, links, byKey } = this.#layout;
    const column = columns[node.column] ?? [];
    const index = column.indexOf(node);
    if (key === 'ArrowDown') return column[index + 1];
    if (key === 'ArrowUp') return column[index - 1];
    if (key === 'Home') return column[0];
    if (key === 'End') return column.at(-1);
    if (key !== 'ArrowLeft' && key !== 'ArrowRight') return undefined;
    const isLeft = key === 'ArrowLeft';
    const linked = links
      .filter((link) => (isLeft ? link.to : link.from) === node.key)
      .flatMap((link) => byKey.get(isLeft ? link.from : link.to) ?? []);
    // Along a link where there is one, else straight across.
    const across = linked.length > 0 ? linked : (columns[node.column + (isLeft ? -1 : 1)] ?? []);
    return across.reduce<Placed | undefined>(
      (best, each) =>
        best === undefined || Math.abs(each.y - node.y) < Math.abs(best.y - node.y) ? each : best,
      undefined,
    );
  }
}

function trace(context: CanvasRenderingContext2D, link: PlacedLink): void {
  const { isBranch, x1, y1, x2, y2 } = link;
  const middle = (x1 + x2) / 2;
  context.moveTo(x1, y1);
  if (isBranch) {
    context.lineTo(middle, y1);
    context.lineTo(middle, y2);
    context.lineTo(x2, y2);
  } else context.bezierCurveTo(middle, y1, middle, y2, x2, y2);
}

function box(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  context.beginPath();
  context.roundRect(x, y, width, height, CORNER);
}

const fits = new Map<string, string>();

/** As much of the text as there is room for, with an ellipsis where that is not all. */
function fitted(context: CanvasRenderingContext2D, text: string, room: number): string {
  const key = `${context.font} ${room} ${text}`;
  const known = fits.get(key);
  if (known !== undefined) return known;
  // Isolated, so that a name that reads from right to left leaves the ellipsis at the end.
  const isolated = (of: string): string => `\u2066${of}\u2069`;
  const whole = visible(text.slice(0, 300));
  let fit = isolated(whole);
  if (context.measureText(fit).width > room) {
    const letters = Array.from(whole);
    let least = 0;
    let most = letters.length;
    while (least < most) {
      const half = Math.ceil((least + most) / 2);
      const tried = `${letters.slice(0, half).join('')}…`;
      if (context.measureText(isolated(tried)).width <= room) least = half;
      else most = half - 1;
    }
    fit = isolated(`${letters.slice(0, least).join('')}…`);
  }
  if (fits.size > 20_000) fits.clear();
  fits.set(key, fit);
  return fit;
}
