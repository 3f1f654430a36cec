import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { VARIABLES } from '../lib/config.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test('README.md names exactly the variables that lib/config.ts reads', () => {
  const named = [...readme.matchAll(/^\| `([A-Z0-9_]+)`/gm)].map(([, name]) => name);
  expect(named).toEqual(VARIABLES);
});
