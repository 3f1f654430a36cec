import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const threats = read('../../docs/threats.md');

const CITATION = /`([\w./-]+\.test\.ts)`: "([^"]+)"/g;
/** A title behind test(, or behind the ) of test.each(…); for the latter it is the template. */
const TITLE = /(?:\btest|\))\(\s*(?:'([^']+)'|"([^"]+)"|`([^`]+)`),/g;

test('every test that docs/threats.md names exists in the file that it names', () => {
  const cited = [...threats.matchAll(CITATION)].map(([, file = '', name = '']) => ({ file, name }));
  const missing = cited.filter(({ file, name }) => {
    const titles = [...read(`../${file}`).matchAll(TITLE)].map(
      ([, plain, quoted, built]) => plain ?? quoted ?? built,
    );
    return !titles.includes(name);
  });
  expect(missing).toEqual([]);
  // A test file that is named in another form would escape the check.
  expect(cited).toHaveLength(threats.match(/`[\w./-]+\.test\.ts`/g)?.length ?? 0);
});

test('every promise of docs/threats.md names a test', () => {
  const [, promised = ''] = /^## What is promised$([^]*?)^## /m.exec(threats) ?? [];
  const rows = promised.match(/^\|.*$/gm)?.slice(2) ?? [];
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.filter((row) => row.search(CITATION) === -1)).toEqual([]);
});
