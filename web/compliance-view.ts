import { addressOf } from './address.ts';
import { el } from './element.ts';
import { link, type View } from './view.ts';

export function complianceView(root: HTMLElement): View {
  root.append(
    el('h1', { tabindex: '-1' }, 'Compliance'),
    el(
      'div',
      { class: 'empty' },
      el('h2', {}, 'Not in this version'),
      el(
        'p',
        {},
        'No compliance check runs in this version, so there is nothing to show: neither that rules are kept nor that they are broken.',
      ),
      el(
        'p',
        {},
        'Until there is one, ask for models without any dataset with ',
        el('code', {}, 'npm run --silent custody -- query 3.8'),
        ', or look for them in the ',
        link('chain of custody', addressOf('graph')),
        '.',
      ),
    ),
  );
  return {
    title: 'Compliance',
    update: () => undefined,
    refresh: () => undefined,
    close: () => undefined,
  };
}
