import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { VARIABLES } from '../lib/config.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test('README.md names exactly the variables that lib/config.ts reads', () => {
  const named = [...readme.matchAll(/^\| `([A-Z0-9_]+)`/gm)].map(([, name]) => name);
  expect(named).toEqual(VARIABLES);
});

test('docs/operations.md names exactly the settings that serverless.yml takes', () => {
  const template = readFileSync('serverless.yml', 'utf8');
  const defaults = template.slice(template.indexOf('\nparams:'), template.indexOf('\ncustom:'));
  const settings = [...defaults.matchAll(/^ {4}(\w+):/gm)].map(([, name]) => name);
  const operations = readFileSync('docs/operations.md', 'utf8');
  const named = [...operations.matchAll(/^ {3}\| `(\w+)` /gm)].map(([, name]) => name);
  expect(named).toEqual(settings);
});
