import { formatAddress, parseAddress, type Address } from './address.ts';
import { el } from './element.ts';
import type { Live } from './live.ts';

/** What a view may do with the page around it. */
export interface Page {
  readonly live: Live;
  address(): Address;
  /** Goes to another state of the view; `replace` leaves no step to go back to. */
  go(change: Partial<Address>, how?: 'push' | 'replace'): void;
}

/** One of the page’s views, shown until it is closed. */
export interface View {
  readonly title: string;
  /** The address changed in what lies over the view. */
  update(address: Address): void;
  /** There is something new to be asked for. */
  refresh(): void;
  close(): void;
}

export function link(
  content: Node | string,
  address: Address,
  attributes: Readonly<Record<string, string>> = {},
): HTMLAnchorElement {
  return el('a', { href: formatAddress(address), ...attributes }, content);
}

/** A link that shows something in the panel, over whatever view there is. */
export function choice(key: string, content: Node | string): HTMLAnchorElement {
  const address = { ...parseAddress(location.hash), select: key };
  const made = link(content, address, { 'data-at': key });
  made.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    // What else the address says may have changed since this link was made.
    location.hash = formatAddress({ ...parseAddress(location.hash), select: key });
  });
  return made;
}
