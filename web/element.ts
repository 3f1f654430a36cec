import { contentsText } from '../lib/contents-text.ts';
import { shortTime, visible } from './text.ts';

type Child = Node | string | null;

/**
 * An element of the page. Children that are strings become text nodes: data has no other way into the
 * document.
 */
export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const child of children) if (child !== null) element.append(child);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

export function svg(
  tag: string,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: readonly Child[]
): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  for (const child of children) if (child !== null) element.append(child);
  return element;
}

export function button(
  label: string,
  act: () => void,
  attributes: Readonly<Record<string, string>> = {},
): HTMLButtonElement {
  const made = el('button', { type: 'button', ...attributes }, label);
  made.addEventListener('click', act);
  return made;
}

/** Text of somebody else’s, kept apart from the direction and the wrapping of what is around it. */
export function foreign(text: string, className = 'foreign'): HTMLElement {
  return el('bdi', { class: className, dir: 'ltr' }, visible(text));
}

/** Copies the very text, whatever is shown of it. */
export function copyButton(what: string, text: string): HTMLButtonElement {
  const made = button('Copy', () => {
    void copy(text).then((done) => say(done ? `Copied: ${what}` : `Could not copy ${what}`));
  });
  made.className = 'small';
  made.setAttribute('aria-label', `Copy ${what}`);
  return made;
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

let silence: number | undefined;

/** Says something to who can’t see it, and shows it for a moment to who can. */
export function say(text: string): void {
  const said = whisper(text);
  said?.classList.add('shown');
  window.clearTimeout(silence);
  silence = window.setTimeout(() => said?.classList.remove('shown'), 4_000);
}

/** Says what who can see it sees anyway. */
export function whisper(text: string): Element | null {
  const said = document.querySelector('#said');
  said?.classList.remove('shown');
  if (said !== null) said.textContent = text;
  return said;
}

/**
 * Puts new content in place of the old. Focus stays where it was, by the name that an element has in
 * `data-at`; it would fall back to the top of the page.
 */
export function replace(place: HTMLElement, ...content: readonly Node[]): void {
  const at = place.contains(document.activeElement)
    ? document.activeElement?.getAttribute('data-at')
    : null;
  place.replaceChildren(...content);
  if (typeof at !== 'string') return;
  const [same, other] = [at, at.replace(/^open /, 'fold ')].map((name) =>
    [...place.querySelectorAll<HTMLElement>('[data-at]')].find(
      (each) => each.getAttribute('data-at') === name,
    ),
  );
  (same ?? other)?.focus({ preventScroll: true });
}

/** Offers a file to be kept. */
export function save(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = el('a', { href: url, download: name });
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
  say(`Saved ${name}`);
}

/** A table under a caption that a screen reader names it by; it scrolls by itself where it is too wide. */
export function table(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly Child[])[],
): HTMLElement {
  const id = `t${(tables += 1)}`;
  const head = el('tr', {}, ...heads.map((text) => el('th', { scope: 'col' }, text)));
  const body = rows.map((cells) =>
    el(
      'tr',
      {},
      ...cells.map((cell, index) =>
        index === 0 ? el('th', { scope: 'row' }, cell) : el('td', {}, cell),
      ),
    ),
  );
  return el(
    'div',
    {
      class: 'scroll',
      tabindex: '0',
      role: 'region',
      'aria-labelledby': id,
      'data-at': `table ${heads.join()}`,
    },
    el(
      'table',
      {},
      el('caption', { id }, caption),
      el('thead', {}, head),
      el('tbody', {}, ...body),
    ),
  );
}

let tables = 0;

/** Terms and what is said of them. */
export function facts(of: readonly (readonly [string, Child])[]): HTMLElement {
  const list = el('dl');
  for (const [term, told] of of)
    if (told !== null) list.append(el('dt', {}, term), el('dd', {}, told));
  return list;
}

/** File and line of a signed record, for a cell. */
export function where(
  { log, line }: { log: string; line: number },
  contents: Parameters<typeof contentsText>[0],
): HTMLElement {
  const told = contentsText(contents);
  return el(
    'span',
    { class: 'where' },
    foreign(log.slice(0, 12), 'foreign hash'),
    ` line ${line}`,
    told === '' ? null : el('strong', {}, `, ${told}`),
  );
}

/** An instant, for a cell. */
export function when(time: string): HTMLElement {
  return el('time', { datetime: time }, shortTime(time));
}
