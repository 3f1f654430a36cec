import { COLUMN_NAMES, HEAD, NODE_HEIGHT, type Layout } from './columns.ts';
import { DASHES, linkColour, nodeColour, type Palette } from './look.ts';
import { visible } from './text.ts';

/** The drawing as SVG, to be kept: text that can be searched, and a title for who can't see it. */
export function pictureOf(layout: Layout, colours: Palette, title: string): string {
  const { width, height, nodeWidth, nodes, links, columns } = layout;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="${colours.paper}"/>`,
  ];
  columns.forEach((column, index) => {
    const x = column[0]?.x;
    if (x !== undefined)
      lines.push(
        `<text x="${x}" y="${HEAD / 2 + 2}" font-size="12" font-weight="600" fill="${colours.soft}">${COLUMN_NAMES[index]}</text>`,
      );
  });
  for (const { x1, y1, x2, y2, basis, isBranch } of links) {
    const middle = (x1 + x2) / 2;
    const way = isBranch
      ? `H${middle}V${y2}H${x2}`
      : `C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
    const dashes = DASHES[basis].join(' ');
    lines.push(
      `<path d="M${x1} ${y1}${way}" fill="none" stroke="${linkColour(basis, colours)}" stroke-width="1.25"${dashes === '' ? '' : ` stroke-dasharray="${dashes}"`} data-basis="${basis}"/>`,
    );
  }
  for (const { x, y, look, label, detail, full = label } of nodes) {
    const dashes = look === 'hollow' ? ` stroke-dasharray="${DASHES.pending.join(' ')}"` : '';
    lines.push(
      `<g transform="translate(${x} ${y})" data-kind="${look}"><title>${escaped(`${full}\n${detail}`)}</title>`,
      `<rect width="${nodeWidth}" height="${NODE_HEIGHT}" rx="7" fill="${colours.paper}" stroke="${nodeColour(look, colours)}" stroke-width="1.5"${dashes}/>`,
      `<text x="12" y="18" font-size="13" font-weight="600" fill="${colours.ink}">${escaped(cut(label, nodeWidth / 8))}</text>`,
      `<text x="12" y="33" font-size="11" font-family="monospace" fill="${colours.soft}">${escaped(cut(detail, nodeWidth / 7.5))}</text></g>`,
    );
  }
  lines.push('</svg>');
  return `${lines.join('\n')}\n`;
}

function cut(text: string, most: number): string {
  const letters = Array.from(text);
  return letters.length <= most ? text : `${letters.slice(0, Math.floor(most) - 1).join('')}…`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** XML has no way to write most control characters: they are spelled out before. */
function escaped(text: string): string {
  return text
    .split('\n')
    .map(visible)
    .join('\n')
    .replace(/[&<>"]/g, (one) => ENTITIES[one] ?? one);
}
